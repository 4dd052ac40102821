/** The part of the due work suite that tells of claims: renewed, lost, taken over, and fenced. */
import { expect } from "@effect/vitest"
import { AggregateStore, StorageError } from "@paceline/core/consistency"
import { DueWork } from "@paceline/core/messaging"
import { Effect, Exit } from "effect"
import { ask, change, type DueWorkTest, find, freshKind, pass, put } from "./DueWorkServices.ts"

const LEASE = 30_000

export const dueWorkLeases = (test: DueWorkTest): void => {
  test(
    "[log 14] renews while the handler runs, so that nobody else runs it meanwhile",
    Effect.gen(function* () {
      const kind = freshKind("renewed")
      yield* put(kind, ["a"])
      const started: Array<string> = []
      const worker = (name: string) =>
        DueWork.run({
          kind,
          concurrency: 1,
          leaseMillis: LEASE,
          handle: (claim) =>
            Effect.gen(function* () {
              started.push(name)
              yield* Effect.sleep(10 * LEASE)
              yield* claim.settle((change) => change.archive({ by: name }, 0))
            }),
        })
      yield* Effect.fork(worker("one"))
      yield* pass(100)
      yield* Effect.fork(worker("two"))
      yield* pass(11 * LEASE, 10_000)
      expect(started).toEqual(["one"])
      expect(yield* find(kind, "a")).toBeUndefined()
    }),
  )

  test(
    "[log 8] another takes over what a worker that died had claimed, when the lease is over",
    Effect.gen(function* () {
      const kind = freshKind("orphan")
      yield* put(kind, ["a"])
      yield* change((s) => s.claim(kind, 0, { nowMs: 0, untilMs: LEASE, limit: 1 }))
      const handled: Array<number> = []
      yield* Effect.fork(
        DueWork.run({
          kind,
          concurrency: 1,
          handle: (claim) =>
            Effect.gen(function* () {
              handled.push(yield* DueWork.now)
              yield* claim.settle((change) => change.remove)
            }),
        }),
      )
      yield* pass(LEASE + 1_000)
      expect(handled).toEqual([LEASE])
      expect(yield* find(kind, "a")).toBeUndefined()
    }),
  )

  test(
    "[log 20] interrupts the handler of a lost claim, and refuses what it settles all the same",
    Effect.gen(function* () {
      const kind = freshKind("zombie")
      const effects = freshKind("effects")
      yield* put(kind, ["a"])
      const store = yield* AggregateStore.AggregateStore
      // It works on, but its renewals do not reach the store.
      const cutOff = new StorageError({ reason: "failed", message: "cut off" })
      let reaches = true
      const flaky = {
        ...store,
        update: (...args: Parameters<typeof store.update>) => (reaches ? store.update(...args) : Effect.fail(cutOff)),
      }
      const told: Array<string> = []
      let zombie: DueWork.Claim | undefined
      yield* Effect.fork(
        DueWork.run({
          kind,
          concurrency: 1,
          leaseMillis: LEASE,
          drainMillis: 0,
          handle: (claim) => {
            zombie ??= claim
            return Effect.never.pipe(Effect.onInterrupt(() => Effect.sync(() => told.push("interrupted"))))
          },
        }).pipe(Effect.provideService(AggregateStore.AggregateStore, flaky)),
      )
      yield* pass(1_000)
      reaches = false
      yield* pass(LEASE - 2_000, 1_000)
      expect(told).toEqual([])
      yield* pass(LEASE, 1_000)
      expect(told).toEqual(["interrupted"])
      reaches = true
      const late = zombie?.settle((settling) =>
        Effect.zipRight(
          ask((s) => s.insert(effects, "effect", { state: 1, dueAtMs: null })),
          settling.keep({}),
        ),
      )
      const exit = yield* Effect.exit(late ?? Effect.dieMessage("nothing was claimed"))
      expect(exit).toEqual(Exit.fail(new DueWork.ClaimLost({ kind, id: "a" })))
      expect(yield* find(effects, "effect")).toBeUndefined()
    }),
  )

  test(
    "[log 20] what was changed from outside is not overwritten",
    Effect.gen(function* () {
      const kind = freshKind("outside")
      yield* put(kind, ["a"])
      const ends: Array<unknown> = []
      yield* Effect.fork(
        DueWork.run({
          kind,
          concurrency: 1,
          handle: (claim) =>
            Effect.gen(function* () {
              yield* Effect.sleep(5_000)
              ends.push(yield* Effect.flip(claim.settle((change) => change.archive("mine", 0))))
            }),
        }),
      )
      yield* pass(1_000)
      const version = (yield* find(kind, "a"))?.version ?? 0
      yield* change((s) => s.update(kind, "a", version, { state: "theirs", dueAtMs: null }))
      yield* pass(5_000)
      expect(ends).toEqual([new DueWork.ClaimLost({ kind, id: "a" })])
      expect((yield* find(kind, "a"))?.state).toBe("theirs")
    }),
  )

  test(
    "[log 14] two workers share all that is there, and nothing is handled twice",
    Effect.gen(function* () {
      const kind = freshKind("shared")
      const ids = Array.from({ length: 300 }, (_, i) => `job-${i}`)
      yield* put(kind, ids)
      const handled: Array<string> = []
      const worker = DueWork.run({
        kind,
        concurrency: 10,
        handle: (claim) =>
          Effect.zipRight(
            Effect.sync(() => handled.push(claim.id)),
            claim.settle((change) => change.remove),
          ),
      })
      for (let i = 0; i < 4; i++) yield* Effect.fork(worker)
      yield* pass(2_000)
      expect(handled.toSorted()).toEqual(ids.toSorted())
    }),
  )
}
