/** `paceline log lag`: how far each consumer group is; with a bar on a terminal, else a line for each. */
import type { GroupProgress } from "@paceline/core/contract"
import { Progress } from "@paceline/core/kernel"
import { Console, Effect } from "effect"
import type { ResolvedSettings } from "../../config/Settings.ts"
import { connect, orRefused } from "../LocalServer.ts"
import { table } from "../Table.ts"
import { timeText } from "../Text.ts"

export interface LagOptions {
  readonly watch: boolean
  readonly json: boolean
}

const NARROWEST = 10
const WIDEST = 40

const standing = ({ deadLetters, partitions, stalled }: GroupProgress): string => {
  const seconds = Math.max(0, ...partitions.map(({ stalledSeconds }) => stalledSeconds ?? 0))
  return [
    ...(stalled ? [`stalled for ${seconds} s`] : []),
    ...(deadLetters > 0 ? [`${deadLetters} dead: see paceline dead-letters list`] : []),
  ].join(", ")
}

/** For people. No line is longer than the terminal is wide: one that wraps could not be drawn over. */
export const bars = (groups: ReadonlyArray<GroupProgress>, columns: number): string => {
  const drawn = (width: number) =>
    table(
      groups.map((group) => [`${group.group} on ${group.topic}`, Progress.bar(group, width), standing(group)]),
    ).split("\n")
  const longest = Math.max(0, ...drawn(NARROWEST).map(({ length }) => length))
  const width = Math.min(WIDEST, NARROWEST + Math.max(0, columns - longest))
  return drawn(width)
    .map((line) => (line.length > columns ? `${line.slice(0, columns - 1)}…` : line))
    .join("\n")
}

/** For programs that read lines. */
export const lines = (groups: ReadonlyArray<GroupProgress>): string =>
  groups
    .map(({ deadLetters, done, failed, group, lag, parked, percent, skipped, stalled, topic, total, waiting }) => {
      const shown = (Math.floor(percent * 10) / 10).toFixed(1)
      const counts = { total, done, failed, skipped, waiting, lag, parked, dead: deadLetters, percent: shown, stalled }
      return [`${group} on ${topic}`, ...Object.entries(counts).map(([name, value]) => `${name}=${value}`)].join(" ")
    })
    .join("\n")

/** Goes back over what was last drawn, and clears it. */
const over = (drawn: string): string => (drawn === "" ? "" : `\u001b[${drawn.split("\n").length}A\u001b[0J`)

export const lag = (settings: ResolvedSettings, { json, watch }: LagOptions) =>
  Effect.gen(function* () {
    const { api } = yield* connect(settings)
    const { columns, isTTY } = process.stdout
    const text = Effect.map(orRefused(api.operations.groups()), (groups) => {
      if (json) return JSON.stringify(groups)
      if (isTTY) return bars(groups, columns)
      const all = lines(groups)
      return watch ? all.replace(/^/gm, `${timeText(Date.now())} `) : all
    })
    let drawn = ""
    do {
      const next = yield* text
      yield* Console.log(isTTY && !json ? over(drawn) + next : next)
      drawn = next
      if (watch) yield* Effect.sleep("1 second")
    } while (watch)
  })
