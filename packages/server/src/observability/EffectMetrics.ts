/** What Effect's registry has counted and measured in this process, as families for `OpenMetrics`. */
import { Metric, MetricKeyType, MetricState, Option } from "effect"
import type * as OpenMetrics from "./OpenMetrics.ts"

/** What the names mean, where the metric does not say it itself. */
const meanings: Readonly<Record<string, string>> = {
  paceline_consumer_handled_total: "Records that a consumer group handled",
  paceline_consumer_failed_total: "Attempts to handle records that failed",
  paceline_consumer_parked_total: "Records that were parked, to be tried again",
  paceline_consumer_lost_total: "Records that were lost, where at most once is asked for",
  paceline_dead_letters_total: "Records that a consumer group gave up",
  paceline_consumer_lag: "Records that a consumer group has not moved past, as its consumer last saw it",
  paceline_consumer_parked_records: "Records that are parked now, to be tried again",
  paceline_consumer_batch_records: "Records in a batch",
  paceline_consumer_handling_millis: "How long the handling of a batch took, milliseconds",
  paceline_consumer_wait_millis: "From a record's appending to its handling, milliseconds",
  paceline_job_queue_enqueued_total: "Jobs that were enqueued",
  paceline_job_queue_completed_total: "Jobs that were completed",
  paceline_job_queue_failed_total: "Attempts to run jobs that failed",
  paceline_job_queue_dead_total: "Jobs that were given up",
  paceline_job_queue_wait_millis: "From when a job was due to its beginning, milliseconds",
  paceline_job_queue_run_millis: "How long jobs ran, milliseconds",
  paceline_job_queue_waiting: "Jobs that are due and wait for a worker",
  paceline_job_queue_later: "Jobs whose time has not come",
  paceline_job_queue_oldest_wait_millis: "How long the longest-waiting job has been due, milliseconds",
  paceline_job_queue_dead_jobs: "Dead jobs that wait for a person",
}

/** In OpenMetrics a gauge and a counter may not differ by `_total` alone. */
const renamed: Readonly<Record<string, string>> = {
  paceline_consumer_parked: "paceline_consumer_parked_records",
  paceline_job_queue_dead: "paceline_job_queue_dead_jobs",
}

type Pair = ReturnType<typeof Metric.unsafeSnapshot>[number]

const familyOf = (name: string, help: string, labels: OpenMetrics.Labels, pair: Pair): OpenMetrics.Family | null => {
  const { metricKey, metricState: state } = pair
  if (MetricState.isCounterState(state)) {
    // A counter that may fall is a gauge to everybody else.
    const falls = MetricKeyType.isCounterKey(metricKey.keyType) && !metricKey.keyType.incremental
    return { name, help, type: falls ? "gauge" : "counter", series: [{ labels, value: state.count }] }
  }
  if (MetricState.isGaugeState(state)) return { name, help, type: "gauge", series: [{ labels, value: state.value }] }
  if (MetricState.isFrequencyState(state)) {
    const series = Array.from(state.occurrences, ([value, count]) => ({
      labels: [...labels, ["value", value] as const],
      value: count,
    }))
    return { name, help, type: "counter", series }
  }
  if (MetricState.isHistogramState(state)) {
    const { buckets, count, sum } = state
    return { name, help, type: "histogram", series: [{ labels, buckets, count, sum }] }
  }
  if (MetricState.isSummaryState(state)) {
    const { count, sum } = state
    const quantiles = state.quantiles.flatMap(
      ([quantile, value]): ReadonlyArray<readonly [number, number]> =>
        Option.isSome(value) ? [[quantile, value.value]] : [],
    )
    return { name, help, type: "summary", series: [{ labels, quantiles, count, sum }] }
  }
  return null
}

/** Joins a family's series to those of its name and kind. */
const join = (known: OpenMetrics.Family, next: OpenMetrics.Family): OpenMetrics.Family | null => {
  if (known.type === "histogram" && next.type === "histogram")
    return { ...known, series: [...known.series, ...next.series] }
  if (known.type === "summary" && next.type === "summary")
    return { ...known, series: [...known.series, ...next.series] }
  if ((known.type === "counter" || known.type === "gauge") && known.type === next.type) {
    return { ...known, series: [...known.series, ...next.series] }
  }
  return null
}

export const families = (): ReadonlyArray<OpenMetrics.Family> => {
  const found = new Map<string, OpenMetrics.Family>()
  for (const pair of Metric.unsafeSnapshot()) {
    const { description, name: given, tags } = pair.metricKey
    const name = renamed[given] ?? given
    const help = Option.getOrElse(description, () => meanings[name] ?? "")
    const labels = tags.map(({ key, value }) => [key, value] as const)
    const next = familyOf(name, help, labels, pair)
    if (next === null) continue
    const id = `${name} ${next.type}`
    const known = found.get(id)
    const joined = known === undefined ? next : join(known, next)
    if (joined !== null) found.set(id, joined)
  }
  return [...found.values()]
}
