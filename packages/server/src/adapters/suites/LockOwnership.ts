/** What a lock promises of who owns it: only the owner frees it, and an acquire that comes to nothing leaves it free. */
import { expect } from "@effect/vitest"
import { DistributedLock } from "@paceline/core/concurrency"
import { Deferred, Effect, Fiber } from "effect"
import { blind, fresh, type LockTest, millisOf, service, serviceWith, write } from "./LockServices.ts"

export const lockOwnership = (test: LockTest): void => {
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
        tryAcquire: (resource, owner) => Effect.zipLeft(store.tryAcquire(resource, owner, 600_000), Effect.sleep(150)),
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
}
