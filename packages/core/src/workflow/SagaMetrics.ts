/**
 * What sagas count and measure; each series is tagged with the saga's name and looked up once:
 * - `paceline_saga_started_total`, `_completed_total`, `_turned_back_total`, `_compensated_total`, `_settled_total`;
 * - `paceline_saga_alerts_total`: sagas that were parked; `paceline_saga_attempts_failed_total`: attempts of steps;
 * - `paceline_saga_duration_millis`, from start to end: a histogram;
 * - `paceline_saga_running`, `_parked`: gauges, read every ten seconds by workers. One that is parked needs a person.
 */
import { Metric, MetricBoundaries, MetricKey, MetricLabel } from "effect"
import type { SagaEvent } from "./SagaEvents.ts"

/** A millisecond to twelve days. */
const boundaries = MetricBoundaries.exponential({ start: 1, factor: 2, count: 30 })

export const make = (saga: string) => {
  const labels = [MetricLabel.make("saga", saga)]
  const counter = (title: string) => {
    const key = MetricKey.taggedWithLabels(MetricKey.counter(title, { incremental: true }), labels)
    const metric = Metric.fromMetricKey(key)
    return (): void => metric.unsafeUpdate(1, [])
  }
  const gauge = (title: string) => {
    const metric = Metric.fromMetricKey(MetricKey.taggedWithLabels(MetricKey.gauge(title), labels))
    return (value: number): void => metric.unsafeUpdate(value, [])
  }
  const durations = Metric.fromMetricKey(
    MetricKey.taggedWithLabels(MetricKey.histogram("paceline_saga_duration_millis", boundaries), labels),
  )
  const counters: Readonly<Record<SagaEvent["_tag"], () => void>> = {
    SagaStarted: counter("paceline_saga_started_total"),
    SagaCompleted: counter("paceline_saga_completed_total"),
    SagaTurnedBack: counter("paceline_saga_turned_back_total"),
    SagaCompensated: counter("paceline_saga_compensated_total"),
    SagaParked: counter("paceline_saga_alerts_total"),
    SagaSettled: counter("paceline_saga_settled_total"),
  }
  return {
    count: (tag: SagaEvent["_tag"]): void => counters[tag](),
    attemptFailed: counter("paceline_saga_attempts_failed_total"),
    duration: (millis: number): void => durations.unsafeUpdate(Math.max(0, millis), []),
    running: gauge("paceline_saga_running"),
    parked: gauge("paceline_saga_parked"),
  }
}

export type SagaMetrics = ReturnType<typeof make>
