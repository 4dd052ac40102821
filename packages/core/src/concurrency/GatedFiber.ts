/** How a fiber goes through a bulkhead's gate, safe from interruption at every moment. */
import { Effect } from "effect"
import type { Priority } from "../kernel/concurrency/PriorityQueue.ts"
import { BulkheadFull, type BulkheadGate, type BulkheadWaitExceeded, type Outcome } from "./BulkheadGate.ts"

/**
 * Runs the effect when the gate lets it, and gives its place back however it ends. The gate is asked for in the step
 * in which it is entered: one of many that is made when it is used, and forgotten when it is not, is in use at once.
 */
export const throughGate = <A, E, R>(
  gateOf: () => BulkheadGate,
  self: Effect.Effect<A, E, R>,
  priority: Priority,
): Effect.Effect<A, E | BulkheadFull | BulkheadWaitExceeded, R> =>
  Effect.uninterruptibleMask((restore) => {
    const gate = gateOf()
    return gate.tryEnter() ? ended(restore(self), () => gate.leave()) : waitThenRun(gate, self, restore, priority)
  })

/** Called with interruption off; `restore` turns it back on where one may be interrupted. */
const waitThenRun = <A, E, R>(
  gate: BulkheadGate,
  self: Effect.Effect<A, E, R>,
  restore: <B, F, Q>(effect: Effect.Effect<B, F, Q>) => Effect.Effect<B, F, Q>,
  priority: Priority,
): Effect.Effect<A, E | BulkheadFull | BulkheadWaitExceeded, R> => {
  // What to go on with, and what goes on: whichever comes last starts it.
  let decided: Effect.Effect<A, E | BulkheadWaitExceeded, R> | undefined
  let resume: ((next: Effect.Effect<A, E | BulkheadWaitExceeded, R>) => void) | undefined
  const outcome: Outcome = (refused) => {
    decided = refused === undefined ? self : Effect.fail(refused)
    resume?.(decided)
  }
  const waiter = gate.enter(outcome, priority)
  if (waiter instanceof BulkheadFull) return Effect.fail(waiter)
  // The fiber that waits is resumed with the effect itself, so what gives the place back stands around both.
  const inLine = Effect.async<A, E | BulkheadWaitExceeded, R>((resumeFiber) => {
    if (decided === undefined) resume = resumeFiber
    else resumeFiber(decided)
  })
  return ended(restore(inLine), () => gate.end(waiter))
}

/** One operator where `onExit` is several: this is the path of every call. */
const ended = <A, E, R>(self: Effect.Effect<A, E, R>, end: () => void): Effect.Effect<A, E, R> =>
  Effect.matchCauseEffect(self, {
    onFailure: (cause) => {
      end()
      return Effect.failCause(cause)
    },
    onSuccess: (value) => {
      end()
      return Effect.succeed(value)
    },
  })
