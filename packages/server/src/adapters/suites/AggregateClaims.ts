/** The part of the aggregate store's suite that tells of what is due, who takes it, and how much waits. */
import { expect } from "@effect/vitest"
import { VersionConflict } from "@paceline/core/consistency"
import { Effect, Fiber, Option, Queue } from "effect"
import { type AggregateTest, ask, change, freshKind, insertAll, NOW } from "./AggregateServices.ts"

const claim = (kind: string, rank: number, nowMs: number, untilMs: number, limit: number) =>
  change((s) => s.claim(kind, rank, { nowMs, untilMs, limit }))

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `id-${i}`)

/** Generous: on a busy machine a hint may take a while, but it comes. */
const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.timeout(effect, "20 seconds")

export const aggregateClaims = (test: AggregateTest): void => {
  test(
    "takes what is due, the longest due first, of one kind and rank, at most as many as asked for",
    Effect.gen(function* () {
      const kind = freshKind("claim/")
      const due = [NOW - 10, NOW + 1, NOW - 30, null, NOW, NOW - 20]
      yield* insertAll(kind, numbered(6), (i) => ({ state: i, dueAtMs: due[i] ?? null, rank: 1 }))
      yield* insertAll(kind, ["other rank"], () => ({ state: 0, dueAtMs: NOW - 99, rank: 0 }))
      yield* insertAll(`${kind}/neighbour`, ["other kind"], () => ({ state: 0, dueAtMs: NOW - 99, rank: 1 }))
      const first = yield* claim(kind, 1, NOW, NOW + 60, 2)
      expect(first).toEqual([
        { kind, id: "id-2", version: 2, state: 2, dueAtMs: NOW + 60, rank: 1 },
        { kind, id: "id-5", version: 2, state: 5, dueAtMs: NOW + 60, rank: 1 },
      ])
      expect((yield* claim(kind, 1, NOW, NOW + 60, 9)).map(({ id }) => id)).toEqual(["id-0", "id-4"])
      expect(yield* claim(kind, 1, NOW, NOW + 60, 9)).toEqual([])
      expect((yield* claim(kind, 0, NOW, NOW + 60, 9)).map(({ id }) => id)).toEqual(["other rank"])
    }),
  )

  test(
    "what is claimed is due again when its time is over; who claimed it before is then refused",
    Effect.gen(function* () {
      const kind = freshKind("again/")
      yield* insertAll(kind, ["a"], () => ({ state: 0, dueAtMs: NOW }))
      const [first] = yield* claim(kind, 0, NOW, NOW + 60, 1)
      expect(yield* claim(kind, 0, NOW + 59, NOW + 99, 1)).toEqual([])
      const [second] = yield* claim(kind, 0, NOW + 60, NOW + 120, 1)
      expect([first?.version, second?.version]).toEqual([2, 3])
      const done = (version: number) => change((s) => s.update(kind, "a", version, { state: 1, dueAtMs: null }))
      expect(yield* Effect.flip(done(2))).toEqual(
        new VersionConflict({ aggregate: kind, id: "a", expectedVersion: 2, actualVersion: 3 }),
      )
      expect(yield* done(3)).toBe(4)
      expect(yield* claim(kind, 0, NOW + 999, NOW + 9999, 1)).toEqual([])
    }),
  )

  test(
    "who decided before a claim is refused after it",
    Effect.gen(function* () {
      const kind = freshKind("overtaken/")
      yield* insertAll(kind, ["a"], () => ({ state: 0, dueAtMs: NOW }))
      yield* claim(kind, 0, NOW, NOW + 60, 1)
      const stale = change((s) => s.update(kind, "a", 1, { state: 1, dueAtMs: null }))
      expect(yield* Effect.flip(stale)).toBeInstanceOf(VersionConflict)
    }),
  )

  test(
    "those who claim at the same time never get the same one, and together get all",
    Effect.gen(function* () {
      const kind = freshKind("crowd/")
      yield* insertAll(kind, numbered(200), (i) => ({ state: i, dueAtMs: NOW - (i % 7) }))
      const worker = Effect.gen(function* () {
        const mine: Array<string> = []
        while (true) {
          const claimed = yield* claim(kind, 0, NOW, NOW + 60_000, 7)
          if (claimed.length === 0) return mine
          mine.push(...claimed.map(({ id }) => id))
        }
      })
      const shares = yield* Effect.all(
        Array.from({ length: 12 }, () => worker),
        { concurrency: "unbounded" },
      )
      // What a worker passes over, because another is claiming it, the other has: nothing is left.
      expect(shares.flat().length).toBe(200)
      expect(new Set(shares.flat()).size).toBe(200)
      expect((yield* ask((s) => s.list(kind, { limit: 999 }))).every(({ version }) => version === 2)).toBe(true)
    }),
  )

  test(
    "[log 1] a claim whose unit fails has claimed nothing",
    Effect.gen(function* () {
      const kind = freshKind("unclaimed/")
      yield* insertAll(kind, ["a"], () => ({ state: 0, dueAtMs: NOW }))
      const failing = change((s) =>
        Effect.zipRight(s.claim(kind, 0, { nowMs: NOW, untilMs: NOW + 60, limit: 1 }), Effect.fail("refused")),
      )
      expect(yield* Effect.flip(failing)).toBe("refused")
      expect((yield* claim(kind, 0, NOW, NOW + 60, 1)).map(({ version }) => version)).toEqual([2])
    }),
  )

  test(
    "tells when the next is due, of whatever rank, also when it is overdue",
    Effect.gen(function* () {
      const kind = freshKind("next/")
      const next = ask((s) => s.nextDueAtMs(kind))
      expect(yield* next).toBeNull()
      yield* insertAll(kind, ["never"])
      expect(yield* next).toBeNull()
      yield* insertAll(kind, ["late"], () => ({ state: 0, dueAtMs: NOW + 50, rank: 0 }))
      yield* insertAll(kind, ["low"], () => ({ state: 0, dueAtMs: NOW - 5, rank: 2 }))
      expect(yield* next).toBe(NOW - 5)
      yield* claim(kind, 2, NOW, NOW + 60, 1)
      expect(yield* next).toBe(NOW + 50)
      yield* change((s) => s.remove(kind, "late", 1))
      expect(yield* next).toBe(NOW + 60)
    }),
  )

  test(
    "tells how much waits by rank: what is due, what is due later, and since when the longest one waits",
    Effect.gen(function* () {
      const kind = freshKind("backlog/")
      expect(yield* ask((s) => s.backlog(kind, NOW))).toEqual([])
      const due = [NOW - 10, NOW - 30, NOW, NOW + 1]
      yield* insertAll(kind, numbered(4), (i) => ({ state: 0, dueAtMs: due[i] ?? null, rank: 2 }))
      yield* insertAll(kind, ["later"], () => ({ state: 0, dueAtMs: NOW + 9, rank: 0 }))
      yield* insertAll(kind, ["never"], () => ({ state: 0, dueAtMs: null, rank: 1 }))
      expect(yield* ask((s) => s.backlog(kind, NOW))).toEqual([
        { rank: 0, due: 0, later: 1, oldestDueAtMs: null },
        { rank: 2, due: 3, later: 1, oldestDueAtMs: NOW - 30 },
      ])
      yield* claim(kind, 2, NOW, NOW + 60, 2)
      expect(yield* ask((s) => s.backlog(kind, NOW))).toEqual([
        { rank: 0, due: 0, later: 1, oldestDueAtMs: null },
        { rank: 2, due: 1, later: 3, oldestDueAtMs: NOW },
      ])
    }),
  )

  test(
    "a hint comes after what may be due sooner, not after a rollback, and many wait as one",
    Effect.gen(function* () {
      const kind = freshKind("hints/")
      const hints = yield* ask((s) => s.hints(kind))
      const insert = (id: string) => insertAll(kind, [id], () => ({ state: 0, dueAtMs: NOW }))
      yield* Effect.ignore(
        change((s) => Effect.zipRight(s.insert(kind, "lost", { state: 0, dueAtMs: NOW }), Effect.fail("refused"))),
      )
      yield* insertAll(`${kind}/neighbour`, ["a"], () => ({ state: 0, dueAtMs: NOW }))
      expect(yield* Queue.size(hints)).toBe(0)
      yield* insert("a")
      yield* insert("b")
      yield* soon(Queue.take(hints))
      expect(yield* Queue.size(hints)).toBeLessThanOrEqual(1)
      // Whoever waits already is woken; each change is asked for until it is heard, as another may still be on its way.
      const waiting = yield* Effect.fork(Effect.zipRight(Queue.takeAll(hints), soon(Queue.take(hints))))
      yield* Effect.yieldNow()
      const [b] = Option.toArray(yield* ask((s) => s.get(kind, "b")))
      yield* change((s) => s.update(kind, "b", b?.version ?? 0, { state: 1, dueAtMs: NOW - 60 }))
      yield* Fiber.join(waiting)
    }).pipe(Effect.scoped),
  )
}
