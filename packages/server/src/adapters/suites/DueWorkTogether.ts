/** The part of the due work suite that tells of units of work that claims share. */
import { expect } from "@effect/vitest"
import { StorageError, UnitOfWork } from "@paceline/core/consistency"
import { DueWork } from "@paceline/core/messaging"
import { type Context, Deferred, Effect, Either, Exit } from "effect"
import { ask, type DueWorkTest, find, freshKind, pass, put } from "./DueWorkServices.ts"

type Work = Context.Tag.Service<typeof UnitOfWork>

/** A unit of work that counts, and fails as a test says. */
const counted = (trouble: (nth: number) => StorageError | undefined = () => undefined) =>
  Effect.map(UnitOfWork, (work) => {
    let units = 0
    const service: Work = {
      run: (body) =>
        Effect.suspend(() => {
          const failure = trouble(++units)
          return failure === undefined ? work.run(body) : Effect.fail(failure)
        }),
    }
    return { service, units: () => units }
  })

/** Claims all, and lets each handler settle when all have been claimed. */
const together = (
  kind: string,
  work: Work,
  count: number,
  settle: (claim: DueWork.Claim) => Effect.Effect<void, unknown>,
) =>
  Effect.gen(function* () {
    const go = yield* Deferred.make<void>()
    let there = 0
    yield* Effect.fork(
      Effect.provideService(
        DueWork.run({
          kind,
          concurrency: count,
          handle: (claim) =>
            Effect.suspend(() => {
              there++
              return Effect.zipRight(Deferred.await(go), settle(claim))
            }),
        }),
        UnitOfWork,
        work,
      ),
    )
    yield* pass(100)
    expect(there).toBe(count)
    return go
  })

export const dueWorkTogether = (test: DueWorkTest): void => {
  const ids = Array.from({ length: 30 }, (_, i) => `${i}`)

  test(
    "what many settle at the same moment is stored in one unit of work, each with its own answer",
    Effect.gen(function* () {
      const kind = freshKind("together")
      yield* put(kind, ids)
      const { service, units } = yield* counted()
      const answers: Array<string> = []
      const go = yield* together(kind, service, ids.length, (claim) =>
        Effect.map(
          claim.settleTogether((change) => Effect.as(change.archive({ by: claim.id }, 0), claim.id)),
          (answer) => answers.push(answer),
        ),
      )
      const before = units()
      yield* Deferred.succeed(go, undefined)
      yield* pass(100)
      // And the loop looks for more.
      expect(units() - before).toBeLessThan(6)
      expect(answers.toSorted()).toEqual(ids.toSorted())
      const archived = yield* ask((s) => s.listArchived(kind, { limit: 99 }))
      expect(archived.map(({ id, state }) => [id, state])).toEqual(ids.toSorted().map((id) => [id, { by: id }]))
    }),
  )

  test(
    "one that fails, dies or has lost its claim does so alone, and nothing of it is stored",
    Effect.gen(function* () {
      const kind = freshKind("blame")
      yield* put(kind, ids)
      const { service } = yield* counted()
      const exits = new Map<string, Exit.Exit<unknown, unknown>>()
      const go = yield* together(kind, service, ids.length, (claim) =>
        Effect.map(
          Effect.exit(
            claim.settleTogether((change) =>
              Effect.zipRight(
                change.archive({ by: claim.id }, 0),
                claim.id === "3" ? Effect.fail("mine") : claim.id === "4" ? Effect.die("mine too") : Effect.void,
              ),
            ),
          ),
          (exit) => exits.set(claim.id, exit),
        ),
      )
      const stolen = yield* find(kind, "5")
      yield* UnitOfWork.run(ask((s) => s.update(kind, "5", stolen?.version ?? 0, { state: "theirs", dueAtMs: null })))
      yield* Deferred.succeed(go, undefined)
      yield* pass(100)
      expect(exits.get("3")).toEqual(Exit.fail("mine"))
      expect(exits.get("4")).toEqual(Exit.die("mine too"))
      expect(exits.get("5")).toEqual(Exit.fail(new DueWork.ClaimLost({ kind, id: "5" })))
      expect([...exits.values()].filter(Exit.isSuccess).length).toBe(ids.length - 3)
      expect((yield* ask((s) => s.listArchived(kind, { limit: 99 }))).length).toBe(ids.length - 3)
      expect((yield* find(kind, "5"))?.state).toBe("theirs")
    }),
  )

  test(
    "the store's trouble is told to all of them at once, and each may try again",
    Effect.gen(function* () {
      const kind = freshKind("trouble")
      yield* put(kind, ids)
      const full = new StorageError({ reason: "full", message: "full" })
      let isFull = false
      const { service, units } = yield* counted(() => (isFull ? full : undefined))
      const failures: Array<unknown> = []
      const go = yield* together(kind, service, ids.length, (claim) => {
        const settled = Effect.either(claim.settleTogether((change) => change.archive({}, 0)))
        return Effect.flatMap(settled, (first) => {
          if (Either.isLeft(first)) failures.push(first.left)
          isFull = false
          return Effect.asVoid(settled)
        })
      })
      isFull = true
      const before = units()
      yield* Deferred.succeed(go, undefined)
      yield* pass(100)
      expect(failures).toEqual(ids.map(() => full))
      expect(units() - before).toBeLessThan(6)
      expect((yield* ask((s) => s.listArchived(kind, { limit: 99 }))).length).toBe(ids.length)
    }),
  )
}
