/**
 * Carries out what the autoscaling kernel decides: reads the pool, decides, resizes, and tells each decision.
 *
 * It drives a worker pool, or whatever can be read and resized: give an outside scaler as `resize`, or read the
 * decisions through `onDecision` and `latest`.
 *
 * @example
 * const pool = yield* WorkerPool.make({ name: "imports", workers: 5 })
 * const scaler = yield* Autoscaler.make({ target: pool, plan: upcomingEvents, onDecision: (d) => log(d.reason) })
 */
import { Cause, Clock, Config, type Context, Duration, Effect, Layer, type Scope } from "effect"
import * as Kernel from "../kernel/concurrency/Autoscaler.ts"
import { type Bound, checked } from "./CheckedConfig.ts"
import { safely } from "./Listener.ts"

/** What can be scaled; a `WorkerPool` can. */
export interface Scalable {
  readonly stats: Effect.Effect<{
    readonly workers: number
    readonly busy: number
    readonly waiting: number
    readonly completed: number
    readonly failed: number
    readonly p95Millis: number | undefined
  }>
  readonly resize: (workers: number) => Effect.Effect<void>
}

export interface AutoscalerOptions {
  readonly target: Scalable
  /** What differs from `Kernel.standard`. */
  readonly settings?: Partial<Kernel.Settings>
  /** The schedule and the planned events, read at each decision. Default none. Times are of the calendar. */
  readonly plan?: Effect.Effect<Kernel.Plan>
  /** The share of the CPU in use, 0 to 1. Left out, the CPU decides nothing. */
  readonly cpu?: Effect.Effect<number>
  /** Default 10 s. */
  readonly everyMillis?: number
  readonly onDecision?: (decision: Kernel.Decision) => void
  /** Hears when a look at the target or a change of it died; the next look is made all the same. Default: a warning in the log. */
  readonly onError?: (cause: Cause.Cause<never>) => Effect.Effect<void>
}

export interface Autoscaler {
  /** The last decision; undefined before the first. */
  readonly latest: Effect.Effect<Kernel.Decision | undefined>
  readonly stats: Effect.Effect<AutoscalerStats>
  /** The floors that the plan will set over the next 24 hours. */
  readonly forecast: Effect.Effect<ReturnType<typeof Kernel.forecast>>
}

export interface AutoscalerStats {
  /** Workers that there should be. */
  readonly target: number
  /** How often it has grown and shrunk what it drives. */
  readonly grown: number
  readonly shrunk: number
  /** 1 while errors are above their mark and someone should look, else 0. */
  readonly investigate: number
}

/** Decides at once and then again and again, until the scope closes. */
export const make = (options: AutoscalerOptions): Effect.Effect<Autoscaler, never, Scope.Scope> =>
  Effect.gen(function* () {
    const settings: Kernel.Settings = { ...Kernel.standard, ...options.settings }
    const plan = options.plan ?? Effect.succeed(Kernel.noPlan)
    const cpu = options.cpu ?? Effect.succeed(undefined)
    const onError =
      options.onError ?? ((cause: Cause.Cause<never>) => Effect.logWarning("The autoscaler could not decide", cause))
    const onDecision = safely((decision: Kernel.Decision) => options.onDecision?.(decision))
    const start = yield* options.target.stats
    let state = Kernel.initial(settings, start.workers)
    let latest: Kernel.Decision | undefined
    let completed = start.completed
    let failed = start.failed
    const changes = { grow: 0, shrink: 0, hold: 0 }

    if (state.workers !== start.workers) yield* options.target.resize(state.workers)

    const decide = Effect.gen(function* () {
      const stats = yield* options.target.stats
      const ended = stats.completed - completed
      const reading: Kernel.Reading = {
        queueLength: stats.waiting,
        busy: stats.busy,
        p95Millis: stats.p95Millis,
        cpu: yield* cpu,
        errorRate: ended === 0 ? undefined : (stats.failed - failed) / ended,
      }
      completed = stats.completed
      failed = stats.failed
      const before = state.workers
      latest = Kernel.decide(settings, state, reading, yield* plan, yield* Clock.currentTimeMillis)
      state = latest.state
      onDecision(latest)
      if (latest.change !== "hold") {
        const { target } = latest
        // A change that died was not made: it is decided anew after the cool-down.
        yield* Effect.tapDefect(options.target.resize(target), () =>
          Effect.sync(() => {
            state = { ...state, workers: before }
          }),
        )
      }
      changes[latest.change]++
    }).pipe(
      Effect.catchAllCause((cause) => (Cause.isInterruptedOnly(cause) ? Effect.failCause(cause) : onError(cause))),
    )
    const pause = Effect.sleep(Duration.millis(options.everyMillis ?? 10_000))
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(decide, pause)))

    return {
      latest: Effect.sync(() => latest),
      stats: Effect.sync(() => ({
        target: state.workers,
        grown: changes.grow,
        shrunk: changes.shrink,
        investigate: latest?.investigate === true ? 1 : 0,
      })),
      forecast: Effect.zipWith(plan, Clock.currentTimeMillis, (known, now) => Kernel.forecast(settings, known, now)),
    }
  })

/** Provides an autoscaler under a tag of your own. */
export const layer = <I>(tag: Context.Tag<I, Autoscaler>, options: AutoscalerOptions): Layer.Layer<I> =>
  Layer.scoped(tag, make(options))

/** As `layer`, with the marks and bounds, and how often it decides, read from configuration. */
export const layerConfig = <I>(
  tag: Context.Tag<I, Autoscaler>,
  settings: Config.Config.Wrap<ScalerSettings>,
  options: Omit<AutoscalerOptions, "settings">,
) =>
  Layer.scoped(
    tag,
    Effect.flatMap(checked(Config.unwrap(settings), "autoscaler", boundsOf), ({ everyMillis, ...read }) =>
      make({ ...options, settings: read, ...(everyMillis === undefined ? {} : { everyMillis }) }),
    ),
  )

/** What of an autoscaler an operator sets. */
export interface ScalerSettings extends Partial<Kernel.Settings> {
  readonly everyMillis?: number
}

const boundsOf = ({ everyMillis, ...read }: ScalerSettings): ReadonlyArray<Bound> => {
  const all = { ...Kernel.standard, ...read }
  const marks = (
    ["queueLength", "p95Millis", "cpuForMillis", "calmForMillis", "coolDownMillis", "readyMillis"] as const
  ).map((setting) => ({ setting, value: all[setting], from: 0 }))
  const shares = (["cpu", "errorRate", "calmShare"] as const).map((setting) => ({
    setting,
    value: all[setting],
    from: 0,
    to: 1,
  }))
  return [
    { setting: "everyMillis", value: everyMillis, from: 1 },
    { setting: "min", value: all.min, from: 1, whole: true },
    { setting: "max", value: all.max, from: all.min, whole: true },
    { setting: "growth", value: all.growth, from: 1, exclusive: "from" },
    { setting: "predictAheadMillis", value: all.predictAheadMillis, from: all.readyMillis, exclusive: "from" },
    ...marks,
    ...shares,
  ]
}
