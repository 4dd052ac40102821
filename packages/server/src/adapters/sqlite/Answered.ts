/**
 * Waits for the writer's answer, cheaply: a fiber that is interrupted meanwhile takes nothing back itself, which would
 * cost every waiter a finalizer. Instead the writer asks, before it begins, whether the answer is still wanted.
 *
 * @example
 * answered((answer, isWanted) => writer.submit({ isWanted, run, answer }))
 */
import { Cause, Effect, type Exit, type Fiber, FiberRef, RuntimeFlags } from "effect"

/** False once nobody will hear the answer: what was asked for must then not be done. */
export type IsWanted = () => boolean

export const answered = <A, E = never>(
  ask: (answer: (exit: Exit.Exit<A, E>) => void, isWanted: IsWanted, fiber: Fiber.RuntimeFiber<A, E>) => void,
): Effect.Effect<A, E> =>
  Effect.withFiberRuntime((fiber, { runtimeFlags }) =>
    Effect.async((resume) => {
      // Who cannot be interrupted here waits for the answer whatever happens.
      const isWanted = RuntimeFlags.interruptible(runtimeFlags)
        ? () => Cause.isEmpty(fiber.getFiberRef(FiberRef.interruptedCause))
        : always
      ask(resume, isWanted, fiber)
    }),
  )

const always: IsWanted = () => true
