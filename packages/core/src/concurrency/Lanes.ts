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
import { type Clock, Config, type Context, Effect, Layer } from "effect"
import * as Kernel from "../kernel/concurrency/Lanes.ts"
import { checked } from "./CheckedConfig.ts"
import { safely } from "./Listener.ts"
import { type Restore, Turn } from "./Turn.ts"

export interface Lanes<K> {
  /** Runs the effect in the lane of the key. Interrupted while waiting, it leaves the lane and never runs. */
  readonly run: <A, E, R>(key: K, self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  readonly stats: Effect.Effect<{ readonly keys: number; readonly running: number; readonly waiting: number }>
}

export interface LanesOptions {
  /** How many of one key may run at once. Default 1. */
  readonly width?: number
  /** Called at once, on the path of the call: keep it short. Who need not wait is not told of. */
  readonly onEvent?: (event: LanesEvent) => void
}

export interface LanesEvent {
  /** Abandoned: interrupted while it waited; it never ran. */
  readonly _tag: "Waiting" | "Granted" | "Abandoned"
  /** How many wait now, over all keys. */
  readonly waiting: number
  readonly waitedMillis: number
}

/** Keys are told apart as by a `Map`: use strings and numbers. */
export const make = <K>(options: LanesOptions = {}): Effect.Effect<Lanes<K>> =>
  Effect.sync(() => unsafeMake<K>(options))

/** Provides lanes under a tag of your own. */
export const layer = <I, K>(tag: Context.Tag<I, Lanes<K>>, options?: LanesOptions): Layer.Layer<I> =>
  Layer.effect(tag, make<K>(options))

/** As `layer`, with the width read from configuration. */
export const layerConfig = <I, K>(tag: Context.Tag<I, Lanes<K>>, options: Config.Config.Wrap<LanesOptions>) => {
  const sound = checked(Config.unwrap(options), "lanes", ({ width }) => [
    { setting: "width", value: width, from: 1, whole: true },
  ])
  return Layer.effect(tag, Effect.flatMap(sound, make<K>))
}

/** As `make`, outside an effect. */
export const unsafeMake = <K>(options: LanesOptions = {}): Lanes<K> => {
  const lanes = Kernel.make<K, Turn>(options.width)
  const onEvent = options.onEvent === undefined ? undefined : safely(options.onEvent)

  const tell = (tag: LanesEvent["_tag"], turn: Turn): void =>
    onEvent?.({ _tag: tag, waiting: lanes.waiting, waitedMillis: turn.waitedMillis() })

  const end = (ended: Kernel.Waiter<K, Turn>): void => {
    const abandoned = ended.state === "waiting"
    const next = Kernel.end(lanes, ended)
    if (abandoned) tell("Abandoned", ended.value)
    if (next === undefined) return
    tell("Granted", next.value)
    next.value.resume()
  }

  /** Called with interruption off; `restore` turns it back on where one may be interrupted. */
  const enter = <A, E, R>(key: K, self: Effect.Effect<A, E, R>, restore: Restore, clock?: Clock.Clock) => {
    const turn = new Turn(clock)
    const waiter = Kernel.waiter(key, turn)
    const runs = Kernel.enter(lanes, waiter)
    if (!runs) tell("Waiting", turn)
    // One that waits is resumed with the effect itself, so what gives the place back stands around both.
    const inLane = runs
      ? self
      : Effect.async<A, E, R>((resume) => {
          turn.resume = () => resume(self)
          // This fiber may have yielded between getting in line and getting here.
          if (waiter.state === "running") turn.resume()
        })
    return Effect.matchCauseEffect(restore(inLane), {
      onFailure: (cause) => {
        end(waiter)
        return Effect.failCause(cause)
      },
      onSuccess: (value) => {
        end(waiter)
        return Effect.succeed(value)
      },
    })
  }

  return {
    run: (key, self) =>
      Effect.uninterruptibleMask((restore) =>
        onEvent === undefined
          ? enter(key, self, restore)
          : Effect.clockWith((clock) => enter(key, self, restore, clock)),
      ),
    stats: Effect.sync(() => ({ keys: lanes.lanes.size, running: lanes.running, waiting: lanes.waiting })),
  }
}
