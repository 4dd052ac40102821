/** The aggregate store beside a model that anybody can check by eye: a map, searched and sorted at each question. */
import { expect } from "@effect/vitest"
import type { AggregateStore } from "@paceline/core/consistency"
import { Effect, Either, Option } from "effect"
import fc from "fast-check"
import { type AggregateServices, ask, change, freshKind, NOW } from "./AggregateServices.ts"

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

const ids = ["a", "b", "c"]
const id = fc.constantFrom(...ids)
const dueAtMs = fc.option(fc.integer({ min: 0, max: 5 }).map((n) => NOW + n))
const rank = fc.nat(1)
const guess = fc.integer({ min: 0, max: 3 })

const step = fc.oneof(
  fc.record({ act: fc.constant("insert" as const), id, dueAtMs, rank }),
  fc.record({ act: fc.constant("update" as const), id, guess, dueAtMs, rank: fc.option(rank) }),
  fc.record({ act: fc.constant("remove" as const), id, guess }),
  fc.record({ act: fc.constant("archive" as const), id, guess }),
  fc.record({ act: fc.constant("claim" as const), rank, at: fc.nat(6), limit: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ act: fc.constant("drop" as const), at: fc.nat(6) }),
)

type Step = typeof step extends fc.Arbitrary<infer A> ? A : never

class Model {
  readonly live = new Map<string, Mutable<AggregateStore.Stored>>()
  readonly archived = new Map<string, AggregateStore.Archived>()

  versionOf(id: string): number {
    return this.live.get(id)?.version ?? this.archived.get(id)?.version ?? 0
  }

  /** The one that may be changed by who names this version. */
  at(id: string, version: number): Mutable<AggregateStore.Stored> | undefined {
    const stored = this.live.get(id)
    return stored?.version === version ? stored : undefined
  }
}

/** What the last step wrote, different each time. */
let writes = 0

/** Does the step on both, and compares what they answer. */
const both = (model: Model, kind: string, step: Step): Effect.Effect<void, unknown, AggregateServices> =>
  Effect.gen(function* () {
    const state = { write: ++writes }
    switch (step.act) {
      case "insert": {
        const { act, id, ...due } = step
        const taken = model.versionOf(id) > 0
        const done = yield* Effect.either(change((s) => s.insert(kind, id, { state, ...due })))
        expect(Either.isLeft(done)).toBe(taken)
        if (!taken) model.live.set(id, { kind, id, version: 1, state, ...due })
        return
      }
      case "update": {
        // The right version, or one below it: as often as the generator wants.
        const version = Math.max(0, model.versionOf(step.id) - Math.max(0, step.guess - 2))
        const { dueAtMs } = step
        const next = step.rank === null ? { state, dueAtMs } : { state, dueAtMs, rank: step.rank }
        const stored = model.at(step.id, version)
        const done = yield* Effect.either(change((s) => s.update(kind, step.id, version, next)))
        expect(Either.getOrUndefined(done)).toBe(stored === undefined ? undefined : version + 1)
        if (stored !== undefined) Object.assign(stored, next, { version: version + 1 })
        return
      }
      case "remove": {
        const version = Math.max(0, model.versionOf(step.id) - Math.max(0, step.guess - 2))
        const done = yield* Effect.either(change((s) => s.remove(kind, step.id, version)))
        expect(Either.isRight(done)).toBe(model.at(step.id, version) !== undefined)
        if (Either.isRight(done)) model.live.delete(step.id)
        return
      }
      case "archive": {
        const version = Math.max(0, model.versionOf(step.id) - Math.max(0, step.guess - 2))
        const archivedAtMs = NOW + step.guess
        const done = yield* Effect.either(change((s) => s.archive(kind, step.id, version, state, archivedAtMs)))
        expect(Either.isRight(done)).toBe(model.at(step.id, version) !== undefined)
        if (Either.isLeft(done)) return
        model.live.delete(step.id)
        model.archived.set(step.id, { kind, id: step.id, version: version + 1, state, archivedAtMs })
        return
      }
      case "claim": {
        const nowMs = NOW + step.at
        const due = [...model.live.values()]
          .filter((stored) => stored.rank === step.rank && stored.dueAtMs !== null && stored.dueAtMs <= nowMs)
          .map((stored) => ({ stored, since: stored.dueAtMs ?? 0 }))
          .toSorted((one, other) => one.since - other.since)
        const claimed = yield* change((s) => s.claim(kind, step.rank, { nowMs, untilMs: nowMs + 2, limit: step.limit }))
        expect(claimed.length).toBe(Math.min(step.limit, due.length))
        // Among those that are due since the same moment any may come first.
        const since = claimed.map(({ id }) => due.find(({ stored }) => stored.id === id)?.since)
        expect(since).toEqual(due.slice(0, claimed.length).map((each) => each.since))
        for (const { id, version } of claimed) {
          const stored = model.live.get(id)
          if (stored !== undefined) Object.assign(stored, { version: stored.version + 1, dueAtMs: nowMs + 2 })
          expect(version).toBe(stored?.version)
        }
        return
      }
      case "drop": {
        const over = [...model.archived.values()].filter(({ archivedAtMs }) => archivedAtMs < NOW + step.at)
        expect(yield* change((s) => s.dropArchived(kind, NOW + step.at, 99))).toBe(over.length)
        for (const { id } of over) model.archived.delete(id)
        return
      }
    }
  })

/** Compares all that can be asked. */
const compared = (model: Model, kind: string) =>
  Effect.gen(function* () {
    const sorted = [...model.live.values()].toSorted((one, other) => (one.id < other.id ? -1 : 1))
    expect(yield* ask((s) => s.list(kind, { limit: 99 }))).toEqual(sorted)
    expect(yield* ask((s) => s.count(kind))).toBe(sorted.length)
    for (const id of ids) {
      expect(Option.getOrUndefined(yield* ask((s) => s.get(kind, id)))).toEqual(model.live.get(id))
      expect(Option.getOrUndefined(yield* ask((s) => s.getArchived(kind, id)))).toEqual(model.archived.get(id))
    }
    const due = sorted.flatMap((stored) => stored.dueAtMs ?? [])
    expect(yield* ask((s) => s.nextDueAtMs(kind))).toBe(due.length === 0 ? null : Math.min(...due))
    const backlog = [0, 1].flatMap((rank) => {
      const times = sorted.flatMap((stored) => (stored.rank === rank ? (stored.dueAtMs ?? []) : []))
      const past = times.filter((time) => time <= NOW + 2)
      if (times.length === 0) return []
      const oldestDueAtMs = past.length === 0 ? null : Math.min(...past)
      return [{ rank, due: past.length, later: times.length - past.length, oldestDueAtMs }]
    })
    expect(yield* ask((s) => s.backlog(kind, NOW + 2))).toEqual(backlog)
  })

export const agreesWithModel: Effect.Effect<void, unknown, AggregateServices> = Effect.gen(function* () {
  const runtime = yield* Effect.runtime<AggregateServices>()
  const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
    const model = new Model()
    const kind = freshKind("model/")
    const run = Effect.forEach(steps, (each) => both(model, kind, each), { discard: true })
    await Effect.runPromise(Effect.zipRight(run, compared(model, kind)).pipe(Effect.provide(runtime)))
  })
  yield* Effect.promise(() => fc.assert(property, { seed: 20261120, numRuns: 60 }))
})
