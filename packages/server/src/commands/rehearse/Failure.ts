/** Why a rehearsal could not be carried through, and the waiting that gives up and says what did not happen. */
import { Clock, Effect, Schema } from "effect"

/** The rehearsal itself failed: a process died that should not, or something did not happen in time. */
export class RehearsalFailed extends Schema.TaggedError<RehearsalFailed>("paceline/RehearsalFailed")(
  "RehearsalFailed",
  { message: Schema.String },
) {}

const POLL = "20 millis"

/**
 * Waits until `condition` holds, and fails after `withinMillis` with what did not happen. An error of the
 * condition itself (a server that is just starting refuses connections) counts as "not yet".
 *
 * @example
 * until("the server was ready", 10_000, isReady) // "Not within 10 s: the server was ready."
 */
export const until = <E, R>(
  what: string,
  withinMillis: number,
  condition: Effect.Effect<boolean, E, R>,
): Effect.Effect<void, RehearsalFailed, R> =>
  Effect.gen(function* () {
    const deadline = (yield* Clock.currentTimeMillis) + withinMillis
    while (!(yield* Effect.orElseSucceed(condition, () => false))) {
      if ((yield* Clock.currentTimeMillis) >= deadline) {
        return yield* new RehearsalFailed({ message: `Not within ${withinMillis / 1000} s: ${what}.` })
      }
      yield* Effect.sleep(POLL)
    }
  })
