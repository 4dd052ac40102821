/** What a lock promises to those who wait for it: a release wakes them, polling finds what was not heard, and no wait is endless. */
import { expect } from "@effect/vitest"
import { DistributedLock } from "@paceline/core/concurrency"
import { Deferred, Effect, Fiber } from "effect"
import { fresh, type LockTest, millisOf, service, serviceWith } from "./LockServices.ts"

export const lockWaiting = (test: LockTest): void => {
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
}
