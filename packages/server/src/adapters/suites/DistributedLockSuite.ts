/**
 * What a distributed lock promises, whatever engine keeps its leases. Every adapter runs this suite.
 *
 * Times are real and short; each test locks resources of its own, so adapters may share one database among tests.
 *
 * @example
 * distributedLockSuite("sqlite", SqliteLock.layer().pipe(Layer.provideMerge(SqliteStore.layerTest())))
 */
import { describe, expect, it } from "@effect/vitest"
import { DistributedLock, Timers } from "@paceline/core/concurrency"
import { afterCommit, Fencing } from "@paceline/core/consistency"
import { Deferred, Duration, Effect, Exit, Fiber, Layer, Ref, type Scope } from "effect"
import { agreesWithKernel } from "./LockModel.ts"
import { blind, fresh, type LockAdapter, service, serviceWith, write } from "./LockServices.ts"

const millisOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.timed(effect), ([took]) => Duration.toMillis(took))

export const distributedLockSuite = (name: string, adapter: Layer.Layer<LockAdapter, unknown>): void => {
  const store = Layer.provideMerge(adapter, Timers.layer)
  const test = <A, E>(title: string, body: Effect.Effect<A, E, LockAdapter | Timers.Timers | Scope.Scope>) =>
    it.scopedLive(title, () => Effect.provide(body, store))

  describe(`distributed lock on ${name}`, () => {
    test(
      "[resilience 72] tokens increase with each grant: after a release, after an expiry, among services, and after others",
      Effect.gen(function* () {
        const resource = yield* fresh
        const [one, two] = [yield* service(), yield* service()]
        const tokens: Array<number> = []
        for (const lock of [one, two, one, two, two, one]) {
          yield* lock.withLock(resource, (lease) => Effect.sync(() => tokens.push(lease.token)))
          yield* one.withLock(yield* fresh, () => Effect.void)
        }
        const { release, tryAcquire } = yield* DistributedLock.LockStore
        for (const owner of ["x", "y", "z"].map((letter) => `${letter}-${resource}`)) {
          const attempt = yield* tryAcquire(resource, owner, 20)
          if (attempt._tag === "Granted") tokens.push(attempt.token)
          if (owner.startsWith("z")) yield* release(resource, owner)
          else yield* Effect.sleep(30)
        }
        yield* two.withLock(resource, (lease) => Effect.sync(() => tokens.push(lease.token)))
        expect(tokens).toHaveLength(10)
        expect(tokens.every((token, i) => Number.isSafeInteger(token) && token > (tokens[i - 1] ?? 0))).toBe(true)
      }),
    )

    test(
      "[resilience 72] tokens increase for each of many that want the resource at once, one holder at a time",
      Effect.gen(function* () {
        const resource = yield* fresh
        const [one, two] = [yield* service({ poll: "5 millis" }), yield* service({ poll: "5 millis" })]
        const tokens: Array<number> = []
        let holders = 0
        let most = 0
        const use = (lease: DistributedLock.Lease) =>
          Effect.acquireUseRelease(
            Effect.sync(() => {
              most = Math.max(most, ++holders)
              tokens.push(lease.token)
            }),
            () => Effect.sleep(1),
            () => Effect.sync(() => holders--),
          )
        yield* Effect.forEach(
          Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? one : two)),
          (lock) => lock.withLock(resource, use, { wait: "15 seconds" }),
          { concurrency: "unbounded", discard: true },
        )
        expect(most).toBe(1)
        expect(tokens).toHaveLength(20)
        expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b))
      }),
    )

    test(
      "[resilience 73] the store refuses a write under a token that another has overtaken",
      Effect.gen(function* () {
        const resource = yield* fresh
        const { tryAcquire } = yield* DistributedLock.LockStore
        const written: Array<number> = []
        const first = yield* tryAcquire(resource, `a-${resource}`, 30)
        if (first._tag !== "Granted") throw new Error("not granted")
        const paused = blind({ resource, token: first.token })
        yield* write(paused, written)
        yield* Effect.sleep(40)
        const lock = yield* service()
        yield* lock.withLock(resource, (lease) =>
          Effect.gen(function* () {
            const refused = yield* Effect.flip(write(paused, written))
            expect(refused).toEqual(new Fencing.StaleToken({ resource, token: first.token }))
            yield* write(lease, written)
            expect(written).toEqual([first.token, lease.token])
          }),
        )
      }),
    )

    test(
      "[resilience 73] a token that was released, was never granted, or is another resource's is refused as well",
      Effect.gen(function* () {
        const [resource, other] = [yield* fresh, yield* fresh]
        const lock = yield* service()
        const written: Array<number> = []
        const refused = (lease: { readonly resource: string; readonly token: number }) =>
          Effect.map(Effect.flip(write(blind(lease), written)), (error) => error._tag)
        const token = yield* lock.withLock(resource, ({ token }) =>
          Effect.gen(function* () {
            expect(yield* refused({ resource: other, token })).toBe("StaleToken")
            expect(yield* refused({ resource, token: token + 1 })).toBe("StaleToken")
            return token
          }),
        )
        expect(yield* refused({ resource, token })).toBe("StaleToken")
        expect(written).toEqual([])
      }),
    )

    test(
      "[resilience 73] a unit of work that fails the fence writes nothing of what came before it",
      Effect.gen(function* () {
        const resource = yield* fresh
        let committed = false
        const unit = Effect.zipRight(
          afterCommit(() => {
            committed = true
          }),
          Fencing.fence(resource, 1),
        )
        const exit = yield* Effect.exit(Fencing.guarded({ ...blind({ resource, token: 1 }) }, unit))
        expect(Exit.isFailure(exit)).toBe(true)
        expect(committed).toBe(false)
      }),
    )

    test(
      "[resilience 74] a release by another than the owner does nothing",
      Effect.gen(function* () {
        const resource = yield* fresh
        const { release, renew, tryAcquire } = yield* DistributedLock.LockStore
        const written: Array<number> = []
        const [past, present] = [`past-${resource}`, `present-${resource}`]
        expect((yield* tryAcquire(resource, past, 20))._tag).toBe("Granted")
        yield* Effect.sleep(30)
        const attempt = yield* tryAcquire(resource, present, 60_000)
        if (attempt._tag !== "Granted") throw new Error("not granted")
        for (const stranger of [past, "nobody"]) {
          expect(yield* release(resource, stranger)).toBe(false)
          expect(yield* renew(resource, stranger, 60_000)).toBe(false)
        }
        expect((yield* tryAcquire(resource, past, 20))._tag).toBe("Held")
        yield* write(blind({ resource, token: attempt.token }), written)
        expect(written).toEqual([attempt.token])
        expect(yield* release(resource, present)).toBe(true)
        expect(yield* release(resource, present)).toBe(false)
      }),
    )

    test(
      "[resilience 74] the end of a lost lease's scope does not free the lock of its successor",
      Effect.gen(function* () {
        const resource = yield* fresh
        const lock = yield* service()
        const lame = yield* serviceWith(() => ({ renew: () => Effect.never }))
        const { tryAcquire } = yield* DistributedLock.LockStore
        yield* Effect.scoped(
          Effect.gen(function* () {
            const lease = yield* lame.acquire(resource, { ttl: 800 })
            yield* lease.lost
            const successor = yield* Effect.either(lock.acquire(resource))
            expect(successor._tag).toBe("Right")
          }),
        )
        const resourceAgain = yield* fresh
        const successor = yield* Effect.gen(function* () {
          const lease = yield* lame.acquire(resourceAgain, { ttl: 800 })
          yield* lease.lost
          // The holder gives up before the store does.
          yield* Effect.sleep(500)
          return yield* tryAcquire(resourceAgain, `successor-${resourceAgain}`, 60_000)
        }).pipe(Effect.scoped)
        expect(successor._tag).toBe("Granted")
        expect((yield* tryAcquire(resourceAgain, "third", 60_000))._tag).toBe("Held")
      }),
    )

    test(
      "[resilience 75] an acquire whose answer took longer than the lease fails, and leaves the lock free",
      Effect.gen(function* () {
        const resource = yield* fresh
        const slow = yield* serviceWith((store) => ({
          // The way back takes longer than the lease; at the store it is held for ten minutes, unless it is given back.
          tryAcquire: (resource, owner) =>
            Effect.zipLeft(store.tryAcquire(resource, owner, 600_000), Effect.sleep(150)),
        }))
        const failure = yield* Effect.flip(Effect.scoped(slow.acquire(resource, { ttl: 100 })))
        expect(failure).toMatchObject({ _tag: "LockTooLate", resource, ttlMillis: 100 })
        const lock = yield* service()
        yield* lock.withLock(resource, () => Effect.void)
      }),
    )

    test(
      "[resilience 75] an acquire that was given up, in time or by interruption, leaves the lock free although the store grants it later",
      Effect.gen(function* () {
        const lock = yield* service()
        const answering = yield* Deferred.make<void>()
        const slow = yield* serviceWith((store) => ({
          tryAcquire: (...args) => Effect.zipLeft(store.tryAcquire(...args), Deferred.await(answering)),
        }))
        const [timedOut, interrupted] = [yield* fresh, yield* fresh]
        const failing = yield* Effect.fork(Effect.flip(Effect.scoped(slow.acquire(timedOut, { wait: 50 }))))
        const giving = yield* Effect.fork(Effect.scoped(slow.acquire(interrupted)))
        yield* Effect.sleep(50)
        expect(yield* millisOf(Fiber.interrupt(giving))).toBeLessThan(500)
        expect((yield* Fiber.join(failing))._tag).toBe("LockTimeout")
        for (const resource of [timedOut, interrupted]) {
          expect((yield* Effect.flip(Effect.scoped(lock.acquire(resource, { wait: 0 }))))._tag).toBe("LockTimeout")
        }
        yield* Deferred.succeed(answering, undefined)
        for (const resource of [timedOut, interrupted]) yield* lock.withLock(resource, () => Effect.void)
      }),
    )

    test(
      "[resilience 76] a lease that is not renewed says so before the next write, and what it guards is interrupted",
      Effect.gen(function* () {
        const resource = yield* fresh
        const written: Array<number> = []
        const cut = yield* serviceWith(() => ({
          renew: (resource) => Effect.fail(new DistributedLock.LockUnavailable({ resource, cause: "cut off" })),
        }))
        const cleanedUp = yield* Ref.make(false)
        const lease = yield* cut.acquire(resource, { ttl: 1_000 })
        yield* write(lease, written)
        const guarded = yield* Effect.fork(
          lease.guard(Effect.onInterrupt(Effect.never, () => Ref.set(cleanedUp, true))).pipe(Effect.flip),
        )
        const lost = new DistributedLock.LeaseLost({ resource, token: lease.token, reason: "expired" })
        expect(yield* Fiber.join(guarded)).toEqual(lost)
        expect(yield* Ref.get(cleanedUp)).toBe(true)
        expect(yield* Effect.flip(lease.ensureHeld)).toEqual(lost)
        expect(yield* Effect.flip(lease.guard(Effect.succeed("ran")))).toEqual(lost)
        expect(yield* Effect.flip(write(lease, written))).toEqual(lost)
        expect(yield* lease.lost).toEqual(lost)
        expect(written).toEqual([lease.token])
      }),
    )

    test(
      "[resilience 76] a lease that the store would not renew is lost at once, not at its end",
      Effect.gen(function* () {
        const resource = yield* fresh
        const lock = yield* service()
        const { release, tryAcquire } = yield* DistributedLock.LockStore
        let owner = ""
        const watched = yield* serviceWith((store) => ({
          tryAcquire: (resource, own, ttl) => {
            owner = own
            return store.tryAcquire(resource, own, ttl)
          },
        }))
        const lease = yield* watched.acquire(resource, { ttl: 3_000 })
        yield* lease.ensureHeld
        // An operator frees the lock by hand, and another takes it.
        expect(yield* release(resource, owner)).toBe(true)
        expect((yield* tryAcquire(resource, `thief-${resource}`, 60_000))._tag).toBe("Granted")
        const [waited, lost] = yield* Effect.timed(lease.lost)
        expect(lost.reason).toBe("refused")
        expect(Duration.toMillis(waited)).toBeLessThan(2_500)
        expect(yield* Effect.flip(Effect.scoped(lock.acquire(resource, { wait: 0 })))).toMatchObject({
          _tag: "LockTimeout",
        })
      }),
    )

    test(
      "[resilience 76] a lease whose scope was closed is lost too",
      Effect.gen(function* () {
        const lock = yield* service()
        const lease = yield* Effect.scoped(lock.acquire(yield* fresh))
        expect((yield* Effect.flip(lease.ensureHeld)).reason).toBe("released")
        expect((yield* lease.lost).reason).toBe("released")
      }),
    )

    test(
      "renewals hold the lock for longer than its time to live, also over failures of the store",
      Effect.gen(function* () {
        const resource = yield* fresh
        const lock = yield* service()
        let asked = 0
        const shaky = yield* serviceWith((store) => ({
          renew: (resource, ...rest) =>
            ++asked % 2 === 1
              ? Effect.fail(new DistributedLock.LockUnavailable({ resource, cause: "a hiccup" }))
              : store.renew(resource, ...rest),
        }))
        yield* shaky.withLock(
          resource,
          (lease) =>
            Effect.gen(function* () {
              yield* Effect.sleep(5_200)
              yield* lease.ensureHeld
              expect((yield* Effect.flip(Effect.scoped(lock.acquire(resource, { wait: 0 }))))._tag).toBe("LockTimeout")
            }),
          { ttl: 2_400 },
        )
        expect(asked).toBeGreaterThan(5)
      }),
    )

    test(
      "the lock of a holder that died is free when its lease is over",
      Effect.gen(function* () {
        const resource = yield* fresh
        const { tryAcquire } = yield* DistributedLock.LockStore
        expect((yield* tryAcquire(resource, `dead-${resource}`, 200))._tag).toBe("Granted")
        const lock = yield* service()
        const waited = yield* millisOf(lock.withLock(resource, () => Effect.void))
        expect(waited).toBeGreaterThan(100)
        expect(waited).toBeLessThan(2_000)
      }),
    )

    test(
      "[resilience 77] a release wakes who waits, in the same service and in another, in the order of arrival in one",
      Effect.gen(function* () {
        const resource = yield* fresh
        // Nothing here polls: a waiter that is not woken waits until it fails.
        const [one, two] = [yield* service(), yield* service()]
        const order: Array<string> = []
        const wanting = (lock: typeof one, who: string) =>
          Effect.fork(lock.withLock(resource, () => Effect.sync(() => order.push(who))))
        const release = yield* Deferred.make<void>()
        const holding = yield* Effect.fork(one.withLock(resource, () => Deferred.await(release)))
        yield* Effect.sleep(100)
        const waiting = [yield* wanting(one, "1a"), yield* wanting(one, "1b"), yield* wanting(two, "2a")]
        yield* Effect.sleep(100)
        expect(order).toEqual([])
        yield* Deferred.succeed(release, undefined)
        const took = yield* millisOf(Effect.zip(Fiber.join(holding), Fiber.joinAll(waiting)))
        expect(took).toBeLessThan(2_000)
        expect(order.filter((who) => who.startsWith("1"))).toEqual(["1a", "1b"])
        expect(order).toContain("2a")
      }),
    )

    test(
      "[resilience 77] who hears of no release finds the lock free at its next poll",
      Effect.gen(function* () {
        const resource = yield* fresh
        const lock = yield* service()
        const deaf = yield* serviceWith(() => ({ onRelease: () => Effect.void }), { poll: "50 millis" })
        const release = yield* Deferred.make<void>()
        const holding = yield* Effect.fork(lock.withLock(resource, () => Deferred.await(release)))
        yield* Effect.sleep(100)
        const waiting = yield* Effect.fork(deaf.withLock(resource, () => Effect.void))
        yield* Effect.sleep(100)
        yield* Deferred.succeed(release, undefined)
        expect(yield* millisOf(Effect.all([Fiber.join(holding), Fiber.join(waiting)]))).toBeLessThan(2_000)
      }),
    )

    test(
      "who waits fails after its time, and one that is interrupted leaves the line",
      Effect.gen(function* () {
        const resource = yield* fresh
        const [lock, other] = [yield* service(), yield* service()]
        yield* lock.withLock(resource, () =>
          Effect.gen(function* () {
            for (const one of [lock, other]) {
              const started = Date.now()
              const failure = yield* Effect.flip(Effect.scoped(one.acquire(resource, { wait: 100 })))
              expect(failure).toEqual(new DistributedLock.LockTimeout({ resource, waitMillis: 100 }))
              expect(Date.now() - started).toBeGreaterThanOrEqual(95)
              const waiting = yield* Effect.fork(Effect.scoped(one.acquire(resource)))
              yield* Effect.sleep(20)
              expect(yield* millisOf(Fiber.interrupt(waiting))).toBeLessThan(500)
            }
          }),
        )
        yield* other.withLock(resource, () => Effect.void, { wait: 10_000 })
      }),
    )

    test(
      "tells a store's trouble as what it is",
      Effect.gen(function* () {
        const resource = yield* fresh
        const cause = new Error("no route")
        const broken = yield* serviceWith(() => ({
          tryAcquire: (resource) => Effect.fail(new DistributedLock.LockUnavailable({ resource, cause })),
        }))
        const failure = yield* Effect.flip(broken.withLock(resource, () => Effect.void))
        expect(failure).toMatchObject({ _tag: "LockUnavailable", resource, cause })
        const lock = yield* service()
        yield* lock.withLock(resource, () => Effect.void)
      }),
    )

    it.scopedLive(
      "[resilience 72] [resilience 73] [resilience 74] does what the kernel decides, in any order of steps",
      () => Effect.provide(agreesWithKernel, store),
      60_000,
    )
  })
}
