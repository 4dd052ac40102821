/**
 * Runs an effect for so long at most, then interrupts it and waits for its finalisers: `Effect.timeoutFail` at
 * half its cost, because one fiber and one entry on the timer wheel take the place of two racing fibers.
 *
 * On any other clock than the host's, such as `TestClock`, that clock keeps the time.
 */
import {
  Cause,
  Clock,
  Context,
  DefaultServices,
  Duration,
  Effect,
  Exit,
  Fiber,
  FiberId,
  type FiberRefs,
  Option,
  Runtime,
} from "effect"
import * as HostTimers from "./HostTimers.ts"

const hostClock = Context.get(DefaultServices.liveServices, Clock.Clock)

/** Calls `ring` after so long on this clock; returns what revokes it. */
export const wakeAfter = (clock: Clock.Clock, millis: number, ring: () => void): (() => void) => {
  if (clock === hostClock) {
    const handle = HostTimers.after(millis, ring)
    return () => HostTimers.cancel(handle)
  }
  const sleeper = Runtime.runFork(Runtime.defaultRuntime)(
    Effect.zipRight(clock.sleep(Duration.millis(millis)), Effect.sync(ring)),
  )
  return () => sleeper.unsafeInterruptAsFork(FiberId.none)
}

/**
 * Fails with `late` when the effect takes longer than `millis` milliseconds; with the defects of its finalisers too, if
 * they have any. Infinity is no limit.
 */
export const within = <A, E, R, L>(
  effect: Effect.Effect<A, E, R>,
  millis: number,
  late: () => L,
): Effect.Effect<A, E | L, R> => {
  if (millis === Number.POSITIVE_INFINITY) return effect
  return Effect.uninterruptibleMask((restore) =>
    begin(restore(effect), (child) =>
      Effect.flatMap(
        Effect.onInterrupt(restore(ended(child, millis)), () => Fiber.interrupt(child)),
        (exit) =>
          Option.isSome(exit)
            ? Effect.zipRight(Fiber.inheritAll(child), exit.value)
            : Effect.flatMap(Fiber.interrupt(child), (last): Effect.Effect<A, E | L> => {
                // It ended in the very moment in which it was to be interrupted: its result is as good as any.
                if (Exit.isSuccess(last) || !Cause.isInterrupted(last.cause)) return last
                const broken = Option.map(Cause.keepDefects(last.cause), (defects) =>
                  Effect.failCause(Cause.sequential(Cause.fail(late()), defects)),
                )
                return Option.getOrElse(broken, () => Effect.fail(late()))
              }),
      ),
    ),
  )
}

/** Begins it at once, in a fiber of its own. What ends in the same moment needs no timer, and nobody who waits. */
const begin = <A, E, R, B, F>(
  effect: Effect.Effect<A, E, R>,
  whenItGoesOn: (child: Fiber.RuntimeFiber<A, E>) => Effect.Effect<A | B, E | F>,
): Effect.Effect<A | B, E | F, R> =>
  Effect.flatMap(Effect.runtime<R>(), (runtime) => {
    let before: FiberRefs.FiberRefs | undefined
    const child = Runtime.runFork(runtime)(
      Effect.withFiberRuntime<A, E, R>((fiber) => {
        before = fiber.getFiberRefs()
        return effect
      }),
    )
    const exit = child.unsafePoll()
    if (exit === null) return whenItGoesOn(child)
    return child.getFiberRefs() === before ? exit : Effect.zipRight(Fiber.inheritAll(child), exit)
  })

/** The fiber's exit, or none when it has not come in time. */
const ended = <A, E>(fiber: Fiber.RuntimeFiber<A, E>, millis: number): Effect.Effect<Option.Option<Exit.Exit<A, E>>> =>
  Effect.clockWith((clock) =>
    Effect.async((resume) => {
      const revoke = wakeAfter(clock, millis, () => {
        fiber.removeObserver(observe)
        resume(Effect.succeedNone)
      })
      const observe = (exit: Exit.Exit<A, E>): void => {
        revoke()
        resume(Effect.succeedSome(exit))
      }
      fiber.addObserver(observe)
      return Effect.sync(() => {
        revoke()
        fiber.removeObserver(observe)
      })
    }),
  )
