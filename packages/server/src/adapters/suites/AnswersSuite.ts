/**
 * What the store of idempotent answers promises, whatever engine is behind it. Every adapter runs this suite.
 *
 * An adapter that outlives its process also gives `reopened`: a place for data, as a layer that opens it each time that
 * it is built.
 *
 * @example
 * answersSuite("memory", MemoryStore.layer())
 */
import { describe, expect, it } from "@effect/vitest"
import {
  Answers,
  IdempotencyKeyReused,
  type StorageError,
  type Transaction,
  UnitOfWork,
} from "@paceline/core/consistency"
import { Effect, Layer, Option, type Scope } from "effect"

type Store = Layer.Layer<UnitOfWork | Answers, unknown>

const NOW = 1_800_000_000_000
const LATER = NOW + 86_400_000
const times = { nowMs: NOW, expiresAtMs: LATER }

/** One command: what was answered before, or `answer`, which `body` earns. */
const once = <E = never>(
  key: string,
  fingerprint: string,
  answer: unknown,
  body: Effect.Effect<void, E, Transaction> = Effect.void,
  at = times,
): Effect.Effect<unknown, E | StorageError | IdempotencyKeyReused, UnitOfWork | Answers> =>
  UnitOfWork.run(
    Effect.gen(function* () {
      const answers = yield* Answers
      const before = yield* answers.take(key, fingerprint, at)
      if (Option.isSome(before)) return before.value
      yield* body
      yield* answers.put(key, answer)
      return answer
    }),
  )

const taken = (key: string, fingerprint: string, nowMs = NOW) =>
  UnitOfWork.run(
    Effect.flatMap(Answers, (answers) => answers.take(key, fingerprint, { nowMs, expiresAtMs: nowMs + 1000 })),
  )

const removeExpired = (nowMs: number, limit: number) =>
  UnitOfWork.run(Effect.flatMap(Answers, (answers) => answers.removeExpired(nowMs, limit)))

export const answersSuite = (name: string, store: Store, reopened?: Effect.Effect<Store, never, Scope.Scope>): void => {
  const test = <A, E>(title: string, body: Effect.Effect<A, E, UnitOfWork | Answers>) =>
    it.live(title, () => Effect.provide(body, store))

  describe(`answers: ${name}`, () => {
    test(
      "[log 3] the same key gives the same answer, and the work is done once",
      Effect.gen(function* () {
        let done = 0
        const work = Effect.sync(() => void done++)
        const answer = { text: "ÿ\u0000\u2028🚴", list: [1, -0.5, 1e21, null], nested: { yes: true } }
        expect(yield* once("same/1", "f", answer, work)).toEqual(answer)
        expect(yield* once("same/1", "f", "another", work)).toEqual(answer)
        expect(yield* once("same/2", "f", "another", work)).toBe("another")
        expect(done).toBe(2)
      }),
    )

    test(
      "[log 3] an answer that is nothing is an answer",
      Effect.gen(function* () {
        for (const answer of [null, false, 0, ""]) {
          const key = `nothing/${String(answer)}`
          yield* once(key, "f", answer)
          expect(yield* taken(key, "f")).toEqual(Option.some(answer))
        }
      }),
    )

    test(
      "[log 3] the same key with another request is refused, and keeps its answer",
      Effect.gen(function* () {
        yield* once("reused", "f", 1)
        expect(yield* Effect.flip(once("reused", "g", 2))).toEqual(new IdempotencyKeyReused({ key: "reused" }))
        expect(yield* once("reused", "f", 3)).toBe(1)
      }),
    )

    test(
      "[log 3] of many that come with one key at the same time one works, and all get its answer",
      Effect.gen(function* () {
        const worked: Array<number> = []
        const answers = yield* Effect.forEach(
          Array.from({ length: 30 }, (_, i) => i),
          (i) =>
            once(
              "crowd",
              "f",
              i,
              Effect.sync(() => void worked.push(i)),
            ),
          { concurrency: "unbounded" },
        )
        expect(new Set(answers).size).toBe(1)
        expect(worked).toContain(answers[0])
        expect(worked.length).toBe(1)
      }),
    )

    test(
      "[log 3] of many with one key and different requests one kind is answered, the others are refused",
      Effect.gen(function* () {
        const outcomes = yield* Effect.forEach(
          Array.from({ length: 30 }, (_, i) => i % 3),
          (request) => Effect.either(once("crowd of requests", `f${request}`, request)),
          { concurrency: "unbounded" },
        )
        const answered = outcomes.flatMap((outcome) => (outcome._tag === "Right" ? [outcome.right] : []))
        const refused = outcomes.flatMap((outcome) => (outcome._tag === "Left" ? [outcome.left] : []))
        expect(new Set(answered).size).toBe(1)
        expect(answered.length).toBe(10)
        for (const error of refused) expect(error).toEqual(new IdempotencyKeyReused({ key: "crowd of requests" }))
      }),
    )

    test(
      "[log 1] a unit that fails leaves its key as if it had never been used",
      Effect.gen(function* () {
        const failed = once("failed", "f", 1, Effect.fail("refused"))
        expect(yield* Effect.flip(failed)).toBe("refused")
        const late = UnitOfWork.run(Effect.zipRight(once("failed", "f", 1), Effect.fail("late")))
        expect(yield* Effect.flip(late)).toBe("late")
        expect(yield* once("failed", "another", 2)).toBe(2)
      }),
    )

    test(
      "those who waited for one that failed do the work, one of them",
      Effect.gen(function* () {
        let attempts = 0
        const work = Effect.suspend(() => (attempts++ < 3 ? Effect.fail("refused") : Effect.void))
        const outcomes = yield* Effect.forEach(
          Array.from({ length: 20 }, (_, i) => i),
          (i) => Effect.either(once("unlucky", "f", i, work)),
          { concurrency: "unbounded" },
        )
        const answered = outcomes.flatMap((outcome) => (outcome._tag === "Right" ? [outcome.right] : []))
        expect(answered.length).toBe(17)
        expect(new Set(answered).size).toBe(1)
        expect(attempts).toBe(4)
      }),
    )

    test(
      "a unit inside a unit that fails gives its key back alone",
      Effect.gen(function* () {
        yield* UnitOfWork.run(
          Effect.gen(function* () {
            yield* once("outer", "f", 1)
            yield* Effect.ignore(once("inner", "f", 2, Effect.fail("refused")))
            expect(yield* once("inner", "another", 3)).toBe(3)
            expect(yield* once("outer", "f", 4)).toBe(1)
          }),
        )
        expect(yield* once("outer", "f", 5)).toBe(1)
        expect(yield* once("inner", "another", 6)).toBe(3)
      }),
    )

    test(
      "a key that was taken without an answer is free when its unit has ended",
      Effect.gen(function* () {
        expect(yield* taken("unanswered", "f")).toEqual(Option.none())
        expect(yield* taken("unanswered", "another")).toEqual(Option.none())
        expect(yield* once("unanswered", "third", 1)).toBe(1)
      }),
    )

    test(
      "an answer is kept until its time is over, and not at that time",
      Effect.gen(function* () {
        yield* once("expiring", "f", 1)
        expect(yield* once("expiring", "f", 2, Effect.void, { nowMs: LATER - 1, expiresAtMs: LATER + 9 })).toBe(1)
        expect(yield* once("expiring", "another", 3, Effect.void, { nowMs: LATER, expiresAtMs: LATER + 9 })).toBe(3)
        expect(yield* taken("expiring", "another", LATER + 8)).toEqual(Option.some(3))
        expect(yield* taken("expiring", "f", LATER + 9)).toEqual(Option.none())
      }),
    )

    test(
      "forgets what is over, as many as asked for, and nothing else",
      Effect.gen(function* () {
        // Before all that the other tests stored, in case they share a database.
        const at = (i: number) => ({ nowMs: 1000, expiresAtMs: 2000 + i })
        for (let i = 0; i < 5; i++) yield* once(`over/${i}`, "f", i, Effect.void, at(i))
        expect(yield* removeExpired(1999, 10)).toBe(0)
        expect(yield* removeExpired(2003, 3)).toBe(3)
        expect(yield* removeExpired(2003, 3)).toBe(1)
        expect(yield* removeExpired(2003, 3)).toBe(0)
        expect(yield* taken("over/4", "f", 2003)).toEqual(Option.some(4))
      }),
    )

    if (reopened !== undefined) {
      it.scopedLive("[log 3] gives the same answer after a restart, and refuses the same", () =>
        Effect.gen(function* () {
          const place = yield* reopened
          yield* Effect.provide(once("restart", "f", { n: 1 }), Layer.fresh(place))
          yield* Effect.gen(function* () {
            expect(yield* once("restart", "f", { n: 2 })).toEqual({ n: 1 })
            expect(yield* Effect.flip(once("restart", "g", { n: 3 }))).toBeInstanceOf(IdempotencyKeyReused)
          }).pipe(Effect.provide(Layer.fresh(place)))
        }),
      )
    }
  })
}
