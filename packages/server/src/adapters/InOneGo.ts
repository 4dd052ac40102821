/**
 * Runs the body of a unit of work in one go, for engines in this process: nothing else runs until it has ended.
 *
 * A body that waits for anything cannot be: it dies, and what is left of it is interrupted, so that it can no longer
 * write.
 */
import { Cause, type Effect, Exit, FiberId, Option, Runtime } from "effect"

/** The body of a unit of work waited for something: a programming mistake, so it dies. */
class SuspendedUnitOfWork extends Error {
  override readonly name = "SuspendedUnitOfWork"
  constructor() {
    super(
      "The body of a unit of work waited for something other than the store (a sleep, a promise, a queue …). " +
        "It was rolled back. Do the waiting before the unit, or after it.",
    )
  }
}

export const runInOneGo = <A, E, R>(runtime: Runtime.Runtime<R>, body: Effect.Effect<A, E, R>): Exit.Exit<A, E> => {
  const exit = Runtime.runSyncExit(runtime, body)
  if (Exit.isSuccess(exit)) return exit
  const defect = Option.getOrUndefined(Cause.dieOption(exit.cause))
  if (!Runtime.isAsyncFiberException(defect)) return exit
  defect.fiber.unsafeInterruptAsFork(FiberId.none)
  return Exit.die(new SuspendedUnitOfWork())
}
