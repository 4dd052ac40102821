/**
 * Counters of what guards do, each looked up once: to count is one addition, and allocates nothing.
 *
 * Tags are names that the program gives (a breaker, a limit, a reason), never a user's: a series is never evicted.
 */
import { Metric, MetricKey, MetricLabel } from "effect"

/** What a counter is called, and what it says to who reads it. */
export interface Counter {
  readonly name: string
  readonly description: string
}

/** Counts one more in the series with these tags. */
export const counted = ({ name, description }: Counter, tags: Readonly<Record<string, string>>): (() => void) => {
  const labels = Object.entries(tags).map(([key, value]) => MetricLabel.make(key, value))
  const key = MetricKey.taggedWithLabels(MetricKey.counter(name, { description, incremental: true }), labels)
  const metric = Metric.fromMetricKey(key)
  return () => metric.unsafeUpdate(1, noTags)
}

/** Counts one more in the series of a tag's value; the values must be few. */
export const countedBy = (
  counter: Counter,
  tag: string,
  tags: Readonly<Record<string, string>> = {},
): ((value: string) => void) => {
  const series = new Map<string, () => void>()
  return (value) => {
    let count = series.get(value)
    if (count === undefined) {
      count = counted(counter, { ...tags, [tag]: value })
      series.set(value, count)
    }
    count()
  }
}

const noTags: ReadonlyArray<MetricLabel.MetricLabel> = []
