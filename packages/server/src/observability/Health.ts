/**
 * Whether this server does its work: `/readyz` shows it, so that whoever watches over it can see it stall.
 *
 * A consumer group that has records to read and does not get on with them for half a minute has stalled.
 */
import { EventLog } from "@paceline/core/messaging"
import { Clock, Duration, Effect, Schedule } from "effect"

interface Readiness {
  readonly status: "ready" | "stalled" | "unavailable"
  /** What is wrong, in words; empty when ready. */
  readonly problems: ReadonlyArray<string>
  /** How far each consumer group has read, and how far it could. */
  readonly consumers: ReadonlyArray<EventLog.Lag>
}

const STALLED_AFTER_MILLIS = 30_000

const LOOK_EVERY = Duration.seconds(5)

const nameOf = ({ group, partition, topic }: EventLog.Lag) => `${group} on ${topic}/${partition}`

export class Health extends Effect.Service<Health>()("paceline/observability/Health", {
  scoped: Effect.gen(function* () {
    const log = yield* EventLog.EventLog
    /** For each group with a lag: where it stood, and since when. */
    const standing = new Map<string, { readonly committed: number; readonly sinceMs: number }>()

    const look = Effect.gen(function* () {
      const consumers = yield* log.lag
      const nowMs = yield* Clock.currentTimeMillis
      const problems: Array<string> = []
      for (const lag of consumers) {
        const name = nameOf(lag)
        const before = standing.get(name)
        if (lag.committed >= lag.end) {
          standing.delete(name)
        } else if (before === undefined || before.committed !== lag.committed) {
          standing.set(name, { committed: lag.committed, sinceMs: nowMs })
        } else if (nowMs - before.sinceMs > STALLED_AFTER_MILLIS) {
          const seconds = Math.floor((nowMs - before.sinceMs) / 1000)
          problems.push(`${name} has stood at ${lag.committed} of ${lag.end} for ${seconds} s`)
        }
      }
      const readiness: Readiness = { status: problems.length === 0 ? "ready" : "stalled", problems, consumers }
      return readiness
    }).pipe(
      Effect.catchAll((error) => {
        const readiness: Readiness = { status: "unavailable", problems: [error.message], consumers: [] }
        return Effect.succeed(readiness)
      }),
    )

    yield* look.pipe(Effect.repeat(Schedule.spaced(LOOK_EVERY)), Effect.forkScoped)
    return { look }
  }),
}) {}
