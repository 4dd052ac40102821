/** The part of the aggregate store's suite that tells of `change`: load, decide, write and append as one. */
import { expect } from "@effect/vitest"
import { type AggregateStore, UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Exit, Option, Schedule } from "effect"
import {
  type AggregateServices,
  type AggregateTest,
  ask,
  change,
  freshKind,
  NOW,
  stateOf,
} from "./AggregateServices.ts"

/** One more, and a record that says so, under the aggregate's kind as its topic. */
const increment =
  (kind: string, id: string, extra: Partial<AggregateStore.NewState> = {}) =>
  ({ stored }: AggregateStore.Found): AggregateStore.Decided<number> => {
    const n = Number(stored?.state ?? 0) + 1
    const records = [{ topic: kind, records: [{ key: id, payload: n }] }]
    return { answer: n, next: { state: n, dueAtMs: null, ...extra, records } }
  }

const changed = (kind: string, id: string, extra: Partial<AggregateStore.NewState> = {}) =>
  ask((store) => store.change(kind, id, increment(kind, id, extra)))

const told = (kind: string) =>
  Effect.flatMap(EventLog.EventLog, (log) =>
    Effect.map(log.read(kind, 0, 0, 1_000), (records) => records.map(({ payload }) => payload)),
  )

export const aggregateChanges = (test: AggregateTest): void => {
  test(
    "[log 1] a change inserts what is not there and updates what is, and its records are in the log",
    Effect.gen(function* () {
      const kind = freshKind("change/")
      expect(yield* changed(kind, "a")).toBe(1)
      expect(yield* changed(kind, "a", { dueAtMs: NOW, rank: 2 })).toBe(2)
      expect(yield* changed(kind, "a", { dueAtMs: NOW + 1 })).toBe(3)
      const stored = { kind, id: "a", version: 3, state: 3, dueAtMs: NOW + 1, rank: 2 }
      expect(yield* ask((s) => s.get(kind, "a"))).toEqual(Option.some(stored))
      expect(yield* told(kind)).toEqual([1, 2, 3])
    }),
  )

  test(
    "it is told what is there, stored or in the archive, and may write nothing",
    Effect.gen(function* () {
      const kind = freshKind("look/")
      const look = (id: string) =>
        ask((s) => s.change(kind, id, (found, nowMs) => ({ answer: { ...found, isTime: nowMs > 1_600_000_000_000 } })))
      expect(yield* look("a")).toEqual({ stored: null, isArchived: false, isTime: true })
      yield* changed(kind, "a", { dueAtMs: NOW })
      const stored = { kind, id: "a", version: 1, state: 1, dueAtMs: NOW, rank: 0 }
      expect(yield* look("a")).toEqual({ stored, isArchived: false, isTime: true })
      yield* change((s) => s.archive(kind, "a", 1, "final", NOW))
      expect(yield* look("a")).toEqual({ stored: null, isArchived: true, isTime: true })
      expect(yield* told(kind)).toEqual([1])
    }),
  )

  test(
    "the last change of what is stored, or the only one of what is not, goes to the archive",
    Effect.gen(function* () {
      const kind = freshKind("last/")
      const last = (id: string) =>
        ask((s) =>
          s.change(kind, id, ({ stored }) => ({
            answer: stored?.version ?? 0,
            next: { state: "final", dueAtMs: null, archive: true },
          })),
        )
      yield* changed(kind, "a")
      expect([yield* last("a"), yield* last("b")]).toEqual([1, 0])
      const archived = yield* ask((s) => s.listArchived(kind, { limit: 9 }))
      expect(archived.map(({ id, state, version }) => [id, state, version])).toEqual([
        ["a", "final", 2],
        ["b", "final", 2],
      ])
      expect(yield* ask((s) => s.count(kind))).toBe(0)
      // Its id stays taken.
      expect(yield* Effect.flip(changed(kind, "a"))).toMatchObject({ _tag: "VersionConflict", actualVersion: 2 })
    }),
  )

  test(
    "[log 2] many who change the same one at once: each is in, one after the other, or is told that it was overtaken",
    Effect.gen(function* () {
      const kind = freshKind("crowd/")
      const again = Schedule.intersect(Schedule.recurs(200), Schedule.jittered(Schedule.spaced("5 millis")))
      const answers = yield* Effect.forEach(
        Array.from({ length: 30 }),
        () => Effect.retry(changed(kind, "a"), { while: ({ _tag }) => _tag === "VersionConflict", schedule: again }),
        { concurrency: "unbounded" },
      )
      const all = Array.from({ length: 30 }, (_, i) => i + 1)
      expect(answers.toSorted((a, b) => a - b)).toEqual(all)
      expect(yield* told(kind)).toEqual(all)
    }),
  )

  test(
    "[log 1] when its last record cannot be stored, or the rule throws, nothing of it is there",
    Effect.gen(function* () {
      const kind = freshKind("whole/")
      yield* changed(kind, "a")
      const noJson = { topic: kind, records: [{ key: "a", payload: 1n }] }
      const withBadRecord = ask((s) =>
        s.change(kind, "a", (found) => {
          const { answer, next } = increment(kind, "a")(found)
          if (next === undefined) throw new Error("it always writes")
          return { answer, next: { ...next, records: [...(next.records ?? []), noJson] } }
        }),
      )
      const throwing = ask((s) =>
        s.change(kind, "a", () => {
          throw new Error("a bug")
        }),
      )
      for (const broken of [withBadRecord, throwing]) {
        expect(Exit.isFailure(yield* Effect.exit(broken))).toBe(true)
        expect(stateOf(yield* ask((s) => s.get(kind, "a")))).toBe(1)
        expect(yield* told(kind)).toEqual([1])
      }
      expect(yield* changed(kind, "a")).toBe(2)
    }),
  )

  test(
    "inside a unit it sees what the unit wrote, commits and rolls back with it, and fails alone",
    Effect.gen(function* () {
      const kind = freshKind("inside/")
      const twice = Effect.zip(changed(kind, "a"), changed(kind, "a"))
      expect(yield* Effect.flip(UnitOfWork.run(Effect.zipRight(twice, Effect.fail("refused"))))).toBe("refused")
      expect(yield* ask((s) => s.get(kind, "a"))).toEqual(Option.none())
      const broken: Effect.Effect<number, unknown, AggregateServices> = ask((s) =>
        s.change(kind, "a", () => ({
          answer: 0,
          next: { state: "lost", dueAtMs: null, records: [{ topic: kind, records: [{ key: "a", payload: 1n }] }] },
        })),
      )
      const [answers] = yield* UnitOfWork.run(Effect.zip(twice, Effect.exit(broken)))
      expect(answers).toEqual([1, 2])
      expect(stateOf(yield* ask((s) => s.get(kind, "a")))).toBe(2)
      expect(yield* told(kind)).toEqual([1, 2])
    }),
  )

  test(
    "a worker hears of what a change makes due",
    Effect.gen(function* () {
      const kind = freshKind("due/")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const hints = yield* ask((s) => s.hints(kind))
          yield* changed(kind, "a", { dueAtMs: NOW })
          yield* hints.take
        }),
      )
      const [claimed] = yield* change((s) => s.claim(kind, 0, { nowMs: NOW, untilMs: NOW + 9, limit: 9 }))
      expect(claimed).toMatchObject({ id: "a", version: 2, state: 1 })
    }),
  )
}
