/** What the lock does by the clock, over the store in memory. What it promises is in the suite that every store passes. */
import { describe, expect, it } from "@effect/vitest"
import { ConfigProvider, Effect, Exit, Fiber, Layer, Metric, Scope, TestClock } from "effect"
import * as DistributedLock from "./DistributedLock.ts"
import * as Timers from "./Timers.ts"

const memory = Layer.provideMerge(DistributedLock.layerMemory(), Timers.layer)

/** A service that tells what happens, in a few letters each. */
const told = (settings: DistributedLock.LockSettings = {}) =>
  Effect.gen(function* () {
    const timers = yield* Timers.Timers
    const events: Array<string> = []
    const lock = yield* DistributedLock.make({
      ...settings,
      onEvent: (event) => events.push(`${timers.now() / 1_000} ${event._tag}`),
    })
    return { lock, events }
  })

/** The store with renewals that are answered as given. */
const withRenewals = (renew: DistributedLock.LockStoreService["renew"]) =>
  Effect.map(DistributedLock.LockStore, (store) => ({ ...store, renew }))

const unavailable = (resource: string) =>
  Effect.fail(new DistributedLock.LockUnavailable({ resource, cause: "cut off" }))

describe("DistributedLock on memory", () => {
  it.scoped("renews at each third of 30 s, for as long as it is held, and then releases", () =>
    Effect.gen(function* () {
      const { events, lock } = yield* told()
      const holding = yield* Effect.fork(lock.withLock("seats", () => Effect.sleep("45 seconds")))
      yield* TestClock.adjust("100 seconds")
      yield* Fiber.join(holding)
      expect(events).toEqual(["0 Acquired", "10 Renewed", "20 Renewed", "30 Renewed", "40 Renewed", "45 Released"])
    }).pipe(Effect.provide(memory)),
  )

  it.scoped("gives up waiting after 5 s", () =>
    Effect.gen(function* () {
      const { events, lock } = yield* told()
      yield* lock.acquire("seats")
      const waiting = yield* Effect.fork(Effect.flip(Effect.scoped(lock.acquire("seats"))))
      yield* TestClock.adjust("4999 millis")
      expect(events).toEqual(["0 Acquired"])
      yield* TestClock.adjust("1 millis")
      expect(yield* Fiber.join(waiting)).toEqual(
        new DistributedLock.LockTimeout({ resource: "seats", waitMillis: 5_000 }),
      )
      expect(events).toEqual(["0 Acquired", "5 NotAcquired"])
    }).pipe(Effect.provide(memory)),
  )

  it.scoped("[resilience 76] tries a renewal that failed again each second, until the lease is over and lost", () =>
    Effect.gen(function* () {
      const cut = yield* withRenewals(unavailable)
      const { events, lock } = yield* Effect.provideService(told(), DistributedLock.LockStore, cut)
      const lease = yield* lock.acquire("seats")
      yield* TestClock.adjust("29999 millis")
      yield* lease.ensureHeld
      expect(events.slice(0, 3)).toEqual(["0 Acquired", "10 RenewalFailed", "11 RenewalFailed"])
      expect(events).toHaveLength(21)
      yield* TestClock.adjust("1 millis")
      expect((yield* Effect.flip(lease.ensureHeld)).reason).toBe("expired")
      expect(events.slice(21)).toEqual(["30 Lost"])
    }).pipe(Effect.provide(memory)),
  )

  it.scoped("[resilience 76] a renewal that hangs does not make the lease last longer", () =>
    Effect.gen(function* () {
      const hanging = yield* withRenewals(() => Effect.never)
      const { events, lock } = yield* Effect.provideService(told(), DistributedLock.LockStore, hanging)
      const lease = yield* lock.acquire("seats")
      const guarded = yield* Effect.fork(Effect.flip(lease.guard(Effect.never)))
      yield* TestClock.adjust("30 seconds")
      expect(yield* Fiber.join(guarded)).toMatchObject({ _tag: "LeaseLost", reason: "expired" })
      expect(events[1]).toBe("30 Lost")
      expect((yield* lock.acquire("seats", { wait: 0 })).token).toBeGreaterThan(lease.token)
    }).pipe(Effect.provide(memory)),
  )

  it.scoped("[resilience 77] polls each second or so, and when the holder's lease ends, if it hears of nothing", () =>
    Effect.gen(function* () {
      const store = yield* DistributedLock.LockStore
      const asked: Array<number> = []
      const timers = yield* Timers.Timers
      const deaf = {
        ...store,
        onRelease: () => Effect.void,
        tryAcquire: (...args: Parameters<typeof store.tryAcquire>) => {
          asked.push(timers.now() / 1_000)
          return store.tryAcquire(...args)
        },
      }
      const { lock } = yield* Effect.provideService(told(), DistributedLock.LockStore, deaf)
      yield* store.tryAcquire("seats", "a holder that died", 3_500)
      const waiting = yield* Effect.fork(Effect.scoped(lock.acquire("seats")))
      for (let i = 0; i < 40; i++) yield* TestClock.adjust("100 millis")
      yield* Fiber.join(waiting)
      expect(asked.at(-1)).toBe(3.5)
      asked.slice(1, -1).forEach((at, i) => {
        expect(at - (asked[i] ?? 0)).toBeGreaterThanOrEqual(0.75)
        expect(at - (asked[i] ?? 0)).toBeLessThanOrEqual(1.25)
      })
    }).pipe(Effect.provide(memory)),
  )

  it.scoped("of a thousand waiters only the front asks the store", () =>
    Effect.gen(function* () {
      const store = yield* DistributedLock.LockStore
      let asked = 0
      const counted = {
        ...store,
        tryAcquire: (...args: Parameters<typeof store.tryAcquire>) => {
          asked++
          return store.tryAcquire(...args)
        },
      }
      const { lock } = yield* Effect.provideService(told({ wait: "1 minute" }), DistributedLock.LockStore, counted)
      let ran = 0
      const one = lock.withLock("seats", () => Effect.sync(() => ran++))
      yield* Effect.all(
        Array.from({ length: 1_000 }, () => one),
        { concurrency: "unbounded" },
      )
      expect(ran).toBe(1_000)
      expect(asked).toBe(1_000)
    }).pipe(Effect.provide(memory)),
  )

  it.scoped("[resilience 76] releases what it still keeps when the service itself is closed, and says so", () =>
    Effect.gen(function* () {
      const { tryAcquire } = yield* DistributedLock.LockStore
      const own = yield* Scope.make()
      const { lock } = yield* Scope.extend(told(), own)
      const lease = yield* lock.acquire("seats")
      const guarded = yield* Effect.fork(Effect.flip(lease.guard(Effect.never)))
      yield* Scope.close(own, Exit.void)
      expect(yield* Fiber.join(guarded)).toMatchObject({ _tag: "LeaseLost", reason: "released" })
      expect((yield* Effect.flip(lease.ensureHeld)).reason).toBe("released")
      expect((yield* tryAcquire("seats", "the next", 1_000))._tag).toBe("Granted")
    }).pipe(Effect.provide(memory)),
  )

  it.scoped("counts what becomes of locks, one series an outcome", () =>
    Effect.gen(function* () {
      const counted = Effect.map(Metric.snapshot, (pairs) => {
        const found: Record<string, number> = {}
        for (const { metricKey, metricState } of pairs) {
          if (metricKey.name !== "paceline_locks_total" || !("count" in metricState)) continue
          const outcome = metricKey.tags.map(({ key, value }) => `${key}=${value}`).join()
          found[outcome] = Number(metricState.count)
        }
        return found
      })
      const before = yield* counted
      const { lock } = yield* told()
      for (let i = 0; i < 3; i++) yield* lock.withLock("counted", () => Effect.void)
      yield* lock.withLock("counted", () =>
        Effect.gen(function* () {
          const late = yield* Effect.fork(Effect.flip(Effect.scoped(lock.acquire("counted", { wait: 10 }))))
          yield* TestClock.adjust("10 millis")
          yield* Fiber.join(late)
        }),
      )
      const after = yield* counted
      const grown = (outcome: string) => (after[outcome] ?? 0) - (before[outcome] ?? 0)
      expect(["Acquired", "Released", "LockTimeout"].map((outcome) => grown(`outcome=${outcome}`))).toEqual([4, 4, 1])
    }).pipe(Effect.provide(memory)),
  )

  it.scoped("takes its times from configuration", () =>
    Effect.gen(function* () {
      const lock = yield* DistributedLock.DistributedLock
      yield* lock.acquire("seats")
      const waiting = yield* Effect.fork(Effect.flip(Effect.scoped(lock.acquire("seats"))))
      yield* TestClock.adjust("200 millis")
      expect(yield* Fiber.join(waiting)).toMatchObject({ waitMillis: 200 })
    }).pipe(
      Effect.provide(
        DistributedLock.layerConfig().pipe(
          Layer.provide(memory),
          Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["LOCK.WAIT", "200 millis"]])))),
        ),
      ),
    ),
  )
})
