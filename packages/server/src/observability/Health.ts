/**
 * Whether this server does its work: `/readyz` shows it, so that whoever watches over it can see it stall.
 *
 * A consumer group that has records to read and does not get on with them for half a minute has stalled. It is found by
 * looking every few seconds, also when nobody asks, so it is known within that time and a quarter of it.
 */
import { Permits } from "@paceline/core/concurrency"
import { Stall } from "@paceline/core/kernel"
import { EventLog } from "@paceline/core/messaging"
import { Clock, Context, Duration, Effect, Schedule } from "effect"

interface Readiness {
  readonly status: "ready" | "stalled" | "unavailable"
  /** What is wrong, in words; empty when ready. */
  readonly problems: ReadonlyArray<string>
  /** How far each consumer group has read, and how far it could. */
  readonly consumers: ReadonlyArray<EventLog.Lag>
}

/** A group that has stood for so long with records to read has stalled, milliseconds. */
export class StalledAfter extends Context.Reference<StalledAfter>()("paceline/observability/StalledAfter", {
  defaultValue: () => ({ millis: 30_000 }),
}) {}

/** The longest pause between two looks. */
const LOOK_EVERY_MILLIS = 5_000

const sentence = ({ lag: { committed, end, group, partition, topic }, stoodMillis }: Stall.Stalled<EventLog.Lag>) =>
  `${group} on ${topic}/${partition} has stood at ${committed} of ${end} for ${Math.floor(stoodMillis / 1000)} s`

export class Health extends Effect.Service<Health>()("paceline/observability/Health", {
  scoped: Effect.gen(function* () {
    const log = yield* EventLog.EventLog
    const { millis: afterMillis } = yield* StalledAfter
    // One look at a time: an older answer of the store must not be taken for the newer one.
    const turn = Permits.unsafeMake(1)
    let state = Stall.none

    const standing = Effect.gen(function* () {
      const lags = yield* log.lag
      const looked = Stall.look(state, lags, yield* Clock.currentTimeMillis, { afterMillis })
      state = looked.state
      return { lags, stalled: looked.stalled }
    }).pipe(turn.withPermit)

    const look = standing.pipe(
      Effect.map(
        ({ lags, stalled }): Readiness => ({
          status: stalled.length === 0 ? "ready" : "stalled",
          problems: stalled.map(sentence),
          consumers: lags,
        }),
      ),
      Effect.catchAll(({ message }) => {
        const readiness: Readiness = { status: "unavailable", problems: [message], consumers: [] }
        return Effect.succeed(readiness)
      }),
    )

    yield* look.pipe(
      Effect.repeat(Schedule.spaced(Duration.millis(Math.min(LOOK_EVERY_MILLIS, afterMillis / 4)))),
      Effect.forkScoped,
    )
    return {
      look,
      /** How far each group is, and which of them have stalled. */
      standing,
    }
  }),
}) {}
