/**
 * What the loop over due work promises on an adapter's aggregates. Every adapter runs this suite.
 *
 * Each test builds the layer anew and has a store of its own.
 *
 * @example
 * dueWorkSuite("SQLite", SqliteStore.layerTest())
 */
import { describe, expect } from "@effect/vitest"
import { AggregateStore } from "@paceline/core/consistency"
import { DueWork } from "@paceline/core/messaging"
import { Effect, Fiber, type Layer, Queue } from "effect"
import { dueWorkAdmission } from "./DueWorkAdmission.ts"
import { dueWorkLeases } from "./DueWorkLeases.ts"
import {
  ask,
  change,
  type DueWorkServices,
  type DueWorkTest,
  find,
  freshKind,
  pass,
  put,
  testOn,
} from "./DueWorkServices.ts"
import { dueWorkTime } from "./DueWorkTime.ts"
import { dueWorkTogether } from "./DueWorkTogether.ts"

export const dueWorkSuite = (name: string, store: Layer.Layer<DueWorkServices, unknown>): void => {
  const test = testOn(store)

  describe(`due work: ${name}`, () => {
    claiming(test)
    settling(test)
    dueWorkLeases(test)
    dueWorkTime(test)
    dueWorkTogether(test)
    dueWorkAdmission(test)
  })
}

/** Archives at once, and notes the id. */
const noting = (handled: Array<string>) => (claim: DueWork.Claim) =>
  Effect.zipRight(
    Effect.sync(() => handled.push(claim.id)),
    claim.settle((change) => change.archive({ done: true }, 0)),
  )

const claiming = (test: DueWorkTest): void => {
  test(
    "hands over what is due, once, and not before its time",
    Effect.gen(function* () {
      const kind = freshKind("due")
      yield* put(kind, ["a", "b"], 0)
      yield* put(kind, ["later"], 5_000)
      yield* put(kind, ["never"], null)
      const handled: Array<string> = []
      yield* Effect.fork(DueWork.run({ kind, concurrency: 2, handle: noting(handled) }))
      yield* pass(4_999)
      expect(handled.toSorted()).toEqual(["a", "b"])
      yield* pass(1)
      expect(handled.toSorted()).toEqual(["a", "b", "later"])
      yield* pass(60_000, 10_000)
      expect(handled.length).toBe(3)
      expect((yield* ask((s) => s.listArchived(kind, { limit: 9 }))).map(({ id }) => id)).toEqual(["a", "b", "later"])
      expect((yield* find(kind, "never"))?.version).toBe(1)
    }),
  )

  test(
    "is woken by a hint",
    Effect.gen(function* () {
      const kind = freshKind("hinted")
      const handled: Array<string> = []
      yield* Effect.fork(DueWork.run({ kind, concurrency: 2, handle: noting(handled) }))
      yield* pass(100)
      yield* put(kind, ["a"], 0)
      // No time passes: a hint of an engine that hears of it from outside may take a moment of real time.
      for (let i = 0; i < 200 && handled.length === 0; i++) yield* pass(0)
      expect(handled).toEqual(["a"])
    }),
  )

  test(
    "finds within a second what no hint told of",
    Effect.gen(function* () {
      const kind = freshKind("polled")
      const deaf = yield* ask((store) => Effect.succeed({ ...store, hints: () => Queue.unbounded<void>() }))
      const handled: Array<string> = []
      yield* Effect.fork(
        Effect.provideService(
          DueWork.run({ kind, concurrency: 2, handle: noting(handled) }),
          AggregateStore.AggregateStore,
          deaf,
        ),
      )
      yield* pass(100)
      yield* put(kind, ["a"], 0)
      yield* pass(1_000)
      expect(handled).toEqual(["a"])
    }),
  )

  test(
    "[log 26] never has more in hand than there are places, and leaves the rest to others",
    Effect.gen(function* () {
      const kind = freshKind("places")
      const ids = Array.from({ length: 60 }, (_, i) => `job-${i}`)
      yield* put(kind, ids)
      const handled: Array<string> = []
      const most: Array<number> = []
      const worker = (index: number) => {
        let inHand = 0
        return DueWork.run({
          kind,
          concurrency: 5,
          handle: (claim) =>
            Effect.gen(function* () {
              most[index] = Math.max(most[index] ?? 0, ++inHand)
              yield* Effect.sleep(1_000)
              yield* noting(handled)(claim)
              inHand--
            }),
        })
      }
      yield* Effect.fork(worker(0))
      yield* Effect.fork(worker(1))
      yield* pass(10_000)
      expect(handled.toSorted()).toEqual(ids.toSorted())
      expect(most).toEqual([5, 5])
    }),
  )

  test(
    "[log 33] takes the first rank first, and passes none over for ever",
    Effect.gen(function* () {
      const kind = freshKind("ranks")
      const ids = (rank: number) => Array.from({ length: 40 }, (_, i) => `${rank}-${i}`)
      for (const rank of [2, 1, 0]) yield* put(kind, ids(rank), 0, rank)
      const handled: Array<string> = []
      yield* Effect.fork(DueWork.run({ kind, ranks: [0, 1, 2], concurrency: 1, handle: noting(handled) }))
      yield* pass(0)
      expect(handled.length).toBe(120)
      const of = (rank: number, first: number) =>
        handled.slice(0, first).filter((id) => id.startsWith(`${rank}-`)).length
      expect(of(0, 4)).toBe(4)
      expect(of(0, 40)).toBeGreaterThan(28)
      expect(of(1, 40)).toBeGreaterThan(of(2, 40))
      expect(of(2, 40)).toBeGreaterThanOrEqual(2)
    }),
  )

  test(
    "pauses while there are no places, and goes on when there are",
    Effect.gen(function* () {
      const kind = freshKind("paused")
      let places = 0
      const handled: Array<string> = []
      yield* put(kind, ["a"])
      yield* Effect.fork(DueWork.run({ kind, concurrency: () => places, handle: noting(handled) }))
      yield* pass(5_000)
      expect(handled).toEqual([])
      places = 1
      yield* pass(1_000)
      expect(handled).toEqual(["a"])
    }),
  )

  test(
    "[log 27] shut down, it lets handlers finish, and gives back what does not, due at once",
    Effect.gen(function* () {
      const kind = freshKind("drained")
      yield* put(kind, ["quick", "slow", "waiting"])
      const handled: Array<string> = []
      const loop = yield* Effect.fork(
        DueWork.run({
          kind,
          concurrency: 2,
          drainMillis: 5_000,
          handle: (claim) =>
            Effect.zipRight(Effect.sleep(claim.id === "quick" ? 3_000 : 60_000), noting(handled)(claim)),
        }),
      )
      yield* pass(1_000)
      const end = yield* Effect.fork(Fiber.interrupt(loop))
      yield* pass(6_000)
      yield* Fiber.join(end)
      expect(handled).toEqual(["quick"])
      const left = yield* change((s) => s.claim(kind, 0, { nowMs: 7_000, untilMs: 8_000, limit: 9 }))
      expect(left.map(({ id }) => id).toSorted()).toEqual(["slow", "waiting"])
    }),
  )
}

const settling = (test: DueWorkTest): void => {
  test(
    "[log 30] what a claim is marked with is stored with it, also when the handler never comes back",
    Effect.gen(function* () {
      const kind = freshKind("marked")
      yield* put(kind, ["a"])
      const mark = (state: unknown) => ({
        ...Object(state),
        attempts: (Reflect.get(Object(state), "attempts") ?? 0) + 1,
      })
      const seen: Array<unknown> = []
      yield* Effect.fork(
        DueWork.run({
          kind,
          concurrency: 1,
          mark,
          drainMillis: 0,
          handle: (claim) =>
            Effect.zipRight(
              Effect.sync(() => seen.push(claim.state)),
              Effect.never,
            ),
        }),
      )
      yield* pass(60_000, 5_000)
      expect(seen).toEqual([{ id: "a", attempts: 1 }])
      expect((yield* find(kind, "a"))?.state).toEqual({ id: "a", attempts: 1 })
    }),
  )

  test(
    "[log 8] [log 15] what stands in the settling unit happens with the change or not at all",
    Effect.gen(function* () {
      const kind = freshKind("settled")
      const effects = freshKind("effects")
      yield* put(kind, ["a"])
      let tries = 0
      yield* Effect.fork(
        DueWork.run({
          kind,
          concurrency: 1,
          handle: (claim) =>
            claim.settle((change) =>
              Effect.gen(function* () {
                yield* ask((s) => s.insert(effects, "effect", { state: 1, dueAtMs: null }))
                yield* change.archive({}, 0)
                if (tries++ === 0) return yield* Effect.fail("not yet")
              }),
            ),
        }),
      )
      yield* pass(1_000)
      expect(tries).toBe(1)
      expect(yield* find(effects, "effect")).toBeUndefined()
      yield* pass(30_000, 5_000)
      expect(tries).toBe(2)
      expect((yield* find(effects, "effect"))?.version).toBe(1)
      expect(yield* find(kind, "a")).toBeUndefined()
    }),
  )

  test(
    "keeps a claim over several steps, each stored, and releases it for later",
    Effect.gen(function* () {
      const kind = freshKind("steps")
      yield* put(kind, ["a"])
      const seen: Array<unknown> = []
      yield* Effect.fork(
        DueWork.run({
          kind,
          concurrency: 1,
          handle: (claim) =>
            Effect.gen(function* () {
              seen.push(claim.state)
              yield* claim.settle((change) => change.keep({ step: 1 }))
              seen.push(claim.state, (yield* find(kind, "a"))?.state)
              yield* Effect.sleep(45_000)
              yield* claim.settle((change) => change.release({ state: { step: 2 }, dueAtMs: 200_000, rank: 1 }))
              const late = yield* Effect.flip(claim.settle((change) => change.keep({ step: 3 })))
              seen.push(late._tag)
            }),
        }),
      )
      yield* pass(60_000, 5_000)
      expect(seen).toEqual([{ id: "a" }, { step: 1 }, { step: 1 }, "ClaimLost"])
      expect(yield* find(kind, "a")).toMatchObject({ state: { step: 2 }, dueAtMs: 200_000, rank: 1 })
    }),
  )

  test(
    "refuses a unit that settles nothing, for nothing would fence it",
    Effect.gen(function* () {
      const kind = freshKind("unsettled")
      const effects = freshKind("effects")
      yield* put(kind, ["a"])
      const dead: Array<unknown> = []
      yield* Effect.fork(
        DueWork.run({
          kind,
          concurrency: 1,
          handle: (claim) =>
            claim
              .settle(() => ask((s) => s.insert(effects, "effect", { state: 1, dueAtMs: null })))
              .pipe(Effect.catchAllDefect((defect) => Effect.sync(() => dead.push(defect)))),
        }),
      )
      yield* pass(1_000)
      expect(String(dead[0])).toContain("keep, release, archive or remove")
      expect(yield* find(effects, "effect")).toBeUndefined()
    }),
  )
}
