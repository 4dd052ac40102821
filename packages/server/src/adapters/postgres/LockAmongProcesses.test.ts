/** What only a lock among processes can show: two pools on one database, each with its own listener. */
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { DistributedLock, Timers } from "@paceline/core/concurrency"
import { Fencing, UnitOfWork } from "@paceline/core/consistency"
import { Context, Deferred, Duration, Effect, Fiber, Layer, Redacted } from "effect"
import { realPostgres } from "../../../test/RealPostgres.ts"
import * as PostgresLock from "./DistributedLock.ts"
import * as PostgresStore from "./PostgresStore.ts"

const postgres = realPostgres()
const database = Effect.promise(postgres.database)

/** A process's own pool, lock and listener. Nothing in it polls. */
const processOn = (url: string) =>
  Layer.build(
    Layer.fresh(
      PostgresLock.layer({ ttl: "10 minutes", poll: "10 minutes", heartbeatMillis: 100 }).pipe(
        Layer.provideMerge(Layer.merge(PostgresStore.layer({ url: Redacted.make(url) }), Timers.layer)),
      ),
    ),
  )

const millisOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.timed(effect), ([took]) => Duration.toMillis(took))

/** How long another process takes to get a lock after its release. */
const handOver = (
  holder: Context.Context<DistributedLock.DistributedLock>,
  waiter: Context.Context<DistributedLock.DistributedLock>,
  resource: string,
) =>
  Effect.gen(function* () {
    const release = yield* Deferred.make<void>()
    const holding = yield* Effect.fork(
      Effect.provide(
        DistributedLock.withLock(resource, () => Deferred.await(release)),
        holder,
      ),
    )
    yield* Effect.sleep(100)
    const waiting = yield* Effect.fork(
      Effect.provide(
        DistributedLock.withLock(resource, () => Effect.void, { wait: "15 seconds" }),
        waiter,
      ),
    )
    yield* Effect.sleep(200)
    yield* Deferred.succeed(release, undefined)
    return yield* millisOf(Effect.zip(Fiber.join(holding), Fiber.join(waiting)))
  })

describe("distributed lock among processes on postgres", () => {
  it.scopedLive("[resilience 77] a release in one process wakes who waits in another", () =>
    Effect.gen(function* () {
      const url = yield* database
      const [one, two] = [yield* processOn(url), yield* processOn(url)]
      yield* Effect.sleep(300)
      expect(yield* handOver(one, two, "seats")).toBeLessThan(2_000)
      expect(yield* handOver(two, one, "seats")).toBeLessThan(2_000)
      // Longer than a notification may be.
      expect(yield* handOver(one, two, "x".repeat(9_000))).toBeLessThan(2_000)
    }),
  )

  it.scopedLive(
    "[resilience 77] a listener that lost its connection hears again, and asks at once what it may have missed",
    () =>
      Effect.gen(function* () {
        const url = yield* database
        const [one, two] = [yield* processOn(url), yield* processOn(url)]
        yield* Effect.sleep(300)
        const sql = Context.get(one, SqlClient)
        const cut = sql<{ cut: boolean }>`
          SELECT pg_terminate_backend(pid) AS cut FROM pg_stat_activity
          WHERE query LIKE 'LISTEN%' AND datname = current_database()`
        expect((yield* cut).length).toBeGreaterThanOrEqual(2)
        expect(yield* handOver(one, two, "seats")).toBeLessThan(5_000)
        yield* Effect.sleep(1_500)
        expect(yield* handOver(two, one, "seats")).toBeLessThan(2_000)
      }),
    30_000,
  )

  it.scopedLive("[resilience 73] nobody takes the lock over between the fence and the commit", () =>
    Effect.gen(function* () {
      const url = yield* database
      const [one, two] = [yield* processOn(url), yield* processOn(url)]
      const slow = Context.get(one, DistributedLock.LockStore)
      const fast = Context.get(two, DistributedLock.LockStore)
      const attempt = yield* slow.tryAcquire("seats", "slow", 100)
      if (attempt._tag !== "Granted") throw new Error("not granted")
      const commit = yield* Deferred.make<void>()
      const order: Array<string> = []
      const unit = Effect.gen(function* () {
        yield* Fencing.fence("seats", attempt.token)
        order.push("fenced")
        yield* Deferred.await(commit)
        order.push("committed")
      })
      const writing = yield* Effect.fork(Effect.provide(UnitOfWork.run(unit), one))
      yield* Effect.sleep(200)
      const taking = yield* Effect.fork(
        Effect.tap(fast.tryAcquire("seats", "fast", 60_000), () => Effect.sync(() => order.push("taken over"))),
      )
      yield* Effect.sleep(200)
      expect(order).toEqual(["fenced"])
      yield* Deferred.succeed(commit, undefined)
      yield* Fiber.join(writing)
      expect((yield* Fiber.join(taking))._tag).toBe("Granted")
      expect(order).toEqual(["fenced", "committed", "taken over"])
    }),
  )

  it.scopedLive(
    "[resilience 72] many processes that meet on new resources get one grant each, with tokens that increase",
    () =>
      Effect.gen(function* () {
        const url = yield* database
        const stores = yield* Effect.forEach([1, 2, 3], () =>
          Effect.map(processOn(url), (context) => Context.get(context, DistributedLock.LockStore)),
        )
        for (let round = 0; round < 10; round++) {
          const resource = `round-${round}`
          let last = 0
          for (let again = 0; again < 3; again++) {
            const attempts = yield* Effect.forEach(
              Array.from({ length: 12 }, (_, i) => i),
              (i) => {
                const owner = `${again}-${i}`
                const store = stores[i % 3]!
                return Effect.map(store.tryAcquire(resource, owner, 60_000), (attempt) => ({ attempt, owner, store }))
              },
              { concurrency: "unbounded" },
            )
            const granted = attempts.filter(({ attempt }) => attempt._tag === "Granted")
            expect(granted).toHaveLength(1)
            const { attempt, owner, store } = granted[0]!
            const token = attempt._tag === "Granted" ? attempt.token : 0
            expect(token).toBeGreaterThan(last)
            last = token
            yield* store.release(resource, owner)
          }
        }
      }),
  )

  it.scopedLive("a lock taken inside a unit of work is seen by all at once, and outlives the unit's failure", () =>
    Effect.gen(function* () {
      const url = yield* database
      const [one, two] = [yield* processOn(url), yield* processOn(url)]
      const store = Context.get(one, DistributedLock.LockStore)
      const other = Context.get(two, DistributedLock.LockStore)
      const unit = Effect.gen(function* () {
        yield* store.tryAcquire("seats", "a", 60_000)
        expect((yield* other.tryAcquire("seats", "b", 60_000))._tag).toBe("Held")
        return yield* Effect.fail("no")
      })
      expect(yield* Effect.flip(Effect.provide(UnitOfWork.run(unit), one))).toBe("no")
      expect((yield* other.tryAcquire("seats", "b", 60_000))._tag).toBe("Held")
    }),
  )
})
