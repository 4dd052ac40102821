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
import { Clock, Config, type Context, Effect, Layer } from "effect"
import * as Kernel from "../kernel/PriorityQueue.ts"

/** Holds as many as it may. Nothing was put in. */
export class QueueFull extends Error {
  readonly _tag = "QueueFull"
  override readonly name = "QueueFull"
  readonly queue: string
  constructor(queue: string, capacity: number) {
    super(`The queue "${queue}" is full with ${capacity}; try again later`)
    this.queue = queue
  }
}

export interface PriorityQueueOptions {
  /** Named in errors. */
  readonly name: string
  /** Default: unbounded. */
  readonly capacity?: number
  /** In milliseconds. Default: middle yields to high for 1 s, low for 5 s. */
  readonly aging?: Kernel.Aging
}

export interface PriorityQueue<A> {
  /** Default middle. */
  readonly offer: (value: A, priority?: Kernel.Priority) => Effect.Effect<void, QueueFull>
  /** Waits for a value. Interrupted while waiting, it takes nothing. */
  readonly take: Effect.Effect<A>
  /** What is there, up to so many, without waiting. */
  readonly takeUpTo: (count: number) => Effect.Effect<ReadonlyArray<A>>
  readonly size: Effect.Effect<number>
}

/** A fiber that waits for a value. Once woken, one of the values is reserved for it. */
interface Taker extends Kernel.Linked<Taker> {
  wake: () => void
  woken: boolean
}

export const make = <A>(options: PriorityQueueOptions): Effect.Effect<PriorityQueue<A>> =>
  Effect.sync(() => {
    const { capacity = Number.POSITIVE_INFINITY } = options
    const queue = Kernel.make<Kernel.Entry<A>>(options.aging)
    const takers = Kernel.make<Taker>()
    const full = new QueueFull(options.name, capacity)
    let reserved = 0

    /** Reserves values for those in line, as long as there are both. */
    const wakeTakers = (): void => {
      while (queue.size > reserved) {
        const taker = Kernel.take(takers)
        if (taker === undefined) return
        reserved++
        taker.woken = true
        taker.wake()
      }
    }

    const takeNow = (count: number): ReadonlyArray<A> => {
      const taken: Array<A> = []
      while (taken.length < count && queue.size > reserved) {
        const next = Kernel.take(queue)
        if (next === undefined) break
        taken.push(next.value)
      }
      return taken
    }

    const waitAndTake = Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const taker = newTaker()
        const inLine = Effect.async<void>((resume) => {
          taker.wake = () => resume(Effect.void)
          Kernel.offer(takers, taker, 0)
          wakeTakers()
        })
        return Effect.matchCauseEffect(restore(inLine), {
          onFailure: (cause) => {
            // What was reserved for it goes to the next.
            if (taker.woken) reserved--
            Kernel.remove(takers, taker)
            wakeTakers()
            return Effect.failCause(cause)
          },
          onSuccess: () => {
            reserved--
            const next = Kernel.take(queue)
            return next === undefined ? Effect.dieMessage("A reserved value is gone.") : Effect.succeed(next.value)
          },
        })
      }),
    )

    return {
      offer: (value, priority = "middle") =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          if (queue.size >= capacity) return Effect.fail(full)
          Kernel.offer(queue, Kernel.entry(value, priority), now)
          wakeTakers()
          return Effect.void
        }),
      take: Effect.suspend(() => {
        const next = queue.size > reserved ? Kernel.take(queue) : undefined
        return next === undefined ? waitAndTake : Effect.succeed(next.value)
      }),
      takeUpTo: (count) => Effect.sync(() => takeNow(count)),
      size: Effect.sync(() => queue.size),
    }
  })

const newTaker = (): Taker => ({
  priority: "middle",
  arrivedAt: 0,
  previous: undefined,
  next: undefined,
  queued: false,
  wake: () => {},
  woken: false,
})

/** Provides a queue under a tag of your own. */
export const layer = <I, A>(tag: Context.Tag<I, PriorityQueue<A>>, options: PriorityQueueOptions): Layer.Layer<I> =>
  Layer.effect(tag, make<A>(options))

/** As `layer`, with the options read from configuration. */
export const layerConfig = <I, A>(
  tag: Context.Tag<I, PriorityQueue<A>>,
  options: Config.Config.Wrap<PriorityQueueOptions>,
) => Layer.effect(tag, Effect.flatMap(Config.unwrap(options), make<A>))
