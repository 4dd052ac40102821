/**
 * Turns what permits, bulkheads, lanes, queues, pools, balancers, limits and scalers tell into Effect metrics. Who does not ask for it
 * pays nothing for it; who does pays some 1 µs for a job that waits and nothing for one that does not.
 *
 * For `permits` named `uploads`, each series tagged with that name and never with a user or a key (a tagged series is
 * never evicted):
 * - `paceline_permits_events_total{name, event}`: a counter for each kind of event;
 * - `paceline_permits_wait_millis{name}`: a histogram of how long was waited, however the wait ended;
 * - `paceline_permits_in_flight{name}` and so on: a gauge for each figure of `stats`, read every ten seconds; those
 *   that only grow, such as a pool's completed jobs, are counters with `_total`.
 *
 * Circuit breakers, retries, rate limits, timeouts and locks count by themselves: their events are rare.
 *
 * @example
 * const uploads = yield* Metrics.withMetrics("permits", "uploads", (onEvent) => Permits.make(4, { onEvent }))
 * const pool = yield* Metrics.withMetrics("worker_pool", "imports", (onEvent) =>
 *   WorkerPool.make({ name: "imports", workers: 10, onEvent }),
 * )
 * yield* Metrics.withMetrics("autoscaler", "imports", (onEvent) =>
 *   Autoscaler.make({ target: pool, onDecision: ({ change }) => onEvent({ _tag: change }) }),
 * )
 */
import { Duration, Effect, Metric, MetricBoundaries, MetricKey, MetricLabel, type Scope } from "effect"

export type Component =
  | "permits"
  | "bulkhead"
  | "lanes"
  | "priority_queue"
  | "worker_pool"
  | "load_balancer"
  | "adaptive_limit"
  | "autoscaler"

/** What a component tells while it runs. */
export interface Observed {
  readonly _tag: string
  /** How long one has waited, in milliseconds, where someone has. */
  readonly waitedMillis?: number
}

/** Whatever shows figures: all components of this folder do. What is no number is left out. */
export interface Measurable {
  readonly stats: Effect.Effect<object>
}

/** Makes a component and measures it until the scope closes. Hand `onEvent` on to it. */
export const withMetrics = <A extends Measurable, E, R>(
  component: Component,
  name: string,
  make: (onEvent: (event: Observed) => void) => Effect.Effect<A, E, R>,
  options: { readonly everyMillis?: number } = {},
): Effect.Effect<A, E, R | Scope.Scope> =>
  Effect.tap(make(eventsOf(component, name)), (made) => {
    const read = Effect.map(made.stats, figuresOf(component, name))
    const pause = Effect.sleep(Duration.millis(options.everyMillis ?? 10_000))
    return Effect.zipRight(read, Effect.forkScoped(Effect.forever(Effect.zipRight(pause, read))))
  })

/** Counts events and the time that was waited. Looks each series up once: a name is hashed only then. */
const eventsOf = (component: Component, name: string): ((event: Observed) => void) => {
  const labels = [MetricLabel.make("name", name)]
  const waited = waitOf(`paceline_${component}_wait_millis`, labels)
  const byEvent = new Map<string, ReturnType<typeof counterOf>>()
  return ({ _tag, waitedMillis }) => {
    let counter = byEvent.get(_tag)
    if (counter === undefined) {
      counter = counterOf(`paceline_${component}_events_total`, [...labels, MetricLabel.make("event", _tag)])
      byEvent.set(_tag, counter)
    }
    counter.unsafeUpdate(1, [])
    if (waitedMillis !== undefined && !beginnings.has(_tag)) waited.unsafeUpdate(waitedMillis, [])
  }
}

/** Sets a gauge for each figure, or moves a counter on. */
const figuresOf = (component: Component, name: string): ((stats: object) => void) => {
  const labels = [MetricLabel.make("name", name)]
  const gauges = new Map<string, ReturnType<typeof gaugeOf>>()
  const counters = new Map<string, { readonly metric: ReturnType<typeof counterOf>; last: number }>()
  return (stats) => {
    for (const [field, value] of Object.entries(stats)) {
      if (typeof value !== "number") continue
      const title = `paceline_${component}_${snakeCase(field)}`
      if (growing.has(field)) {
        const counter = counters.get(field) ?? {
          metric: counterOf(`${title}_total`, labels),
          last: 0,
        }
        counter.metric.unsafeUpdate(value - counter.last, [])
        counter.last = value
        counters.set(field, counter)
      } else {
        const gauge = gauges.get(field) ?? gaugeOf(title, labels)
        gauge.unsafeUpdate(value, [])
        gauges.set(field, gauge)
      }
    }
  }
}

// The keys carry their tags from the start: `Metric.tagged` would build and look up a key at each update.

const counterOf = (title: string, labels: ReadonlyArray<MetricLabel.MetricLabel>) =>
  Metric.fromMetricKey(MetricKey.taggedWithLabels(MetricKey.counter(title, { incremental: true }), labels))

const gaugeOf = (title: string, labels: ReadonlyArray<MetricLabel.MetricLabel>) =>
  Metric.fromMetricKey(MetricKey.taggedWithLabels(MetricKey.gauge(title), labels))

const waitOf = (title: string, labels: ReadonlyArray<MetricLabel.MetricLabel>) =>
  Metric.fromMetricKey(MetricKey.taggedWithLabels(MetricKey.histogram(title, waitBoundaries), labels))

/** A quarter of a millisecond to half a minute. */
const waitBoundaries = MetricBoundaries.exponential({ start: 0.25, factor: 2, count: 18 })

/** Nobody has waited yet. */
const beginnings = new Set(["Waiting", "Refused", "Offered"])

/** Figures of `stats` that only grow. */
const growing = new Set(["completed", "failed", "grown", "shrunk"])

const snakeCase = (field: string): string => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
