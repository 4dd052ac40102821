/**
 * What the store of aggregates promises, whatever engine is behind it. Every adapter runs this suite.
 *
 * Each test has kinds of its own, so adapters may share one database among tests.
 *
 * @example
 * aggregateStoreSuite("SQLite", SqliteStore.layerTest())
 */
import { describe, expect, it } from "@effect/vitest"
import { UnitOfWork, VersionConflict } from "@paceline/core/consistency"
import { Effect, Either, Exit, type Layer, Option } from "effect"
import { aggregateArchive } from "./AggregateArchive.ts"
import { aggregateChanges } from "./AggregateChanges.ts"
import { aggregateClaims } from "./AggregateClaims.ts"
import { agreesWithModel } from "./AggregateModel.ts"
import {
  type AggregateServices,
  type AggregateTest,
  ask,
  change,
  freshKind,
  insertAll,
  NOW,
  outside,
  stateOf,
} from "./AggregateServices.ts"

/** In the order of their UTF-8 bytes, which is neither that of UTF-16 (🚴 before ～) nor that of any language. */
const IDS = ["", "-", "10", "9", "A", "B", "_", "a", "a%", "aa", "b", "ß", "Ω", "～", "🚴"]

export const aggregateStoreSuite = (name: string, store: Layer.Layer<AggregateServices, unknown>): void => {
  const test: AggregateTest = (title, body) => it.live(title, () => Effect.provide(body, store))

  describe(`aggregate store: ${name}`, () => {
    aggregateVersions(test)
    aggregateReading(test)
    aggregateArchive(test)
    aggregateClaims(test)
    aggregateChanges(test)
    it.live(
      "does what a map and a sorted list do, in any order of steps",
      () => Effect.provide(agreesWithModel, store),
      60_000,
    )
  })
}

const aggregateVersions = (test: AggregateTest): void => {
  test(
    "gives back what was stored, at version 1, and raises the version with each change",
    Effect.gen(function* () {
      const kind = freshKind("versions/")
      const state = { text: "ÿ\u0000\u2028🚴", list: [1, -0.5, 1e21, null], nested: { yes: true } }
      expect(yield* ask((s) => s.get(kind, "a"))).toEqual(Option.none())
      yield* change((s) => s.insert(kind, "a", { state, dueAtMs: null }))
      const first = { kind, id: "a", version: 1, state, dueAtMs: null, rank: 0 }
      expect(yield* ask((s) => s.get(kind, "a"))).toEqual(Option.some(first))
      expect(yield* change((s) => s.update(kind, "a", 1, { state: null, dueAtMs: NOW, rank: 2 }))).toBe(2)
      expect(yield* change((s) => s.update(kind, "a", 2, { state: "text", dueAtMs: NOW + 1 }))).toBe(3)
      const third = { kind, id: "a", version: 3, state: "text", dueAtMs: NOW + 1, rank: 2 }
      expect(yield* ask((s) => s.get(kind, "a"))).toEqual(Option.some(third))
      expect(yield* ask((s) => s.get(`${kind}x`, "a"))).toEqual(Option.none())
    }),
  )

  test(
    "[log 2] a stale version is refused with both versions, and nothing is written",
    Effect.gen(function* () {
      const kind = freshKind("stale/")
      yield* insertAll(kind, ["a"])
      yield* change((s) => s.update(kind, "a", 1, { state: "newer", dueAtMs: null }))
      const conflict = (expectedVersion: number, actualVersion: number, id = "a") =>
        new VersionConflict({ aggregate: kind, id, expectedVersion, actualVersion })
      const next = { state: "lost", dueAtMs: NOW }
      expect(yield* Effect.flip(change((s) => s.update(kind, "a", 1, next)))).toEqual(conflict(1, 2))
      expect(yield* Effect.flip(change((s) => s.update(kind, "a", 3, next)))).toEqual(conflict(3, 2))
      expect(yield* Effect.flip(change((s) => s.remove(kind, "a", 1)))).toEqual(conflict(1, 2))
      expect(yield* Effect.flip(change((s) => s.archive(kind, "a", 1, "lost", NOW)))).toEqual(conflict(1, 2))
      expect(yield* Effect.flip(change((s) => s.insert(kind, "a", next)))).toEqual(conflict(0, 2))
      // What is not there is at version 0.
      expect(yield* Effect.flip(change((s) => s.update(kind, "b", 1, next)))).toEqual(conflict(1, 0, "b"))
      expect(yield* Effect.flip(change((s) => s.remove(kind, "b", 1)))).toEqual(conflict(1, 0, "b"))
      expect(yield* Effect.flip(change((s) => s.archive(kind, "b", 1, "lost", NOW)))).toEqual(conflict(1, 0, "b"))
      expect(stateOf(yield* ask((s) => s.get(kind, "a")))).toBe("newer")
      expect(yield* ask((s) => s.count(kind))).toBe(1)
    }),
  )

  test(
    "[log 2] of many that decided on the same version one writes, the others see the version that it made",
    Effect.gen(function* () {
      const kind = freshKind("race/")
      yield* insertAll(kind, ["a"])
      const outcomes = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, i) => i),
        (i) => Effect.either(change((s) => s.update(kind, "a", 1, { state: i, dueAtMs: null }))),
        { concurrency: "unbounded" },
      )
      const winners = outcomes.flatMap((outcome, i) => (Either.isRight(outcome) ? [i] : []))
      expect(winners.length).toBe(1)
      expect(stateOf(yield* ask((s) => s.get(kind, "a")))).toBe(winners[0])
      const conflict = new VersionConflict({ aggregate: kind, id: "a", expectedVersion: 1, actualVersion: 2 })
      for (const outcome of outcomes) if (Either.isLeft(outcome)) expect(outcome.left).toEqual(conflict)
    }),
  )

  test(
    "[log 2] of many that insert the same id one does",
    Effect.gen(function* () {
      const kind = freshKind("insert race/")
      const outcomes = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, i) => i),
        (i) => Effect.either(change((s) => s.insert(kind, "a", { state: i, dueAtMs: null }))),
        { concurrency: "unbounded" },
      )
      const winners = outcomes.flatMap((outcome, i) => (Either.isRight(outcome) ? [i] : []))
      expect(winners.length).toBe(1)
      expect(stateOf(yield* ask((s) => s.get(kind, "a")))).toBe(winners[0])
    }),
  )

  test(
    "a conflict does not spoil its unit: it can decide otherwise, and commit",
    Effect.gen(function* () {
      const kind = freshKind("otherwise/")
      yield* insertAll(kind, ["a"])
      yield* change((s) =>
        Effect.gen(function* () {
          yield* Effect.ignore(s.insert(kind, "a", { state: "again", dueAtMs: null }))
          yield* Effect.ignore(s.update(kind, "a", 7, { state: "stale", dueAtMs: null }))
          yield* Effect.ignore(s.remove(kind, "a", 7))
          yield* Effect.ignore(s.archive(kind, "a", 7, "stale", NOW))
          yield* s.update(kind, "a", 1, { state: "otherwise", dueAtMs: null })
        }),
      )
      expect(stateOf(yield* ask((s) => s.get(kind, "a")))).toBe("otherwise")
    }),
  )

  test(
    "what was removed is gone, and its id is free",
    Effect.gen(function* () {
      const kind = freshKind("removed/")
      yield* insertAll(kind, ["a", "b"])
      yield* change((s) => s.remove(kind, "a", 1))
      expect(yield* ask((s) => s.get(kind, "a"))).toEqual(Option.none())
      expect((yield* ask((s) => s.list(kind, { limit: 9 }))).map(({ id }) => id)).toEqual(["b"])
      expect(yield* ask((s) => s.listArchived(kind, { limit: 9 }))).toEqual([])
      yield* insertAll(kind, ["a"])
      expect(Option.getOrUndefined(yield* ask((s) => s.get(kind, "a")))?.version).toBe(1)
    }),
  )

  test(
    "what is no JSON data is never stored",
    Effect.gen(function* () {
      const kind = freshKind("no json/")
      const insert = change((s) => s.insert(kind, "a", { state: undefined, dueAtMs: null }))
      expect(Exit.isFailure(yield* Effect.exit(insert))).toBe(true)
      expect(yield* ask((s) => s.get(kind, "a"))).toEqual(Option.none())
    }),
  )

  test(
    "[log 1] a unit that fails leaves all as it was",
    Effect.gen(function* () {
      const kind = freshKind("rollback/")
      yield* insertAll(kind, ["a", "b", "c", "d"], (i) => ({ state: i, dueAtMs: NOW }))
      yield* change((s) => s.archive(kind, "d", 1, "done", NOW))
      const all = Effect.all([
        ask((s) => s.list(kind, { limit: 99 })),
        ask((s) => s.listArchived(kind, { limit: 99 })),
        ask((s) => s.backlog(kind, NOW)),
        ask((s) => s.count(kind)),
      ])
      const before = yield* all
      const unit = change((s) =>
        Effect.gen(function* () {
          yield* s.insert(kind, "new", { state: 9, dueAtMs: NOW })
          yield* s.update(kind, "a", 1, { state: 9, dueAtMs: null })
          yield* s.remove(kind, "b", 1)
          yield* s.archive(kind, "c", 1, "done", NOW)
          yield* s.claim(kind, 0, { nowMs: NOW, untilMs: NOW + 9, limit: 9 })
          yield* s.dropArchived(kind, NOW + 1, 9)
          return yield* Effect.fail("refused")
        }),
      )
      expect(yield* Effect.flip(unit)).toBe("refused")
      expect(yield* all).toEqual(before)
    }),
  )
}

const aggregateReading = (test: AggregateTest): void => {
  test(
    "inside, a unit sees what it wrote; outside, nobody does before the commit",
    Effect.gen(function* () {
      const kind = freshKind("visible/")
      const runtime = yield* Effect.runtime<AggregateServices>()
      yield* insertAll(kind, ["a", "b"], () => ({ state: "before", dueAtMs: NOW + 5 }))
      const seen = Effect.all({
        a: Effect.map(
          ask((s) => s.get(kind, "a")),
          stateOf,
        ),
        list: ask((s) => s.list(kind, { limit: 9 })).pipe(Effect.map((stored) => stored.map(({ id }) => id))),
        archived: ask((s) => s.listArchived(kind, { limit: 9 })).pipe(
          Effect.map((stored) => stored.map(({ id }) => id)),
        ),
        count: ask((s) => s.count(kind)),
        due: ask((s) => s.nextDueAtMs(kind)),
        backlog: ask((s) => s.backlog(kind, NOW)).pipe(Effect.map((ranks) => ranks.map(({ later }) => later))),
      })
      const before = { a: "before", list: ["a", "b"], archived: [], count: 2, due: NOW + 5, backlog: [2] }
      const after = { a: "after", list: ["a", "c", "d"], archived: ["b"], count: 3, due: NOW + 1, backlog: [3] }
      yield* UnitOfWork.run(
        Effect.gen(function* () {
          yield* ask((s) => s.update(kind, "a", 1, { state: "after", dueAtMs: NOW + 1 }))
          yield* ask((s) => s.insert(kind, "c", { state: 0, dueAtMs: NOW + 2 }))
          yield* ask((s) => s.insert(kind, "d", { state: 0, dueAtMs: NOW + 2 }))
          yield* ask((s) => s.archive(kind, "b", 1, 0, NOW))
          expect(yield* seen).toEqual(after)
          expect(yield* outside(runtime, seen)).toEqual(before)
        }),
      )
      expect(yield* seen).toEqual(after)
    }),
  )

  test(
    "pages run in the order of the ids' bytes, with nothing twice and nothing left out",
    Effect.gen(function* () {
      const kind = freshKind("pages/")
      yield* insertAll(kind, IDS.toReversed())
      yield* insertAll(`${kind}/neighbour`, ["a"])
      const [first] = yield* ask((s) => s.list(kind, { limit: 1 }))
      expect(first?.id).toBe("")
      const pageAfter = (after: string, limit: number) =>
        ask((s) => s.list(kind, { after, limit })).pipe(Effect.map((page) => page.map(({ id }) => id)))
      const walked = [""]
      for (let page = [""]; page.length > 0; walked.push(...page)) {
        page = yield* pageAfter(page.at(-1) ?? "", 4)
        expect(page.length).toBeLessThanOrEqual(4)
      }
      expect(walked).toEqual(IDS)
      // The id that a page starts after need not be there.
      expect(yield* pageAfter("a&", 2)).toEqual(["aa", "b"])
      expect(yield* pageAfter("～", 9)).toEqual(["🚴"])
    }),
  )

  test(
    "archived ones are paged in the same order",
    Effect.gen(function* () {
      const kind = freshKind("archived pages/")
      yield* insertAll(kind, IDS)
      yield* change((s) => Effect.forEach(IDS.toReversed(), (id, i) => s.archive(kind, id, 1, i, NOW + i)))
      const first = yield* ask((s) => s.listArchived(kind, { limit: 8 }))
      const rest = yield* ask((s) => s.listArchived(kind, { after: first.at(-1)?.id ?? "", limit: 99 }))
      expect([...first, ...rest].map(({ id }) => id)).toEqual(IDS)
    }),
  )

  test(
    "tells the kinds under a prefix that have something in them, and how much",
    Effect.gen(function* () {
      const root = freshKind("kinds_%/")
      yield* insertAll(`${root}mail`, ["a", "b", "c"])
      yield* insertAll(`${root}picture`, ["a"])
      yield* insertAll(`${root}done`, ["a"])
      yield* change((s) => s.archive(`${root}done`, "a", 1, 0, NOW))
      // Would be found if _ or % stood for any letter, or if case did not count.
      yield* insertAll(root.replace("_%", "XX").concat("mail"), ["a"])
      yield* insertAll(root.toUpperCase().concat("mail"), ["a"])
      expect((yield* ask((s) => s.kinds(root))).toSorted()).toEqual([`${root}mail`, `${root}picture`])
      expect(yield* ask((s) => s.kinds(`${root}pic`))).toEqual([`${root}picture`])
      expect(yield* ask((s) => s.kinds(`${root}video`))).toEqual([])
      expect(yield* ask((s) => s.count(`${root}mail`))).toBe(3)
      expect(yield* ask((s) => s.count(`${root}done`))).toBe(0)
      expect(yield* ask((s) => s.count(`${root}video`))).toBe(0)
    }),
  )
}
