/**
 * Order within a key, none between keys: effects of the same key run one after the other, in the order in which
 * they came; effects of different keys run at the same time. An idle key costs nothing.
 *
 * With a width greater than one it is a semaphore for each key: so many of one user at once.
 *
 * @example
 * const seats = yield* Lanes.make<SeatId>()
 * yield* seats.run(seatId, reserve(seatId, athlete)) // never at the same time as another of this seat
 */
import { Config, type Context, Effect, Layer } from "effect"
import * as Kernel from "../kernel/Lanes.ts"

export interface Lanes<K> {
  /** Runs the effect in the lane of the key. Interrupted while waiting, it leaves the lane and never runs. */
  readonly run: <A, E, R>(key: K, self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  readonly stats: Effect.Effect<{ readonly keys: number; readonly running: number; readonly waiting: number }>
}

export interface LanesOptions {
  /** How many of one key may run at once. Default 1. */
  readonly width?: number
}

/** Keys are told apart as by a `Map`: use strings and numbers. */
export const make = <K>(options: LanesOptions = {}): Effect.Effect<Lanes<K>> =>
  Effect.sync(() => unsafeMake<K>(options))

/** Provides lanes under a tag of your own. */
export const layer = <I, K>(tag: Context.Tag<I, Lanes<K>>, options?: LanesOptions): Layer.Layer<I> =>
  Layer.effect(tag, make<K>(options))

/** As `layer`, with the width read from configuration. */
export const layerConfig = <I, K>(tag: Context.Tag<I, Lanes<K>>, options: Config.Config.Wrap<LanesOptions>) =>
  Layer.effect(tag, Effect.flatMap(Config.unwrap(options), make<K>))

/** As `make`, outside an effect. */
export const unsafeMake = <K>(options: LanesOptions = {}): Lanes<K> => {
  const lanes = Kernel.make<K, () => void>(options.width)
  const end = (waiter: Kernel.Waiter<K, () => void>): void => Kernel.end(lanes, waiter)?.value()

  return {
    run: (key, self) =>
      Effect.uninterruptibleMask((restore) => {
        let start = (): void => {}
        const waiter = Kernel.waiter<K, () => void>(key, () => start())
        const guarded = Effect.matchCauseEffect(restore(self), {
          onFailure: (cause) => {
            end(waiter)
            return Effect.failCause(cause)
          },
          onSuccess: (value) => {
            end(waiter)
            return Effect.succeed(value)
          },
        })
        if (Kernel.enter(lanes, waiter)) return guarded
        const inLane = Effect.async<void>((resume) => {
          start = () => resume(Effect.void)
          // This fiber may have yielded between getting in line and getting here.
          if (waiter.state === "running") start()
        })
        return Effect.matchCauseEffect(restore(inLane), {
          onFailure: (cause) => {
            end(waiter)
            return Effect.failCause(cause)
          },
          onSuccess: () => guarded,
        })
      }),
    stats: Effect.sync(() => ({ keys: lanes.lanes.size, running: lanes.running, waiting: lanes.waiting })),
  }
}
