/**
 * The attempt of a call, in a fiber of its own that begins at once, so that it can be ended when its time is up.
 *
 * One that answers at once, from memory for instance, needs neither a timer nor somebody who waits. What it leaves in
 * fiber refs is its own: the next step may run in another process.
 */
import { Effect, Fiber, Runtime } from "effect"
import { TimeoutExceeded } from "../resilience/Errors.ts"
import { within } from "../resilience/Within.ts"

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * Fails with `TimeoutExceeded` when it takes longer. To be run where nothing is interrupted, so that no call is left
 * running; `restore` says what may be. `runtime` is where it runs: there it can be interrupted.
 */
export const attempt = <A, E, R>(
  runtime: Runtime.Runtime<R>,
  call: Effect.Effect<A, E, R>,
  timeoutMillis: number,
  restore: Restore,
): Effect.Effect<A, E | TimeoutExceeded> =>
  Effect.suspend(() => {
    const fiber = Runtime.runFork(runtime)(call)
    return fiber.unsafePoll() ?? awaited(fiber, timeoutMillis, restore)
  })

const awaited = <A, E>(fiber: Fiber.RuntimeFiber<A, E>, timeoutMillis: number, restore: Restore) => {
  const end = () => Fiber.interrupt(fiber)
  const inTime = within(
    Effect.onInterrupt(Effect.flatten(Fiber.await(fiber)), end),
    timeoutMillis,
    () => new TimeoutExceeded(timeoutMillis),
  )
  return Effect.onInterrupt(restore(inTime), end)
}
