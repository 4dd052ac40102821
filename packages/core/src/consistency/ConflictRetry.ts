/** Tries a unit of work again that was overtaken: it loads what is there now, and decides again. */
import { Cause, Effect, Either, Random } from "effect"
import * as Backoff from "../kernel/resilience/Backoff.ts"

/** How often a user's command is tried before both values go to the user. */
const ATTEMPTS = 5

/**
 * Far shorter than after a fault: whoever was first has finished already, and only those who were overtaken together
 * must not meet again.
 */
const BACKOFF: Backoff.Backoff = { baseMillis: 10, maxMillis: 500, factor: 2 }

/** Tries `unit`, and again after each error that `isConflict`, with jittered backoff between; then fails with the last. */
export const retrying = <A, E, R>(
  unit: Effect.Effect<A, E, R>,
  isConflict: (error: E) => boolean,
  attempts: number = ATTEMPTS,
): Effect.Effect<A, E, R> => {
  const attempt = (made: number): Effect.Effect<A, E, R> =>
    catchFailure(unit, (error) =>
      made + 1 >= attempts || !isConflict(error)
        ? Effect.fail(error)
        : Effect.flatMap(Random.next, (random) =>
            Effect.zipRight(Effect.sleep(Backoff.delayMillis(BACKOFF, made, random)), attempt(made + 1)),
          ),
    )
  return attempt(0)
}

/** `Effect.catchAll`, at no cost to what succeeds, which has to go through a step of its own there. */
export const catchFailure = <A, E, R, A2, E2, R2>(
  effect: Effect.Effect<A, E, R>,
  rescue: (error: E) => Effect.Effect<A2, E2, R2>,
): Effect.Effect<A | A2, E2, R | R2> =>
  Effect.catchAllCause(effect, (cause): Effect.Effect<A2, E2, R2> => {
    const failure = Cause.failureOrCause(cause)
    return Either.isLeft(failure) ? rescue(failure.left) : Effect.failCause(failure.right)
  })
