/**
 * One timer wheel for all that waits in a process, driven by Effect's `Clock`, so `TestClock` drives it in tests.
 *
 * A million sleepers on the wheel take some 30 MB and one alarm; a million sleeping fibers take gigabytes.
 * `schedule` is for what needs no fiber of its own; `sleep` suspends the fiber that calls it.
 *
 * @example
 * const program = Effect.gen(function* () {
 *   const timers = yield* Timers.Timers
 *   yield* timers.sleep(250)
 * })
 * program.pipe(Effect.provide(Timers.layer))
 */
import { Context, Duration, Effect, FiberId, Layer, Runtime, type Scope } from "effect"
import * as Kernel from "../kernel/concurrency/Timers.ts"
import { monotonicMillis } from "./MonotonicClock.ts"

export interface TimersService {
  /** Milliseconds on the wheel's clock, from an arbitrary origin. */
  readonly now: () => number
  /** Calls `run` after so many milliseconds, on nobody's fiber: it must be short and must not throw. Returns what cancels it. */
  readonly schedule: (millis: number, run: () => void) => Kernel.Handle
  readonly cancel: (handle: Kernel.Handle) => boolean
  readonly sleep: (millis: number) => Effect.Effect<void>
  /** How many wait now. */
  readonly waiting: Effect.Effect<number>
}

export class Timers extends Context.Tag("paceline/concurrency/Timers")<Timers, TimersService>() {}

/** A wheel on the clock of the fiber that makes it, stopped with the scope. What then still waits never runs. */
export const make: Effect.Effect<TimersService, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Effect.clock
  const runFork = Runtime.runFork(yield* Effect.runtime<never>())
  const timers = Kernel.make({
    now: () => monotonicMillis(clock),
    wakeAfter: (millis, wake) => {
      // `runFork` starts at once, and a sleep of nothing may end at once: what is due must not run before it is scheduled.
      const pause = millis > 0 ? clock.sleep(Duration.millis(millis)) : Effect.yieldNow()
      const alarm = runFork(Effect.zipRight(pause, Effect.sync(wake)))
      return () => alarm.unsafeInterruptAsFork(FiberId.none)
    },
  })
  yield* Effect.addFinalizer(() => Effect.sync(() => Kernel.close(timers)))
  const schedule = (millis: number, run: () => void) => Kernel.after(timers, millis, run)
  const cancel = (handle: Kernel.Handle) => Kernel.cancel(timers, handle)
  return {
    now: timers.clock.now,
    schedule,
    cancel,
    sleep: (millis) =>
      Effect.async<void>((resume) => {
        const handle = schedule(millis, () => resume(Effect.void))
        return Effect.sync(() => cancel(handle))
      }),
    waiting: Effect.sync(() => timers.wheel.size),
  }
})

export const layer: Layer.Layer<Timers> = Layer.scoped(Timers, make)
