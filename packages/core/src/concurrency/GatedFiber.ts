/** How a fiber goes through a bulkhead's gate, safe from interruption at every moment. */
import { Effect } from "effect"
import type { Priority } from "../kernel/concurrency/PriorityQueue.ts"
import { BulkheadFull, type BulkheadGate, type BulkheadWaitExceeded, type Outcome } from "./BulkheadGate.ts"

/** Runs the effect when the gate lets it, and gives its place back however it ends. */
export const throughGate = <A, E, R>(
  gate: BulkheadGate,
  self: Effect.Effect<A, E, R>,
  priority: Priority,
): Effect.Effect<A, E | BulkheadFull | BulkheadWaitExceeded, R> =>
  Effect.uninterruptibleMask((restore) =>
    gate.tryEnter() ? ended(restore(self), () => gate.leave()) : waitThenRun(gate, self, restore, priority),
  )

/** Called with interruption off; `restore` turns it back on where one may be interrupted. */
const waitThenRun = <A, E, R>(
  gate: BulkheadGate,
  self: Effect.Effect<A, E, R>,
  restore: <B, F, Q>(effect: Effect.Effect<B, F, Q>) => Effect.Effect<B, F, Q>,
  priority: Priority,
): Effect.Effect<A, E | BulkheadFull | BulkheadWaitExceeded, R> => {
  let waiter: ReturnType<BulkheadGate["enter"]> | undefined
  const end = (): void => {
    if (waiter !== undefined && !(waiter instanceof BulkheadFull)) gate.end(waiter)
  }
  // The fiber that waits is resumed with the effect itself, so what gives the place back stands around both.
  const inLine = Effect.async<A, E | BulkheadFull | BulkheadWaitExceeded, R>((resume) => {
    const outcome: Outcome = (refused) => resume(refused === undefined ? self : Effect.fail(refused))
    waiter = gate.enter(outcome, priority)
    if (waiter instanceof BulkheadFull) resume(Effect.fail(waiter))
  })
  return ended(restore(inLine), end)
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
