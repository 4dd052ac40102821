/** The part of the aggregate store's suite that tells of what is out of the way. */
import { expect } from "@effect/vitest"
import { VersionConflict } from "@paceline/core/consistency"
import { Effect, Option } from "effect"
import { type AggregateTest, ask, change, freshKind, insertAll, NOW } from "./AggregateServices.ts"

export const aggregateArchive = (test: AggregateTest): void => {
  test(
    "what was archived is out of the way, with its final state and the version that this made",
    Effect.gen(function* () {
      const kind = freshKind("archive/")
      yield* insertAll(kind, ["a", "b"], () => ({ state: "open", dueAtMs: NOW }))
      yield* change((s) => s.update(kind, "a", 1, { state: "closing", dueAtMs: NOW }))
      yield* change((s) => s.archive(kind, "a", 2, { closed: true }, NOW + 7))
      const archived = { kind, id: "a", version: 3, state: { closed: true }, archivedAtMs: NOW + 7 }
      expect(yield* ask((s) => s.getArchived(kind, "a"))).toEqual(Option.some(archived))
      expect(yield* ask((s) => s.getArchived(kind, "b"))).toEqual(Option.none())
      expect(yield* ask((s) => s.listArchived(kind, { limit: 9 }))).toEqual([archived])
      expect(yield* ask((s) => s.get(kind, "a"))).toEqual(Option.none())
      expect((yield* ask((s) => s.list(kind, { limit: 9 }))).map(({ id }) => id)).toEqual(["b"])
      expect(yield* ask((s) => s.count(kind))).toBe(1)
      const claimed = yield* change((s) => s.claim(kind, 0, { nowMs: NOW, untilMs: NOW + 9, limit: 9 }))
      expect(claimed.map(({ id }) => id)).toEqual(["b"])
    }),
  )

  test(
    "[log 2] what was archived never changes, and its id stays taken",
    Effect.gen(function* () {
      const kind = freshKind("final/")
      yield* insertAll(kind, ["a"])
      yield* change((s) => s.archive(kind, "a", 1, "final", NOW))
      const next = { state: "lost", dueAtMs: null }
      const conflict = (expectedVersion: number) =>
        new VersionConflict({ aggregate: kind, id: "a", expectedVersion, actualVersion: 2 })
      expect(yield* Effect.flip(change((s) => s.insert(kind, "a", next)))).toEqual(conflict(0))
      expect(yield* Effect.flip(change((s) => s.update(kind, "a", 1, next)))).toEqual(conflict(1))
      expect(yield* Effect.flip(change((s) => s.remove(kind, "a", 1)))).toEqual(conflict(1))
      expect(yield* Effect.flip(change((s) => s.archive(kind, "a", 1, "again", NOW)))).toEqual(conflict(1))
      for (const write of [
        change((s) => s.update(kind, "a", 2, next)),
        change((s) => s.remove(kind, "a", 2)),
        change((s) => s.archive(kind, "a", 2, "again", NOW)),
      ]) {
        expect(yield* Effect.flip(write)).toBeInstanceOf(VersionConflict)
      }
      expect(Option.getOrUndefined(yield* ask((s) => s.getArchived(kind, "a")))?.state).toBe("final")
    }),
  )

  test(
    "archived ones are forgotten by time, as many as asked for; their ids are free then",
    Effect.gen(function* () {
      const kind = freshKind("drop/")
      const ids = ["a", "b", "c", "d", "e"]
      yield* insertAll(kind, [...ids, "live"])
      yield* insertAll(`${kind}/neighbour`, ["a"])
      yield* change((s) => s.archive(`${kind}/neighbour`, "a", 1, 0, NOW))
      yield* change((s) => Effect.forEach(ids, (id, i) => s.archive(kind, id, 1, i, NOW + i)))
      expect(yield* change((s) => s.dropArchived(kind, NOW, 9))).toBe(0)
      expect(yield* change((s) => s.dropArchived(kind, NOW + 4, 3))).toBe(3)
      expect(yield* change((s) => s.dropArchived(kind, NOW + 4, 3))).toBe(1)
      expect((yield* ask((s) => s.listArchived(kind, { limit: 9 }))).map(({ id }) => id)).toEqual(["e"])
      expect(yield* ask((s) => s.count(kind))).toBe(1)
      expect((yield* ask((s) => s.listArchived(`${kind}/neighbour`, { limit: 9 }))).length).toBe(1)
      yield* insertAll(kind, ["a"])
      expect(Option.getOrUndefined(yield* ask((s) => s.get(kind, "a")))?.version).toBe(1)
    }),
  )
}
