/**
 * Transactions that the database gave up because of another (a deadlock, a serialization failure) are run again.
 *
 * The waits in between are by the host's clock: the database does not live by a test's.
 */
import { Clock, Effect, Random } from "effect"
import { isCollision } from "./PostgresErrors.ts"

const MOST_RETRIES = 6
const FIRST_WAIT_MILLIS = 5

export const hostClock = Clock.make()

/** Runs it again up to 6 times, each time after a longer and random wait. */
export const retryCollisions = <A, E, R>(attempt: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  const run = (retries: number): Effect.Effect<A, E, R> =>
    Effect.catchIf(
      attempt,
      (error) => retries < MOST_RETRIES && isCollision(error),
      () => Effect.zipRight(wait(retries), run(retries + 1)),
    )
  return run(0)
}

const wait = (retries: number): Effect.Effect<void> =>
  Effect.flatMap(Random.nextRange(0.5, 1.5), (jitter) =>
    Effect.withClock(Effect.sleep(FIRST_WAIT_MILLIS * 2 ** retries * jitter), hostClock),
  )
