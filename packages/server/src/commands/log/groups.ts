/** `paceline log groups`: where each consumer group stands, a row for each partition. */
import type { GroupProgress } from "@paceline/core/contract"
import { Console, Effect } from "effect"
import type { ResolvedSettings } from "../../config/Settings.ts"
import { connect, orRefused } from "../LocalServer.ts"
import { table } from "../Table.ts"
import { countText } from "../Text.ts"

const HEAD = ["GROUP", "TOPIC", "PARTITION", "COMMITTED", "START", "END", "LAG", "PARKED", "DEAD", "STATE"]

/** What belongs to the whole group is in its first row. */
export const rows = ({ deadLetters, group, parked, partitions, topic }: GroupProgress) =>
  partitions.map(({ committed, end, lag, partition, stalledSeconds, start }, i) => [
    group,
    topic,
    ...[partition, committed, start, end, lag].map(countText),
    i === 0 ? countText(parked) : "",
    i === 0 ? countText(deadLetters) : "",
    stalledSeconds === null ? "ok" : `stalled for ${stalledSeconds} s`,
  ])

export const groups = (settings: ResolvedSettings, { json }: { readonly json: boolean }) =>
  Effect.gen(function* () {
    const { api } = yield* connect(settings)
    const found = yield* orRefused(api.operations.groups())
    if (json) return yield* Console.log(JSON.stringify(found))
    yield* Console.log(table([HEAD, ...found.flatMap(rows)], { right: [2, 3, 4, 5, 6, 7, 8] }))
  })
