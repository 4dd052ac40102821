/**
 * What consumers count and measure. Each series is tagged with the group and the topic, and looked up once:
 * - `paceline_consumer_handled_total`, `_failed_total` (attempts), `_parked_total`, `_lost_total` (at most once), in
 *   records, and `paceline_dead_letters_total`;
 * - `paceline_consumer_lag` and `paceline_consumer_parked`: gauges, in records, over all partitions of this process;
 * - `paceline_consumer_batch_records`, `_handling_millis` and `_wait_millis` (from appended to handled): histograms.
 */
import { Metric, MetricBoundaries, MetricKey, MetricLabel } from "effect"

interface GroupOf {
  readonly group: string
  readonly topic: string
}

const labelsOf = ({ group, topic }: GroupOf) => [MetricLabel.make("group", group), MetricLabel.make("topic", topic)]

const counter = (title: string, of: GroupOf) => {
  const key = MetricKey.taggedWithLabels(MetricKey.counter(title, { incremental: true }), labelsOf(of))
  const metric = Metric.fromMetricKey(key)
  return (by: number): void => {
    if (by > 0) metric.unsafeUpdate(by, [])
  }
}

const gauge = (title: string, of: GroupOf) => {
  const metric = Metric.fromMetricKey(MetricKey.taggedWithLabels(MetricKey.gauge(title), labelsOf(of)))
  return (value: number): void => metric.unsafeUpdate(value, [])
}

const histogram = (title: string, of: GroupOf, boundaries: MetricBoundaries.MetricBoundaries) => {
  const key = MetricKey.taggedWithLabels(MetricKey.histogram(title, boundaries), labelsOf(of))
  const metric = Metric.fromMetricKey(key)
  return (value: number): void => metric.unsafeUpdate(value, [])
}

/** 1 to 8192 records. */
const records = MetricBoundaries.exponential({ start: 1, factor: 2, count: 14 })

/** A quarter of a millisecond to two minutes. */
const millis = MetricBoundaries.exponential({ start: 0.25, factor: 2, count: 20 })

/** A millisecond to nine hours. */
const waits = MetricBoundaries.exponential({ start: 1, factor: 2, count: 26 })

export const make = (of: GroupOf) => ({
  handled: counter("paceline_consumer_handled_total", of),
  failed: counter("paceline_consumer_failed_total", of),
  parked: counter("paceline_consumer_parked_total", of),
  lost: counter("paceline_consumer_lost_total", of),
  lag: gauge("paceline_consumer_lag", of),
  parkedNow: gauge("paceline_consumer_parked", of),
  batchRecords: histogram("paceline_consumer_batch_records", of, records),
  handlingMillis: histogram("paceline_consumer_handling_millis", of, millis),
  waitMillis: histogram("paceline_consumer_wait_millis", of, waits),
})

export type ConsumerMetrics = ReturnType<typeof make>

/** Letters are rare. */
export const countDeadLetter = (of: GroupOf): (() => void) => {
  const count = counter("paceline_dead_letters_total", of)
  return () => count(1)
}
