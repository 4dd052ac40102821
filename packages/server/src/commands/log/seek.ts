/** `paceline log seek` and `paceline log forget`: what a person does about a consumer group, once they say --yes. */
import type { GroupProgress } from "@paceline/core/contract"
import { Console, Effect, Schema } from "effect"
import type { ResolvedSettings } from "../../config/Settings.ts"
import { type Api, connect, orRefused } from "../LocalServer.ts"
import { countText, plural } from "../Text.ts"

interface GroupOf {
  readonly group: string
  readonly topic: string
  readonly yes: boolean
  readonly json: boolean
}

export interface SeekOptions extends GroupOf {
  readonly to: string
  readonly partition: number | undefined
}

/** Nothing was done, because nobody said that it should be. */
class NotConfirmed extends Schema.TaggedError<NotConfirmed>("paceline/NotConfirmed")("NotConfirmed", {
  message: Schema.String,
}) {}

class NoSuchGroup extends Schema.TaggedError<NoSuchGroup>("paceline/NoSuchGroup")("NoSuchGroup", {
  message: Schema.String,
}) {}

const find = (api: Api, { group, topic }: GroupOf) =>
  Effect.gen(function* () {
    const all = yield* orRefused(api.operations.groups())
    const found = all.find((one) => one.group === group && one.topic === topic)
    if (found !== undefined) return found
    const known = all.map((one) => `${one.group} on ${one.topic}`).join(", ")
    const message = `No consumer group "${group}" reads topic "${topic}". There are: ${known || "none"}.`
    return yield* new NoSuchGroup({ message })
  })

const pathOf = ({ group, topic }: GroupOf) => ({ group: encodeURIComponent(group), topic: encodeURIComponent(topic) })

const positions = ({ partitions }: GroupProgress): string =>
  partitions.map(({ committed, end, partition }) => `${partition}:${committed} of ${end}`).join(", ")

/** What moving from one offset to another means. */
const meaning = (before: number, after: number): string => {
  if (after < before) return `${plural(before - after, "record")} will be handled again`
  if (after > before) return `${plural(after - before, "record")} will not be handled`
  return "it stands there already"
}

export const seek = (settings: ResolvedSettings, options: SeekOptions) =>
  Effect.gen(function* () {
    const { api } = yield* connect(settings)
    const { group, json, partition, to, topic, yes } = options
    const before = yield* find(api, options)
    if (!yes) {
      const message = `This would move ${group} on ${topic}, which stands at ${positions(before)}, to ${to}${partition === undefined ? "" : ` in partition ${partition}`}. What it passes again is handled again; what it passes over is never handled. Say --yes to do it.`
      return yield* new NotConfirmed({ message })
    }
    const payload = { to, confirm: true as const, ...(partition === undefined ? {} : { partition }) }
    const moved = yield* orRefused(api.operations.seek({ path: pathOf(options), payload }))
    if (json) return yield* Console.log(JSON.stringify(moved))
    for (const one of moved) {
      const change = `from ${countText(one.before)} to ${countText(one.after)}`
      yield* Console.log(`${group} on ${topic}/${one.partition} moved ${change}: ${meaning(one.before, one.after)}.`)
    }
  })

export const forget = (settings: ResolvedSettings, options: GroupOf) =>
  Effect.gen(function* () {
    const { api } = yield* connect(settings)
    const { group, json, topic, yes } = options
    const known = yield* find(api, options)
    if (!yes) {
      const message = `This would forget ${group} on ${topic}, which stands at ${positions(known)}. Should it be run again, it begins with the first record. Say --yes to do it.`
      return yield* new NotConfirmed({ message })
    }
    yield* orRefused(api.operations.forget({ path: pathOf(options) }))
    yield* Console.log(json ? JSON.stringify({ group, topic, forgotten: true }) : `${group} on ${topic} is forgotten.`)
  })
