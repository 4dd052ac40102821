/**
 * Carries out what the autoscaling kernel decides, without Effect: reads, decides, resizes, and tells each decision.
 *
 * For an outside scaler that asks instead of being driven, the kernel alone is enough: `Autoscaler.decide` of
 * `@paceline/core/kernel` is one function from a state, a reading, a plan and the time to the next state and a
 * decision, and the state is plain data.
 *
 * @example
 * const scaler = PromiseAutoscaler.start({ target: pool, onDecision: (decision) => console.log(decision.reason) })
 * scaler.stop()
 */
import * as Kernel from "../../kernel/concurrency/Autoscaler.ts"
import * as HostTimers from "../../resilience/HostTimers.ts"

/** What can be scaled; a `PromiseWorkerPool` can. */
export interface PromiseScalable {
  readonly stats: () => {
    readonly workers: number
    readonly busy: number
    readonly waiting: number
    readonly completed: number
    readonly failed: number
    readonly p95Millis: number | undefined
  }
  readonly resize: (workers: number) => void | PromiseLike<void>
}

export interface PromiseAutoscalerOptions {
  readonly target: PromiseScalable
  /** What differs from `Kernel.standard`. */
  readonly settings?: Partial<Kernel.Settings>
  /** The schedule and the planned events, read at each decision. Default none. Times are of the calendar. */
  readonly plan?: () => Kernel.Plan
  /** The share of the CPU in use, 0 to 1. Left out, the CPU decides nothing. */
  readonly cpu?: () => number
  /** Default 10 s. */
  readonly everyMillis?: number
  readonly onDecision?: (decision: Kernel.Decision) => void
  /** Hears when `resize`, `plan`, `cpu` or `stats` failed. A change that failed is decided anew after the cool-down. */
  readonly onError?: (error: unknown) => void
}

export interface PromiseAutoscaler {
  /** The last decision; undefined before the first. */
  readonly latest: () => Kernel.Decision | undefined
  /** The floors that the plan will set over the next 24 hours. */
  readonly forecast: () => ReturnType<typeof Kernel.forecast>
  readonly stop: () => void
}

/** Decides at once and then again and again, until it is stopped. */
export const start = (options: PromiseAutoscalerOptions): PromiseAutoscaler => {
  const { target, plan = () => Kernel.noPlan, onError = () => {} } = options
  const settings: Kernel.Settings = { ...Kernel.standard, ...options.settings }
  const first = target.stats()
  let state = Kernel.initial(settings, first.workers)
  let latest: Kernel.Decision | undefined
  let { completed, failed } = first

  let alarm: ReturnType<typeof HostTimers.after> | undefined
  let stopped = false

  const resize = async (from: number, to: number): Promise<void> => {
    try {
      await target.resize(to)
    } catch (error) {
      // Unless another change has been decided meanwhile.
      if (state.workers === to) state = { ...state, workers: from }
      onError(error)
    }
  }

  const decide = (): void => {
    const stats = target.stats()
    const ended = stats.completed - completed
    const reading: Kernel.Reading = {
      queueLength: stats.waiting,
      busy: stats.busy,
      p95Millis: stats.p95Millis,
      cpu: options.cpu?.(),
      errorRate: ended === 0 ? undefined : (stats.failed - failed) / ended,
    }
    completed = stats.completed
    failed = stats.failed
    const from = state.workers
    latest = Kernel.decide(settings, state, reading, plan(), Date.now())
    state = latest.state
    options.onDecision?.(latest)
    if (latest.change !== "hold") void resize(from, latest.target)
  }

  const again = (): void => {
    try {
      decide()
    } catch (error) {
      onError(error)
    }
    if (!stopped) alarm = HostTimers.after(options.everyMillis ?? 10_000, again)
  }

  if (state.workers !== first.workers) void resize(first.workers, state.workers)
  again()

  return {
    latest: () => latest,
    forecast: () => Kernel.forecast(settings, plan(), Date.now()),
    stop: () => {
      stopped = true
      if (alarm !== undefined) HostTimers.cancel(alarm)
    },
  }
}
