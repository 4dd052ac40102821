/**
 * A queue between fibers with three priorities: the low ones age, so none waits for ever.
 *
 * Takers wait in line, first come, first served, and are handed values directly. A full queue refuses; it never drops
 * what it accepted.
 *
 * @example
 * const notices = yield* PriorityQueue.make<Notice>({ name: "notices", capacity: 10_000 })
 * yield* notices.offer(alert, "high")
 * const next = yield* notices.take
 */
import { Config, type Context, Effect, Layer } from "effect"
import type { Priority } from "../kernel/concurrency/PriorityQueue.ts"
import { checked } from "./CheckedConfig.ts"
import { monotonicMillis } from "./MonotonicClock.ts"
import { type PriorityQueueOptions, type QueueFull, QueueGate, type QueueStats, taker } from "./QueueGate.ts"

export { type PriorityQueueOptions, type QueueEvent, QueueFull, type QueueStats } from "./QueueGate.ts"

export interface PriorityQueue<A> {
  /** Default middle. */
  readonly offer: (value: A, priority?: Priority) => Effect.Effect<void, QueueFull>
  /** Waits for a value. Interrupted while waiting, it takes nothing. */
  readonly take: Effect.Effect<A>
  /** What is there, up to so many, without waiting. */
  readonly takeUpTo: (count: number) => Effect.Effect<ReadonlyArray<A>>
  readonly size: Effect.Effect<number>
  readonly stats: Effect.Effect<QueueStats>
}

export const make = <A>(options: PriorityQueueOptions): Effect.Effect<PriorityQueue<A>> =>
  Effect.map(Effect.clock, (clock) => {
    const gate = new QueueGate<A>(options, () => monotonicMillis(clock))

    const waitAndTake = Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const waiting = taker(() => {})
        const inLine = Effect.async<void>((resume) => {
          waiting.wake = () => resume(Effect.void)
          gate.wait(waiting)
        })
        return Effect.matchCauseEffect(restore(inLine), {
          onFailure: (cause) => {
            gate.leave(waiting)
            return Effect.failCause(cause)
          },
          onSuccess: () => {
            const next = gate.collect()
            return next === undefined ? Effect.dieMessage("A reserved value is gone.") : Effect.succeed(next.value)
          },
        })
      }),
    )

    return {
      offer: (value, priority = "middle") =>
        Effect.suspend(() => {
          const full = gate.offer(value, priority)
          return full === undefined ? Effect.void : Effect.fail(full)
        }),
      take: Effect.suspend(() => {
        const next = gate.takeNow()
        return next === undefined ? waitAndTake : Effect.succeed(next.value)
      }),
      takeUpTo: (count) => Effect.sync(() => gate.takeUpTo(count)),
      size: Effect.sync(() => gate.size),
      stats: Effect.sync(() => gate.stats()),
    }
  })

/** Provides a queue under a tag of your own. */
export const layer = <I, A>(tag: Context.Tag<I, PriorityQueue<A>>, options: PriorityQueueOptions): Layer.Layer<I> =>
  Layer.effect(tag, make<A>(options))

/** As `layer`, with the options read from configuration. */
export const layerConfig = <I, A>(
  tag: Context.Tag<I, PriorityQueue<A>>,
  options: Config.Config.Wrap<PriorityQueueOptions>,
) => {
  const sound = checked(Config.unwrap(options), "priority queue", ({ aging, capacity }) => [
    { setting: "capacity", value: capacity, from: 1, whole: true },
    { setting: "aging.middle", value: aging?.middle, from: 0 },
    { setting: "aging.low", value: aging?.low, from: 0 },
  ])
  return Layer.effect(tag, Effect.flatMap(sound, make<A>))
}
