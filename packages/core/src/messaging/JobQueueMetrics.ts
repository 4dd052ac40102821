/**
 * What a queue counts and measures; each series is tagged with the queue's name and looked up once:
 * - `paceline_job_queue_enqueued_total`, `_completed_total`, `_failed_total` (attempts), `_dead_total`;
 * - `paceline_job_queue_wait_millis` (from due to begun) and `_run_millis`: histograms;
 * - `paceline_job_queue_waiting`, `_later`, `_oldest_wait_millis`, `_dead`: gauges, read every ten seconds by workers.
 */
import { Metric, MetricBoundaries, MetricKey, MetricLabel } from "effect"

const labelsOf = (queue: string) => [MetricLabel.make("queue", queue)]

const counter = (title: string, queue: string) => {
  const key = MetricKey.taggedWithLabels(MetricKey.counter(title, { incremental: true }), labelsOf(queue))
  const metric = Metric.fromMetricKey(key)
  return (): void => metric.unsafeUpdate(1, [])
}

const gauge = (title: string, queue: string) => {
  const metric = Metric.fromMetricKey(MetricKey.taggedWithLabels(MetricKey.gauge(title), labelsOf(queue)))
  return (value: number): void => metric.unsafeUpdate(value, [])
}

/** A quarter of a millisecond to nine hours. */
const millis = MetricBoundaries.exponential({ start: 0.25, factor: 2, count: 28 })

const histogram = (title: string, queue: string) => {
  const key = MetricKey.taggedWithLabels(MetricKey.histogram(title, millis), labelsOf(queue))
  const metric = Metric.fromMetricKey(key)
  return (value: number): void => metric.unsafeUpdate(Math.max(0, value), [])
}

export const make = (queue: string) => ({
  enqueued: counter("paceline_job_queue_enqueued_total", queue),
  completed: counter("paceline_job_queue_completed_total", queue),
  failed: counter("paceline_job_queue_failed_total", queue),
  deadLettered: counter("paceline_job_queue_dead_total", queue),
  waitMillis: histogram("paceline_job_queue_wait_millis", queue),
  runMillis: histogram("paceline_job_queue_run_millis", queue),
  waiting: gauge("paceline_job_queue_waiting", queue),
  later: gauge("paceline_job_queue_later", queue),
  oldestWaitMillis: gauge("paceline_job_queue_oldest_wait_millis", queue),
  dead: gauge("paceline_job_queue_dead", queue),
})

export type JobQueueMetrics = ReturnType<typeof make>
