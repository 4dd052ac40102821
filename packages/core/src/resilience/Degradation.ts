/**
 * Switches off what matters least while there is too much to do, and shows what is off.
 *
 * The order and the hysteresis are those of `kernel/resilience/Degradation`: recommendations go first, training and data collection
 * last, security and privacy never. Feed it the pressure you measure, or let `layer` sample it.
 *
 * @example
 * yield* degradation.whenOn("recommendations", suggest(athlete), () => Effect.succeed([]))
 */
import { type Config, type ConfigError, Context, Effect, Layer, Metric, type Scope, Stream } from "effect"
import * as Kernel from "../kernel/resilience/Degradation.ts"
import * as Configured from "./Configured.ts"

export type { Change, Essential, Feature } from "../kernel/resilience/Degradation.ts"

export interface DegradationView {
  /** How many levels are off, from 0. */
  readonly level: number
  readonly off: ReadonlyArray<Kernel.Feature>
  readonly forced: boolean
}

export interface DegradationService {
  readonly isOn: (feature: Kernel.Feature | Kernel.Essential) => boolean
  /** Runs the effect while its feature is on, and the other one while it is off. */
  readonly whenOn: <A, E, R, B, E2, R2>(
    feature: Kernel.Feature,
    effect: Effect.Effect<A, E, R>,
    otherwise: () => Effect.Effect<B, E2, R2>,
  ) => Effect.Effect<A | B, E | E2, R | R2>
  /** Takes in how much of what can be done is asked for: 1 is all of it. */
  readonly observe: (pressure: number) => Effect.Effect<Kernel.Change | undefined>
  /** Holds a level, as an operator does; undefined lets pressure decide again. */
  readonly force: (level: number | undefined) => Effect.Effect<Kernel.Change | undefined>
  readonly view: Effect.Effect<DegradationView>
  /** Every change from now on. */
  readonly changes: Stream.Stream<Kernel.Change>
}

const levelGauge = Metric.gauge("paceline_degradation_level", { description: "Levels of features that are off" })

export const make = (settings?: Partial<Kernel.DegradationSettings>): Effect.Effect<DegradationService> =>
  Effect.sync(() => {
    const state = Kernel.make(settings)
    const listeners = new Set<(change: Kernel.Change) => void>()
    const told = (change: Kernel.Change | undefined): Effect.Effect<Kernel.Change | undefined> => {
      if (change === undefined) return Effect.succeed(undefined)
      levelGauge.unsafeUpdate(change.to, [])
      for (const listener of listeners) listener(change)
      return Effect.logWarning(`Features ${change.direction}: ${change.features.join(", ")}`).pipe(
        Effect.annotateLogs({ level: change.to, pressure: change.pressure }),
        Effect.as(change),
      )
    }
    return {
      isOn: (feature) => Kernel.isOn(state, feature),
      whenOn: <A, E, R, B, E2, R2>(
        feature: Kernel.Feature,
        effect: Effect.Effect<A, E, R>,
        otherwise: () => Effect.Effect<B, E2, R2>,
      ) =>
        Effect.suspend(
          (): Effect.Effect<A | B, E | E2, R | R2> => (Kernel.isOn(state, feature) ? effect : otherwise()),
        ),
      observe: (pressure) =>
        Effect.flatMap(Effect.clock, (clock) => told(Kernel.observe(state, pressure, clock.unsafeCurrentTimeMillis()))),
      force: (level) => Effect.suspend(() => told(Kernel.force(state, level))),
      view: Effect.sync(() => ({
        level: state.level,
        off: Kernel.off(state),
        forced: state.forced !== undefined,
      })),
      changes: Stream.asyncPush<Kernel.Change>((emit) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            const listener = (change: Kernel.Change): void => {
              emit.single(change)
            }
            listeners.add(listener)
            return listener
          }),
          (listener) => Effect.sync(() => listeners.delete(listener)),
        ),
      ),
    }
  })

export class Degradation extends Context.Tag("@paceline/core/resilience/Degradation")<
  Degradation,
  DegradationService
>() {}

/** What is sampled to find the pressure, and how often. */
export interface Sampling<R = never> {
  readonly pressure: Effect.Effect<number, never, R>
  /** Default 1 s. */
  readonly everyMillis?: number
}

/** Samples the pressure until the scope closes. */
export const sample = <R>(
  service: DegradationService,
  { pressure, everyMillis = 1_000 }: Sampling<R>,
): Effect.Effect<void, never, R | Scope.Scope> =>
  Effect.asVoid(
    Effect.forkScoped(
      Effect.forever(Effect.zipRight(Effect.flatMap(pressure, service.observe), Effect.sleep(everyMillis))),
    ),
  )

export const layer = <R = never>(
  options: { readonly settings?: Partial<Kernel.DegradationSettings>; readonly sampling?: Sampling<R> } = {},
): Layer.Layer<Degradation, never, R> =>
  Layer.scoped(
    Degradation,
    Effect.tap(make(options.settings), (service) =>
      options.sampling === undefined ? Effect.void : sample(service, options.sampling),
    ),
  )

/** What of it an operator sets: all of `DegradationSettings`, such as `DEGRADATION_DEGRADE_AT`. */
export const config = Configured.degradation

/** Settings read from the configuration; what is absent has its default. */
export const layerConfig = <R = never>(
  sampling?: Sampling<R>,
  read: Config.Config<Partial<Kernel.DegradationSettings>> = config,
): Layer.Layer<Degradation, ConfigError.ConfigError, R> =>
  Layer.unwrapEffect(
    Effect.map(read, (settings) => layer({ settings, ...(sampling === undefined ? {} : { sampling }) })),
  )
