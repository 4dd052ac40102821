import { describe, expect, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Metric, type MetricState, Scope, TestClock } from "effect"
import * as AdaptiveLimit from "./AdaptiveLimit.ts"
import * as Autoscaler from "./Autoscaler.ts"
import * as Bulkhead from "./Bulkhead.ts"
import * as Lanes from "./Lanes.ts"
import * as LoadBalancer from "./LoadBalancer.ts"
import * as Metrics from "./Metrics.ts"
import * as Permits from "./Permits.ts"
import * as PriorityQueue from "./PriorityQueue.ts"
import * as Timers from "./Timers.ts"
import * as WorkerPool from "./WorkerPool.ts"

const quiet = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow(), { discard: true })

/** All series of one name, as `metric` or `metric{event}`. Metrics are the process's: each test has a name of its own. */
const seriesOf = (name: string) =>
  Effect.map(Metric.snapshot, (pairs) => {
    const found: Record<string, number | { readonly count: number; readonly sum: number }> = {}
    for (const { metricKey, metricState } of pairs) {
      const tags = Object.fromEntries(metricKey.tags.map(({ key, value }) => [key, value]))
      if (tags["name"] !== name) continue
      expect(Object.keys(tags).sort()).toEqual(tags["event"] === undefined ? ["name"] : ["event", "name"])
      const label = tags["event"] === undefined ? metricKey.name : `${metricKey.name}{${tags["event"]}}`
      found[label] = figureOf(metricState)
    }
    return found
  })

const figureOf = (state: MetricState.MetricState.Untyped) => {
  if ("count" in state && "sum" in state) return { count: Number(state.count), sum: Number(state.sum) }
  if ("count" in state) return Number(state.count)
  return "value" in state ? Number(state.value) : Number.NaN
}

/** One runs, one waits for half a second and then runs, one gives up after a quarter. */
const contend = (run: (self: Effect.Effect<void>) => Effect.Effect<void, unknown>) =>
  Effect.gen(function* () {
    const gate = yield* Deferred.make<void>()
    const runs = yield* Effect.fork(run(Deferred.await(gate)))
    yield* quiet
    const waits = yield* Effect.fork(run(Effect.void))
    const leaves = yield* Effect.fork(run(Effect.void))
    yield* quiet
    yield* TestClock.adjust(Duration.millis(250))
    yield* Fiber.interrupt(leaves)
    yield* TestClock.adjust(Duration.millis(250))
    yield* Deferred.succeed(gate, undefined)
    yield* Fiber.joinAll([runs, waits])
  })

describe("Metrics", () => {
  it.scoped("counts events of permits, sums up the wait, and shows the figures", () =>
    Effect.gen(function* () {
      const permits = yield* Metrics.withMetrics("permits", "m-uploads", (onEvent) => Permits.make(1, { onEvent }))
      yield* contend(permits.withPermit)
      yield* TestClock.adjust(Duration.seconds(10))
      expect(yield* seriesOf("m-uploads")).toEqual({
        "paceline_permits_events_total{Waiting}": 2,
        "paceline_permits_events_total{Granted}": 1,
        "paceline_permits_events_total{Abandoned}": 1,
        paceline_permits_wait_millis: { count: 2, sum: 750 },
        paceline_permits_limit: 1,
        paceline_permits_in_flight: 0,
        paceline_permits_waiting: 0,
      })
    }),
  )

  it.scoped("does the same for lanes, without a series for a key", () =>
    Effect.gen(function* () {
      const lanes = yield* Metrics.withMetrics("lanes", "m-seats", (onEvent) => Lanes.make<string>({ onEvent }))
      yield* contend((self) => lanes.run("seat-7", self))
      for (let i = 0; i < 50; i++) yield* lanes.run(`seat-${i}`, Effect.void)
      expect(yield* seriesOf("m-seats")).toEqual({
        "paceline_lanes_events_total{Waiting}": 2,
        "paceline_lanes_events_total{Granted}": 1,
        "paceline_lanes_events_total{Abandoned}": 1,
        paceline_lanes_wait_millis: { count: 2, sum: 750 },
        paceline_lanes_keys: 0,
        paceline_lanes_running: 0,
        paceline_lanes_waiting: 0,
      })
    }),
  )

  it.scoped("counts what a bulkhead refuses and whom it lets wait too long", () =>
    Effect.gen(function* () {
      const bulkhead = yield* Metrics.withMetrics("bulkhead", "m-search", (onEvent) =>
        Bulkhead.make({
          name: "m-search",
          limit: 1,
          queue: { high: 1, middle: 1, low: 1 },
          maxWaitMillis: 100,
          onEvent,
        }),
      )
      const fibers = yield* Effect.forEach([1, 2, 3], () =>
        Effect.zipLeft(Effect.fork(bulkhead.run(Effect.never)), quiet),
      )
      yield* TestClock.adjust(Duration.seconds(10))
      expect(yield* seriesOf("m-search")).toEqual({
        "paceline_bulkhead_events_total{Waiting}": 1,
        "paceline_bulkhead_events_total{Refused}": 1,
        "paceline_bulkhead_events_total{WaitedTooLong}": 1,
        paceline_bulkhead_wait_millis: { count: 1, sum: expect.closeTo(100, -1) },
        paceline_bulkhead_limit: 1,
        paceline_bulkhead_running: 1,
        paceline_bulkhead_waiting: 0,
      })
      yield* Fiber.interruptAll(fibers)
    }).pipe(Effect.provide(Timers.layer)),
  )

  it.scoped("names a keyed bulkhead once, not once a key", () =>
    Effect.gen(function* () {
      const tenants = yield* Metrics.withMetrics("bulkhead", "m-tenants", (onEvent) =>
        Bulkhead.keyed<string>({ name: "m-tenants", limit: 1, onEvent }),
      )
      for (const tenant of ["a", "b", "c"]) {
        const running = yield* Effect.fork(tenants.run(tenant, Effect.never))
        yield* quiet
        yield* Effect.flip(tenants.run(tenant, Effect.void))
        yield* Fiber.interrupt(running)
      }
      expect(yield* seriesOf("m-tenants")).toMatchObject({ "paceline_bulkhead_events_total{Refused}": 3 })
    }).pipe(Effect.provide(Timers.layer)),
  )

  it.scoped("measures a worker pool and the scaler that drives it", () =>
    Effect.gen(function* () {
      const pool = yield* Metrics.withMetrics("worker_pool", "m-imports", (onEvent) =>
        WorkerPool.make({ name: "m-imports", workers: 1, onEvent }),
      )
      yield* Metrics.withMetrics("autoscaler", "m-imports", (onEvent) =>
        Autoscaler.make({
          target: pool,
          settings: { min: 1, queueLength: 1 },
          onDecision: ({ change }) => onEvent({ _tag: change }),
        }),
      )
      const job = pool.submit(() => Effect.sleep(Duration.millis(400)))
      const jobs = yield* Effect.forEach([1, 2, 3], () => Effect.fork(job))
      yield* Effect.either(pool.submit(() => Effect.fail("no")))
      yield* TestClock.adjust(Duration.seconds(20))
      yield* Fiber.joinAll(jobs)
      const series = yield* seriesOf("m-imports")
      expect(series).toMatchObject({
        "paceline_worker_pool_events_total{JobStarted}": 4,
        paceline_worker_pool_completed_total: 4,
        paceline_worker_pool_failed_total: 1,
        paceline_worker_pool_busy: 0,
        paceline_autoscaler_investigate: 0,
      })
      expect(series["paceline_worker_pool_wait_millis"]).toMatchObject({ count: 4 })
      expect(series["paceline_autoscaler_target"]).toBe(series["paceline_worker_pool_workers"])
      expect(Object.keys(series)).toContain("paceline_autoscaler_events_total{hold}")
    }),
  )

  it.scoped("shows where an adaptive limit stands", () =>
    Effect.gen(function* () {
      const search = yield* Metrics.withMetrics("adaptive_limit", "m-adaptive", (onEvent) =>
        AdaptiveLimit.make({ name: "m-adaptive", settings: { initial: 7 }, onEvent }),
      )
      yield* search.run(Effect.void)
      expect(yield* seriesOf("m-adaptive")).toMatchObject({ paceline_adaptive_limit_limit: 7 })
    }).pipe(Effect.provide(Timers.layer)),
  )

  it.effect("stops reading when its scope closes", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const permits = yield* Scope.extend(
        Metrics.withMetrics("permits", "m-closed", (onEvent) => Permits.make(1, { onEvent }), { everyMillis: 1_000 }),
        scope,
      )
      yield* TestClock.adjust(Duration.seconds(1))
      yield* Scope.close(scope, Exit.void)
      yield* permits.resize(9)
      yield* TestClock.adjust(Duration.seconds(10))
      expect(yield* seriesOf("m-closed")).toMatchObject({ paceline_permits_limit: 1 })
    }),
  )

  it.scoped("counts what a queue takes in, gives and refuses, and for how long it held it", () =>
    Effect.gen(function* () {
      const queue = yield* Metrics.withMetrics("priority_queue", "m-notices", (onEvent) =>
        PriorityQueue.make<string>({ name: "m-notices", capacity: 2, onEvent }),
      )
      for (const notice of ["a", "b", "c"]) yield* Effect.either(queue.offer(notice))
      yield* TestClock.adjust(Duration.millis(250))
      yield* queue.takeUpTo(9)
      const taker = yield* Effect.fork(queue.take)
      yield* TestClock.adjust(Duration.seconds(10))
      expect(yield* seriesOf("m-notices")).toEqual({
        "paceline_priority_queue_events_total{Offered}": 2,
        "paceline_priority_queue_events_total{Refused}": 1,
        "paceline_priority_queue_events_total{Taken}": 2,
        paceline_priority_queue_wait_millis: { count: 2, sum: 500 },
        paceline_priority_queue_size: 0,
        paceline_priority_queue_takers: 1,
      })
      yield* Fiber.interrupt(taker)
    }),
  )

  it.scoped("counts the calls of a load balancer, and tells of those that failed and of targets that come and go", () =>
    Effect.gen(function* () {
      const replicas = yield* Metrics.withMetrics("load_balancer", "m-replicas", (onEvent) =>
        LoadBalancer.make({ name: "m-replicas", targets: { a: 1 }, onEvent }),
      )
      yield* replicas.use(Effect.succeed)
      yield* Effect.either(replicas.use(() => Effect.fail("no")))
      const cancelled = yield* Effect.fork(replicas.use(() => Effect.never))
      yield* quiet
      yield* Fiber.interrupt(cancelled)
      yield* replicas.remove("a")
      yield* Effect.either(replicas.use(Effect.succeed))
      yield* TestClock.adjust(Duration.seconds(10))
      expect(yield* seriesOf("m-replicas")).toMatchObject({
        "paceline_load_balancer_events_total{TargetAdded}": 1,
        "paceline_load_balancer_events_total{TargetRemoved}": 1,
        "paceline_load_balancer_events_total{NoTarget}": 1,
        "paceline_load_balancer_events_total{CallFailed}": 1,
        paceline_load_balancer_completed_total: 3,
        paceline_load_balancer_failed_total: 1,
        paceline_load_balancer_in_flight: 0,
        paceline_load_balancer_targets: 0,
      })
    }),
  )
})
