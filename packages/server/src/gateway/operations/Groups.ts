/** The consumer groups as a person sees them: how far each is, moving one on a topic, forgetting one that is gone. */

import { UnitOfWork } from "@paceline/core/consistency"
import { type GroupProgress, InvalidRequest, NotFound, type Sought } from "@paceline/core/contract"
import { DeadLetters, EventLog, Progress } from "@paceline/core/messaging"
import { Effect } from "effect"
import { Health } from "../../observability/Health.ts"
import * as LogReading from "./LogReading.ts"

/** How far each group is, on each of its topics. */
export const list = Effect.gen(function* () {
  const { lags, stalled } = yield* Effect.flatMap(Health, ({ standing }) => standing)
  const stoodMillis = new Map(stalled.map(({ lag, stoodMillis }) => [lag, stoodMillis]))
  const groups = Map.groupBy(lags, ({ group, topic }) => JSON.stringify([group, topic]))
  return yield* Effect.forEach([...groups.values()], (own) => progressOf(own, stoodMillis))
}).pipe(Effect.map((groups) => groups.flat()))

const progressOf = (lags: ReadonlyArray<EventLog.Lag>, stoodMillis: ReadonlyMap<EventLog.Lag, number>) =>
  Effect.gen(function* () {
    const [first] = lags
    if (first === undefined) return []
    const of = { group: first.group, topic: first.topic }
    const progress = yield* Progress.of(of)
    const partitions = lags.map((lag) => {
      const stood = stoodMillis.get(lag)
      const { committed, end, partition, start } = lag
      const stalledSeconds = stood === undefined ? null : Math.floor(stood / 1000)
      return { partition, committed, start, end, lag: end - committed, stalledSeconds }
    })
    const view: GroupProgress = {
      ...of,
      partitions,
      stalled: partitions.some(({ stalledSeconds }) => stalledSeconds !== null),
      ...progress,
      deadLetters: yield* DeadLetters.count(of),
    }
    return [view]
  })

/** Where a known group stands on a topic. */
const lagsOf = Effect.fnUntraced(function* (group: string, topic: string) {
  const log = yield* EventLog.EventLog
  const lags = yield* log.lag
  const own = lags.filter((lag) => lag.group === group && lag.topic === topic)
  if (own.length > 0) return own
  const known = [...new Set(lags.map((lag) => `${lag.group} on ${lag.topic}`))].join(", ")
  return yield* new NotFound({
    what: "consumer group",
    id: group,
    message: `No consumer group "${group}" reads topic "${topic}". ${known === "" ? "There is none yet." : `There are: ${known}.`}`,
  })
})

export interface Seek {
  /** As `LogPlace` reads it. */
  readonly to: string
  readonly partition?: number | undefined
}

/** Sets where a group goes on. Its members learn of it when they next commit, and read again from there. */
export const seek = Effect.fn("Groups.seek")(function* (group: string, topic: string, { partition, to }: Seek) {
  const log = yield* EventLog.EventLog
  yield* lagsOf(group, topic)
  const place = yield* LogReading.placeOf(to)
  const partitions = yield* LogReading.partitionsOf(topic)
  const chosen = partitions.filter((one) => partition === undefined || one.partition === partition)
  if (chosen.length === 0) {
    const message = `Topic "${topic}" has no partition ${partition}: it has ${partitions.length}, from 0 on.`
    return yield* new InvalidRequest({ message })
  }
  if (place._tag === "Offset") {
    const [only, other] = chosen
    if (other !== undefined) {
      const message = `Topic "${topic}" has ${partitions.length} partitions, and an offset belongs to one: say which.`
      return yield* new InvalidRequest({ message })
    }
    if (only !== undefined && (place.offset < only.start || place.offset > only.end)) {
      const message = `${topic}/${only.partition} holds offsets from ${only.start} up to ${only.end}, not ${place.offset}.`
      return yield* new InvalidRequest({ message })
    }
  }
  return yield* UnitOfWork.run(
    Effect.forEach(chosen, (one) =>
      Effect.gen(function* () {
        const before = yield* log.committed(group, topic, one.partition)
        const after = yield* LogReading.offsetOf(topic, one, place)
        yield* log.seek(group, topic, one.partition, after)
        const sought: Sought = { partition: one.partition, before, after }
        return sought
      }),
    ),
  ).pipe(
    Effect.tap((moved) =>
      Effect.logInfo("A consumer group was moved by hand.").pipe(
        Effect.annotateLogs({ group, topic, moved: JSON.stringify(moved) }),
      ),
    ),
  )
})

/** Forgets where a group stands. One that still runs here is known again when it is next started. */
export const forget = Effect.fn("Groups.forget")(function* (group: string, topic: string) {
  const log = yield* EventLog.EventLog
  yield* lagsOf(group, topic)
  yield* UnitOfWork.run(log.unsubscribe(group, topic))
  yield* Effect.logInfo("A consumer group was forgotten.").pipe(Effect.annotateLogs({ group, topic }))
})
