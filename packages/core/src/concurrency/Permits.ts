/**
 * A semaphore for fibers: at most so many run at once, the rest wait in line.
 *
 * A released permit goes directly to the fiber at the front, so a job costs the same with 100 waiting as with
 * 100,000, nobody barges in, and a taker of many is not starved. Interruption is safe at every moment: a waiter
 * that is interrupted leaves the line, and a permit that it was granted meanwhile comes back.
 *
 * @example
 * const uploads = yield* Permits.make(4)
 * yield* Effect.forEach(files, (file) => uploads.withPermit(upload(file)), { concurrency: "unbounded" })
 * yield* uploads.withPermits(4, { priority: "low" })(rebuildIndex) // waits until it has all four
 */
import { type Cause, type Clock, Config, type Context, Effect, Layer, type Option } from "effect"
import * as Kernel from "../kernel/concurrency/Permits.ts"
import type { Aging, Priority } from "../kernel/concurrency/PriorityQueue.ts"
import { checked } from "./CheckedConfig.ts"
import { safely } from "./Listener.ts"
import { type Restore, Turn } from "./Turn.ts"

export interface PermitsOptions {
  /** How many later arrivals may overtake a waiter of middle and of low priority. Default 100 and 1,000. */
  readonly aging?: Aging
  /** Called at once, on the path of the call: keep it short. Without contention nothing is told. */
  readonly onEvent?: (event: PermitsEvent) => void
}

export type PermitsEvent =
  | {
      /** Abandoned: interrupted while it waited; it never ran. */
      readonly _tag: "Waiting" | "Granted" | "Abandoned"
      readonly weight: number
      readonly priority: Priority
      /** How many are in line now. */
      readonly waiting: number
      readonly waitedMillis: number
    }
  | { readonly _tag: "Resized"; readonly limit: number }

export interface PermitsStats {
  readonly limit: number
  /** Permits given out. */
  readonly inFlight: number
  /** Fibers in line. */
  readonly waiting: number
}

export interface Permits {
  /** Runs the effect while it holds one permit. */
  readonly withPermit: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Runs the effect while it holds `weight` permits; more than the limit means all of them. */
  readonly withPermits: (
    weight: number,
    options?: { readonly priority?: Priority },
  ) => <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Runs the effect only if it need not wait. */
  readonly withPermitsIfAvailable: (
    weight: number,
  ) => <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<Option.Option<A>, E, R>
  /** Changes the limit. Lowered, it takes effect as permits come back. */
  readonly resize: (limit: number) => Effect.Effect<void>
  readonly stats: Effect.Effect<PermitsStats>
}

export const make = (limit: number, options?: PermitsOptions): Effect.Effect<Permits> =>
  Effect.sync(() => unsafeMake(limit, options))

/** Provides permits under a tag of your own. */
export const layer = <I>(tag: Context.Tag<I, Permits>, limit: number, options?: PermitsOptions): Layer.Layer<I> =>
  Layer.effect(tag, make(limit, options))

/** As `layer`, with the limit, and the options if wanted, read from configuration. */
export const layerConfig = <I>(
  tag: Context.Tag<I, Permits>,
  limit: Config.Config<number>,
  options: PermitsOptions | Config.Config<PermitsOptions> = {},
) => {
  const read = Config.all({ limit, options: Config.isConfig(options) ? options : Config.succeed(options) })
  const sound = checked(read, "permits", ({ limit, options: { aging } }) => [
    { setting: "limit", value: limit, from: 0, whole: true },
    { setting: "aging.middle", value: aging?.middle, from: 0 },
    { setting: "aging.low", value: aging?.low, from: 0 },
  ])
  return Layer.effect(
    tag,
    Effect.flatMap(sound, ({ limit, options }) => make(limit, options)),
  )
}

/** As `make`, outside an effect. */
export const unsafeMake = (limit: number, options: PermitsOptions = {}): Permits => {
  const permits = Kernel.make<Turn>(limit, options.aging)
  const onEvent = options.onEvent === undefined ? undefined : safely(options.onEvent)

  const tell = (tag: "Waiting" | "Granted" | "Abandoned", who: Kernel.Waiter<Turn>) =>
    onEvent?.({
      _tag: tag,
      weight: who.weight,
      priority: who.priority,
      waiting: permits.queue.size,
      waitedMillis: who.value.waitedMillis(),
    })

  const settle = (): void => {
    for (let next = Kernel.next(permits); next !== undefined; next = Kernel.next(permits)) {
      if (onEvent !== undefined) tell("Granted", next)
      next.value.resume()
    }
  }

  const release = (held: number): void => {
    Kernel.release(permits, held)
    if (permits.queue.size > 0) settle()
  }

  /**
   * Gets in line, then runs. Called with interruption off; `restore` turns it back on where one may be interrupted.
   * The fiber that waits is resumed with the effect itself, so what gives the permits back stands around both.
   */
  const waitThenRun = <A, E, R>(
    self: Effect.Effect<A, E, R>,
    restore: Restore,
    weight: number,
    priority: Priority,
    clock?: Clock.Clock,
  ): Effect.Effect<A, E, R> => {
    let waiter: Kernel.Waiter<Turn> | undefined
    const inLine = Effect.async<A, E, R>((resume) => {
      const turn = new Turn(clock)
      turn.resume = () => resume(self)
      waiter = Kernel.waiter(turn, weight, priority)
      Kernel.wait(permits, waiter)
      if (onEvent !== undefined) tell("Waiting", waiter)
      settle()
    })
    const end = (): void => {
      if (waiter === undefined) return
      const abandoned = waiter.queued
      Kernel.end(permits, waiter)
      if (abandoned && onEvent !== undefined) tell("Abandoned", waiter)
      if (permits.queue.size > 0) settle()
    }
    return Effect.matchCauseEffect(restore(inLine), {
      onFailure: (cause) => {
        end()
        return Effect.failCause(cause)
      },
      onSuccess: (value) => {
        end()
        return Effect.succeed(value)
      },
    })
  }

  const withPermits: Permits["withPermits"] = (asked, { priority = "middle" } = {}) => {
    const weight = Kernel.wholeWeight(asked)
    // The path without waiting: five steps of the fiber, each of which is made once and used again.
    const onFailure = <E>(cause: Cause.Cause<E>): Effect.Effect<never, E> => {
      release(weight)
      return Effect.failCause(cause)
    }
    const onSuccess = <A>(value: A): Effect.Effect<A> => {
      release(weight)
      return Effect.succeed(value)
    }
    return <A, E, R>(self: Effect.Effect<A, E, R>) => {
      let restoredBy: Restore | undefined
      let guarded: Effect.Effect<A, E, R> | undefined
      return Effect.uninterruptibleMask((restore): Effect.Effect<A, E, R> => {
        if (!Kernel.tryTake(permits, weight)) {
          return onEvent === undefined
            ? waitThenRun(self, restore, weight, priority)
            : Effect.clockWith((clock) => waitThenRun(self, restore, weight, priority, clock))
        }
        if (guarded === undefined || restoredBy !== restore) {
          restoredBy = restore
          guarded = Effect.matchCauseEffect(restore(self), { onFailure, onSuccess })
        }
        return guarded
      })
    }
  }

  return {
    withPermits,
    withPermit: withPermits(1),
    withPermitsIfAvailable: (asked) => {
      const weight = Kernel.wholeWeight(asked)
      return (self) =>
        Effect.uninterruptibleMask((restore) =>
          Kernel.tryTake(permits, weight)
            ? Effect.onExit(restore(Effect.asSome(self)), () => Effect.sync(() => release(weight)))
            : Effect.succeedNone,
        )
    },
    resize: (limit) =>
      Effect.sync(() => {
        Kernel.resize(permits, limit)
        onEvent?.({ _tag: "Resized", limit: permits.limit })
        settle()
      }),
    stats: Effect.sync(() => ({ limit: permits.limit, inFlight: permits.inFlight, waiting: permits.queue.size })),
  }
}
