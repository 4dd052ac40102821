/**
 * What `/metrics` tells: what this process counts, where the log and its groups stand, and what the process uses.
 *
 * The log is asked anew each time, for all groups that it knows, so a group that nobody runs is seen too. No series is
 * named after a person or a device: there are as many as there are topics, groups and guards.
 */
import type { AggregateStore } from "@paceline/core/consistency"
import { DeadLetters, EventLog } from "@paceline/core/messaging"
import { Effect } from "effect"
import * as EffectMetrics from "./EffectMetrics.ts"
import { Health } from "./Health.ts"
import * as OpenMetrics from "./OpenMetrics.ts"
import { VERSION } from "./Version.ts"

type Single = Extract<OpenMetrics.Family, { readonly type: "counter" | "gauge" }>

const single = (
  type: Single["type"],
  name: string,
  help: string,
  series: ReadonlyArray<readonly [labels: Readonly<Record<string, string | number>>, value: number]>,
): Single => ({
  type,
  name,
  help,
  series: series.map(([labels, value]) => ({
    labels: Object.entries(labels).map(([key, given]) => [key, String(given)] as const),
    value,
  })),
})

/** What the log holds, by partition. */
const ofTopics = Effect.gen(function* () {
  const log = yield* EventLog.EventLog
  const bounds: Array<readonly [{ topic: string; partition: number }, EventLog.Bounds]> = []
  for (const topic of yield* log.topics) {
    for (const partition of yield* log.partitions(topic)) {
      bounds.push([{ topic, partition }, yield* log.bounds(topic, partition)])
    }
  }
  return [
    single(
      "counter",
      "paceline_log_appended_total",
      "Records ever appended to the log",
      bounds.map(([labels, { end }]) => [labels, end]),
    ),
    single(
      "gauge",
      "paceline_log_records",
      "Records that the log holds",
      bounds.map(([labels, { end, start }]) => [labels, end - start]),
    ),
  ]
})

/** Where all known groups stand. */
const ofGroups = Effect.gen(function* () {
  const { lags, stalled } = yield* Effect.flatMap(Health, ({ standing }) => standing)
  const letters = yield* DeadLetters.groups
  const stoodAt = new Set<EventLog.Lag>(stalled.map(({ lag }) => lag))
  const of = ({ group, partition, topic }: EventLog.Lag) => ({ group, topic, partition })
  return [
    single(
      "gauge",
      "paceline_group_lag",
      "Records that a consumer group has not moved past, of all groups that the log knows",
      lags.map((lag) => [of(lag), lag.end - lag.committed]),
    ),
    single(
      "counter",
      "paceline_group_committed_total",
      "Records that a consumer group has moved past; it falls when a group is moved back",
      lags.map((lag) => [of(lag), lag.committed]),
    ),
    single(
      "gauge",
      "paceline_group_stalled",
      "1 where a consumer group has records to read and does not get on with them",
      lags.map((lag) => [of(lag), stoodAt.has(lag) ? 1 : 0]),
    ),
    single(
      "gauge",
      "paceline_dead_letters_waiting",
      "Dead letters that wait for a person",
      letters.map(({ group, letters: waiting, topic }) => [{ group, topic }, waiting]),
    ),
  ]
})

const ofProcess = (): ReadonlyArray<OpenMetrics.Family> => {
  const { system, user } = process.cpuUsage()
  const startedAtSeconds = Math.round(Date.now() / 1000 - process.uptime())
  return [
    single("gauge", "paceline_build_info", "The version that runs", [[{ version: VERSION }, 1]]),
    single("counter", "process_cpu_seconds_total", "Processor time that was used, seconds", [
      [{}, (user + system) / 1e6],
    ]),
    single("gauge", "process_resident_memory_bytes", "Memory that is held, bytes", [[{}, process.memoryUsage.rss()]]),
    single("gauge", "process_start_time_seconds", "When it was started, seconds since the epoch", [
      [{}, startedAtSeconds],
    ]),
  ]
}

const storeUp = (up: 0 | 1) => single("gauge", "paceline_store_up", "1 while the store answers", [[{}, up]])

export class Metrics extends Effect.Service<Metrics>()("paceline/observability/Metrics", {
  effect: Effect.gen(function* () {
    const context = yield* Effect.context<EventLog.EventLog | AggregateStore.AggregateStore | Health>()
    const ofStore = Effect.zipWith(ofTopics, ofGroups, (topics, groups) => [...topics, ...groups, storeUp(1)]).pipe(
      Effect.provide(context),
      Effect.catchAll((error) =>
        Effect.as(Effect.logWarning("The store could not say how it stands.", error), [storeUp(0)]),
      ),
    )
    return {
      /** All there is to tell now, as text. It never fails: what the store cannot say is left out. */
      scrape: (format: OpenMetrics.Format): Effect.Effect<string> =>
        Effect.map(ofStore, (families) =>
          OpenMetrics.render([...families, ...EffectMetrics.families(), ...ofProcess()], format),
        ),
    }
  }),
}) {}
