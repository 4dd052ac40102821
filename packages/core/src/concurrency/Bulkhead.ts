/**
 * A bulkhead for fibers: calls to one part of a system can use up only their own places, never another's.
 *
 * At most `limit` run, a bounded number waits, and each no longer than `maxWaitMillis`. As the queue fills, low
 * priority is refused first. Who was let in is never pushed out again.
 *
 * @example
 * const checkIn = yield* Bulkhead.make({ name: "check-in", limit: 20, queue: 100, maxWaitMillis: 1_000 })
 * const suggestions = yield* Bulkhead.make({ name: "recommendations", limit: 4, queue: 10 })
 * yield* suggestions.run(recommend(athlete), "low") // burns alone
 */
import { Config, type Context, Effect, Layer } from "effect"
import type { Priority } from "../kernel/PriorityQueue.ts"
import {
  BulkheadFull,
  BulkheadGate,
  type BulkheadOptions,
  type BulkheadStats,
  type BulkheadWaitExceeded,
  type Outcome,
} from "./BulkheadGate.ts"
import { Timers } from "./Timers.ts"

export {
  type BulkheadEvent,
  BulkheadFull,
  type BulkheadOptions,
  type BulkheadStats,
  BulkheadWaitExceeded,
} from "./BulkheadGate.ts"

export interface Bulkhead {
  /** Runs the effect when there is a place. Default priority middle. */
  readonly run: <A, E, R>(
    self: Effect.Effect<A, E, R>,
    priority?: Priority,
  ) => Effect.Effect<A, E | BulkheadFull | BulkheadWaitExceeded, R>
  /** Changes how many may run. Who waits goes on waiting. */
  readonly resize: (limit: number) => Effect.Effect<void>
  readonly stats: Effect.Effect<BulkheadStats>
}

/** The longest wait is kept on the wheel of `Timers`. */
export const make = (options: BulkheadOptions): Effect.Effect<Bulkhead, never, Timers> =>
  Effect.map(Timers, (timers) => over(new BulkheadGate(options, timers)))

/** Provides a bulkhead under a tag of your own. */
export const layer = <I>(tag: Context.Tag<I, Bulkhead>, options: BulkheadOptions): Layer.Layer<I, never, Timers> =>
  Layer.effect(tag, make(options))

/** As `layer`, with the options read from configuration. */
export const layerConfig = <I>(tag: Context.Tag<I, Bulkhead>, options: Config.Config.Wrap<BulkheadOptions>) =>
  Layer.effect(tag, Effect.flatMap(Config.unwrap(options), make))

const over = (gate: BulkheadGate): Bulkhead => {
  const onSuccess = <A>(value: A): Effect.Effect<A> => {
    gate.leave()
    return Effect.succeed(value)
  }
  return {
    run: (self, priority = "middle") =>
      Effect.uninterruptibleMask((restore) =>
        gate.tryEnter()
          ? Effect.matchCauseEffect(restore(self), {
              onFailure: (cause) => {
                gate.leave()
                return Effect.failCause(cause)
              },
              onSuccess,
            })
          : waitThenRun(gate, self, restore, priority),
      ),
    resize: (limit) => Effect.sync(() => gate.resize(limit)),
    stats: Effect.sync(() => gate.stats()),
  }
}

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
  const inLine = Effect.async<void, BulkheadFull | BulkheadWaitExceeded>((resume) => {
    const outcome: Outcome = (refused) => resume(refused === undefined ? Effect.void : Effect.fail(refused))
    waiter = gate.enter(outcome, priority)
    if (waiter instanceof BulkheadFull) resume(Effect.fail(waiter))
  })
  return Effect.matchCauseEffect(restore(inLine), {
    onFailure: (cause) => {
      end()
      return Effect.failCause(cause)
    },
    onSuccess: () =>
      Effect.matchCauseEffect(restore(self), {
        onFailure: (cause) => {
          end()
          return Effect.failCause(cause)
        },
        onSuccess: (value) => {
          end()
          return Effect.succeed(value)
        },
      }),
  })
}
