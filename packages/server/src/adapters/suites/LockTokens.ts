/** What a lock promises of its fencing tokens: they only increase, and the store refuses a write under an old one. */
import { expect } from "@effect/vitest"
import { DistributedLock } from "@paceline/core/concurrency"
import { afterCommit, Fencing } from "@paceline/core/consistency"
import { Effect, Exit } from "effect"
import { blind, fresh, type LockTest, service, write } from "./LockServices.ts"

export const lockTokens = (test: LockTest): void => {
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
}
