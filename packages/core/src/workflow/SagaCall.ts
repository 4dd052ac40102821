/**
 * The attempt of a call, in a fiber of its own that begins at once, so that it can be ended when its time is up.
 *
 * One that answers at once, from memory for instance, needs neither a timer nor somebody who waits. What it leaves in
 * fiber refs is its own: the next step may run in another process.
 */
import { Effect, Fiber, Runtime } from "effect"
import { TimeoutExceeded } from "../resilience/Errors.ts"
import { within } from "../resilience/Within.ts"

/**
 * Fails with `TimeoutExceeded` when it takes longer. To be run where nothing can be interrupted; `restore` says what
 * can.
 */
export const attempt = <A, E, R>(
  call: Effect.Effect<A, E, R>,
  timeoutMillis: number,
  restore: <A1, E1, R1>(effect: Effect.Effect<A1, E1, R1>) => Effect.Effect<A1, E1, R1>,
): Effect.Effect<A, E | TimeoutExceeded, R> =>
  Effect.flatMap(Effect.runtime<R>(), (runtime) => {
    const fiber = Runtime.runFork(runtime)(restore(call))
    const answer = Effect.onInterrupt(Fiber.join(fiber), () => Fiber.interrupt(fiber))
    return fiber.unsafePoll() ?? restore(within(answer, timeoutMillis, () => new TimeoutExceeded(timeoutMillis)))
  })
