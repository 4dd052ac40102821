import { describe, expect, it } from "@effect/vitest"
import { Config, ConfigError, ConfigProvider, Context, Deferred, Effect, Fiber, Layer } from "effect"
import * as AdaptiveLimit from "./AdaptiveLimit.ts"
import * as Autoscaler from "./Autoscaler.ts"
import * as Bulkhead from "./Bulkhead.ts"
import * as DistributedLock from "./DistributedLock.ts"
import * as Lanes from "./Lanes.ts"
import * as LoadBalancer from "./LoadBalancer.ts"
import * as Permits from "./Permits.ts"
import * as PriorityQueue from "./PriorityQueue.ts"
import * as Timers from "./Timers.ts"
import * as WorkerPool from "./WorkerPool.ts"

const configured = (values: Readonly<Record<string, string>>) =>
  Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(values))))

const quiet = Effect.forEach(Array.from({ length: 10 }), () => Effect.yieldNow(), { discard: true })

class Seats extends Context.Tag("test/Seats")<Seats, Lanes.Lanes<string>>() {}
class Notices extends Context.Tag("test/Notices")<Notices, PriorityQueue.PriorityQueue<string>>() {}
class Imports extends Context.Tag("test/Imports")<Imports, WorkerPool.WorkerPool>() {}
class Search extends Context.Tag("test/Search")<Search, AdaptiveLimit.AdaptiveLimit>() {}
class Scaler extends Context.Tag("test/Scaler")<Scaler, Autoscaler.Autoscaler>() {}
class Replicas extends Context.Tag("test/Replicas")<Replicas, LoadBalancer.LoadBalancer<string>>() {}

describe("layerConfig", () => {
  it.effect("reads the width of lanes", () => {
    const layer = Lanes.layerConfig(Seats, { width: Config.integer("WIDTH") })
    return Effect.gen(function* () {
      const lanes = yield* Seats
      const gate = yield* Deferred.make<void>()
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.fork(lanes.run("a", Deferred.await(gate))))
      yield* quiet
      expect(yield* lanes.stats).toEqual({ keys: 1, running: 2, waiting: 1 })
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.joinAll(fibers)
    }).pipe(Effect.provide(layer), Effect.provide(configured({ WIDTH: "2" })))
  })

  it.effect("reads the capacity of a queue", () => {
    const layer = PriorityQueue.layerConfig(Notices, {
      name: Config.succeed("notices"),
      capacity: Config.integer("CAPACITY"),
    })
    return Effect.gen(function* () {
      const queue = yield* Notices
      yield* queue.offer("first")
      expect((yield* Effect.flip(queue.offer("second"))).message).toContain('"notices" is full with 1')
    }).pipe(Effect.provide(layer), Effect.provide(configured({ CAPACITY: "1" })))
  })

  it.effect("reads the size and the strategy of a worker pool", () => {
    const layer = WorkerPool.layerConfig(Imports, {
      name: Config.succeed("imports"),
      workers: Config.integer("WORKERS").pipe(Config.withDefault(10)),
      dispatch: Config.literal("round-robin", "least-busy", "sticky")("DISPATCH"),
      queue: Config.integer("QUEUE"),
    })
    return Effect.gen(function* () {
      const pool = yield* Imports
      expect((yield* pool.stats).workers).toBe(3)
      expect(yield* pool.submit(() => Effect.succeed("ran"), { key: "a" })).toBe("ran")
    }).pipe(Effect.provide(layer), Effect.provide(configured({ WORKERS: "3", DISPATCH: "sticky", QUEUE: "5" })))
  })

  it.scoped("fails to build with the configuration's error when it holds what cannot be", () =>
    Effect.gen(function* () {
      const layer = WorkerPool.layerConfig(Imports, {
        name: Config.succeed("imports"),
        dispatch: Config.literal("round-robin", "least-busy", "sticky")("DISPATCH"),
      })
      expect(yield* Effect.flip(Layer.build(layer))).toSatisfy(ConfigError.isConfigError)
    }).pipe(Effect.provide(configured({ DISPATCH: "whim" }))),
  )

  it.effect("reads where an adaptive limit begins", () => {
    const layer = AdaptiveLimit.layerConfig(Search, {
      name: Config.succeed("search"),
      settings: Config.all({ initial: Config.integer("INITIAL"), max: Config.integer("MAX") }),
    })
    return Effect.gen(function* () {
      expect((yield* (yield* Search).stats).limit).toBe(7)
    }).pipe(Effect.provide(Layer.provide(layer, Timers.layer)), Effect.provide(configured({ INITIAL: "9", MAX: "7" })))
  })

  it.scoped("reads the bounds of an autoscaler", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ name: "p", workers: 1 })
      const layer = Autoscaler.layerConfig(Scaler, { min: Config.integer("MIN") }, { target: pool })
      yield* Layer.build(layer)
      expect((yield* pool.stats).workers).toBe(8)
    }).pipe(Effect.provide(configured({ MIN: "8" }))),
  )

  it.effect("reads the addresses of a load balancer's targets", () => {
    const layer = LoadBalancer.layerConfig(
      Replicas,
      Config.map(Config.hashMap(Config.string(), "REPLICAS"), (addresses) => ({
        name: "replicas",
        targets: Object.fromEntries(addresses),
      })),
    )
    return Effect.gen(function* () {
      const replicas = yield* Replicas
      expect(yield* replicas.loads).toEqual({ a: 0, b: 0 })
      expect(["one", "two"]).toContain(yield* replicas.use(Effect.succeed))
    }).pipe(Effect.provide(layer), Effect.provide(configured({ "REPLICAS.a": "one", "REPLICAS.b": "two" })))
  })

  const refused = <I, R>(
    layer: Layer.Layer<I, ConfigError.ConfigError, R>,
    provided: Layer.Layer<R>,
    values: Readonly<Record<string, string>>,
  ) =>
    Effect.map(
      Effect.flip(Effect.scoped(Layer.build(layer.pipe(Layer.provide(provided), Layer.provide(configured(values)))))),
      String,
    )

  class Uploads extends Context.Tag("test/Uploads")<Uploads, Permits.Permits>() {}
  class CheckIn extends Context.Tag("test/CheckIn")<CheckIn, Bulkhead.Bulkhead>() {}
  const name = Config.succeed("n")
  const number = Config.number("X")
  const lock = Layer.provideMerge(DistributedLock.layerMemory(), Timers.layer)

  it.effect("says which setting of which service is out of its bounds, and builds nothing", () =>
    Effect.gen(function* () {
      const none = Layer.empty
      const scaled = { stats: Effect.die("never read"), resize: () => Effect.void }
      const told = [
        yield* refused(Permits.layerConfig(Uploads, number), none, { X: "-1" }),
        yield* refused(
          Permits.layerConfig(
            Uploads,
            Config.succeed(1),
            Config.map(number, (low) => ({ aging: { middle: 1, low } })),
          ),
          none,
          { X: "-1" },
        ),
        yield* refused(Lanes.layerConfig(Seats, { width: number }), none, { X: "0" }),
        yield* refused(PriorityQueue.layerConfig(Notices, { name, capacity: number }), none, { X: "0" }),
        yield* refused(WorkerPool.layerConfig(Imports, { name, workers: number }), none, { X: "2.5" }),
        yield* refused(
          Bulkhead.layerConfig(CheckIn, { name, limit: Config.succeed(1), maxWaitMillis: number }),
          Timers.layer,
          { X: "-5" },
        ),
        yield* refused(Bulkhead.layerConfig(CheckIn, { name, limit: number }), Timers.layer, { X: "0" }),
        yield* refused(
          AdaptiveLimit.layerConfig(Search, { name, settings: Config.map(number, (backoff) => ({ backoff })) }),
          Timers.layer,
          { X: "1" },
        ),
        yield* refused(Autoscaler.layerConfig(Scaler, { max: number }, { target: scaled }), none, { X: "4" }),
        yield* refused(Autoscaler.layerConfig(Scaler, { everyMillis: number }, { target: scaled }), none, { X: "0" }),
        yield* refused(DistributedLock.layerConfig(), lock, { "LOCK.TTL": "0 seconds" }),
      ]
      const expected = [
        "permits: limit must be a whole number from 0, not -1",
        "permits: aging.low must be a number from 0, not -1",
        "lanes: width must be a whole number from 1, not 0",
        "priority queue: capacity must be a whole number from 1, not 0",
        "worker pool: workers must be a whole number from 1 to 100000, not 2.5",
        "bulkhead: maxWaitMillis must be a number from 0, not -5",
        "bulkhead: limit must be a whole number from 1, not 0",
        "adaptive limit: settings.backoff must be a number above 0 below 1, not 1",
        "autoscaler: max must be a whole number from 5, not 4",
        "autoscaler: everyMillis must be a number from 1, not 0",
        "lock: ttl in ms must be a number above 0 to 31536000000, not 0",
      ]
      for (const [i, message] of told.entries()) expect(message).toContain(expected[i])
    }),
  )
})
