/**
 * Waits for a fiber for so long and no longer, also where interruption is off; the fiber itself goes on.
 * `Effect.timeout` would interrupt it, and then wait for that.
 */
import { Effect, type Exit, type Fiber } from "effect"
import type { TimersService } from "./Timers.ts"

/** Undefined when it has not ended after `millis`. */
export const awaitWithin = <A, E>(
  fiber: Fiber.RuntimeFiber<A, E>,
  millis: number,
  timers: TimersService,
): Effect.Effect<Exit.Exit<A, E> | undefined> =>
  Effect.async((resume) => {
    const late = timers.schedule(millis, () => {
      fiber.removeObserver(onEnd)
      resume(Effect.succeed(undefined))
    })
    const onEnd = (exit: Exit.Exit<A, E>): void => {
      timers.cancel(late)
      resume(Effect.succeed(exit))
    }
    fiber.addObserver(onEnd)
    return Effect.sync(() => {
      timers.cancel(late)
      fiber.removeObserver(onEnd)
    })
  })
