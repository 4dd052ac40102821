/**
 * Transactions that the database gave up because of another (a deadlock, a serialization failure) are run again.
 *
 * Those that collided once take turns from then on, by a lock that ends with the transaction: they no longer meet each
 * other, so even units that lock the same rows in opposite orders all get through. The waits in between are by the
 * host's clock: the database does not live by a test's.
 */
import { Clock, Effect, Random } from "effect"
import { isCollision } from "./PostgresErrors.ts"

const MOST_RETRIES = 8
const FIRST_WAIT_MILLIS = 5

export const hostClock = Clock.make()

/** What a transaction that collided before says first, to wait for its turn. ("collided" in ASCII, as a 64-bit integer.) */
export const TAKE_TURN = `SELECT pg_advisory_xact_lock(${0x636f6c6c69646564n})`

/** Runs it again up to 8 times, each time after a longer and random wait. `attempt` is told whether it collided before. */
export const retryCollisions = <A, E, R>(
  attempt: (collided: boolean) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> => {
  const run = (retries: number): Effect.Effect<A, E, R> =>
    Effect.catchIf(
      attempt(retries > 0),
      (error) => retries < MOST_RETRIES && isCollision(error),
      () => Effect.zipRight(wait(retries), run(retries + 1)),
    )
  return run(0)
}

const wait = (retries: number): Effect.Effect<void> =>
  Effect.flatMap(Random.nextRange(0.5, 1.5), (jitter) =>
    Effect.withClock(Effect.sleep(FIRST_WAIT_MILLIS * 2 ** retries * jitter), hostClock),
  )
