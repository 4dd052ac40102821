/** What a lock promises of a lease that lasts or is lost: renewals prolong it, and its loss is seen before a write. */
import { expect } from "@effect/vitest"
import { DistributedLock } from "@paceline/core/concurrency"
import { Duration, Effect, Fiber, Ref } from "effect"
import { fresh, type LockTest, millisOf, service, serviceWith, write } from "./LockServices.ts"

export const lockLoss = (test: LockTest): void => {
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
      const lock = yield* service()
      // From before the lease began, so that a slow machine makes it no shorter.
      const waited = yield* millisOf(
        Effect.gen(function* () {
          expect((yield* tryAcquire(resource, `dead-${resource}`, 200))._tag).toBe("Granted")
          yield* lock.withLock(resource, () => Effect.void)
        }),
      )
      expect(waited).toBeGreaterThan(190)
      expect(waited).toBeLessThan(2_000)
    }),
  )
}
