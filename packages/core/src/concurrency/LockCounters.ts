/** Counts what becomes of locks, `paceline_locks_total{outcome}`. There are few outcomes: each series is looked up once. */
import { Metric, MetricKey, MetricLabel } from "effect"
import type { LockEvent } from "./LockEvents.ts"

const total = MetricKey.counter("paceline_locks_total", {
  description: "Locks acquired, renewed, released and lost, and those not acquired by error",
  incremental: true,
})

const counterOf = (outcome: string) =>
  // The key carries its tag from the start: `Metric.tagged` would build and look up a key at each update.
  Metric.fromMetricKey(MetricKey.taggedWithLabels(total, [MetricLabel.make("outcome", outcome)]))

const counters = new Map<string, ReturnType<typeof counterOf>>()

export const count = (event: LockEvent): void => {
  const outcome = event._tag === "NotAcquired" ? event.error._tag : event._tag
  let counter = counters.get(outcome)
  if (counter === undefined) {
    counter = counterOf(outcome)
    counters.set(outcome, counter)
  }
  counter.unsafeUpdate(1, [])
}
