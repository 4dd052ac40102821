/** A lock's store beside the kernel: random steps on both, by clocks of their own, get the same answers. */
import { expect } from "@effect/vitest"
import { DistributedLock } from "@paceline/core/concurrency"
import { Lease } from "@paceline/core/kernel"
import { Effect, Exit } from "effect"
import fc from "fast-check"
import { blind, fresh, type LockAdapter, write } from "./LockServices.ts"

/** Leases that have ended before the next step, and such as never end within a test. */
const SHORT_MILLIS = 1
const LONG_MILLIS = 600_000
const STEP_MILLIS = 3

interface Step {
  readonly act: "acquire" | "renew" | "release" | "write"
  readonly who: number
  readonly ttl: number
}

const plans: fc.Arbitrary<ReadonlyArray<Step>> = fc.array(
  fc.record({
    act: fc.constantFrom("acquire", "renew", "release", "write"),
    who: fc.nat(2),
    ttl: fc.constantFrom(SHORT_MILLIS, LONG_MILLIS),
  }),
  { minLength: 4, maxLength: 16 },
)

/** Random steps on the store and on a record that the kernel keeps, by a clock of its own: the answers are the same. */
export const agreesWithKernel = Effect.gen(function* () {
  const runtime = yield* Effect.runtime<LockAdapter>()
  const store = yield* DistributedLock.LockStore
  const check = (plan: ReadonlyArray<Step>) =>
    Effect.gen(function* () {
      const resource = yield* fresh
      const tokens = new Map<string, number>()
      let record: Lease.LeaseRecord | undefined
      let last = 0
      let now = 0
      for (const { act, ttl, who } of plan) {
        now += STEP_MILLIS
        const owner = `${who}-${resource}`
        const token = tokens.get(owner)
        if (act === "acquire") {
          // An owner is one grant's identity: it takes a resource once.
          if (token !== undefined) continue
          const expected = Lease.tryAcquire(record, { owner, ttlMillis: ttl, token: last + 1 }, now)
          const answer = yield* store.tryAcquire(resource, owner, ttl)
          expect(answer._tag).toBe(expected._tag)
          if (answer._tag === "Granted") {
            expect(answer.token).toBeGreaterThan(last)
            last = answer.token
            tokens.set(owner, last)
            record = { ...expected.record, token: last }
          }
        } else if (act === "renew") {
          const expected = Lease.renew(record, owner, ttl, now)
          expect(yield* store.renew(resource, owner, ttl)).toBe(expected !== undefined)
          record = expected ?? record
        } else if (act === "release") {
          const expected = Lease.release(record, owner)
          expect(yield* store.release(resource, owner)).toBe(expected !== undefined)
          record = expected ?? record
        } else {
          const written: Array<number> = []
          const exit = yield* Effect.exit(write(blind({ resource, token: token ?? last + 1 }), written))
          expect(Exit.isSuccess(exit)).toBe(Lease.passes(record, token ?? last + 1))
          expect(written.length).toBe(Exit.isSuccess(exit) ? 1 : 0)
        }
        if (ttl === SHORT_MILLIS) yield* Effect.sleep(STEP_MILLIS)
      }
    })
  const property = fc.asyncProperty(plans, (plan) => Effect.runPromise(Effect.provide(check(plan), runtime)))
  yield* Effect.promise(() => fc.assert(property, { numRuns: 40 }))
})
