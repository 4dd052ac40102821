/** The part of the due work suite that tells of what is shared: units of work, and places for what is new. */
import { expect } from "@effect/vitest"
import { AggregateStore, StorageError, UnitOfWork } from "@paceline/core/consistency"
import { DueWork } from "@paceline/core/messaging"
import { type Context, Deferred, Effect, Either, Exit, Fiber } from "effect"
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
  sharing(test)
  admitting(test)
}

const sharing = (test: DueWorkTest): void => {
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

/** A loop with so many places whose handlers hold what they have until they are let go. */
const holding = (kind: string, concurrency: number, drainMillis = 0) =>
  Effect.gen(function* () {
    const admission = DueWork.makeAdmission()
    const started: Array<string> = []
    const ended: Array<string> = []
    const go = yield* Deferred.make<void>()
    const loop = yield* Effect.fork(
      DueWork.run({
        kind,
        concurrency,
        admission,
        drainMillis,
        ended: (id) => ended.push(id),
        handle: (claim) =>
          Effect.suspend(() => {
            started.push(claim.id)
            return Effect.zipRight(
              Deferred.await(go),
              claim.settle((change) => change.archive({}, 0)),
            )
          }),
      }),
    )
    yield* pass(100)
    const store = yield* AggregateStore.AggregateStore
    const work = yield* UnitOfWork
    const place = () => admission.place(store, work)
    /** Puts it into the store as claimed, and takes the place. */
    const start = (id: string, given: DueWork.Place) =>
      Effect.gen(function* () {
        const dueAtMs = given.lease.untilMs
        yield* given.units.join(store.insert(kind, id, { state: { id }, dueAtMs }))
        given.take({ kind, id, version: 1, state: { id }, dueAtMs, rank: 0 })
        yield* pass(0)
      })
    return { admission, ended, go, loop, place, start, started, store, work }
  })

const given = (place: DueWork.Place | undefined): DueWork.Place => {
  if (place === undefined) throw new Error("No place was given")
  return place
}

const admitting = (test: DueWorkTest): void => {
  test(
    "what is new is in hand at once where there is room, and never more than that",
    Effect.gen(function* () {
      const kind = freshKind("admitted")
      const { admission, ended, go, place, start, started, store } = yield* holding(kind, 2)
      const [one, two] = [given(place()), given(place())]
      expect(place()).toBeUndefined()
      two.giveUp()
      two.giveUp()
      // Somebody asked in vain: whoever else comes waits until a look has shown that nothing that is due waits.
      expect(place()).toBeUndefined()
      yield* start("a", one)
      expect(started).toEqual(["a"])
      expect([admission.holds(store, "a"), admission.holds(store, "b")]).toEqual([true, false])
      yield* pass(2_000)
      yield* start("b", given(place()))
      expect(place()).toBeUndefined()
      yield* Deferred.succeed(go, undefined)
      yield* pass(1_000)
      expect(ended.toSorted()).toEqual(["a", "b"])
      expect(admission.holds(store, "a")).toBe(false)
      expect((yield* ask((s) => s.listArchived(kind, { limit: 9 }))).map(({ id }) => id)).toEqual(["a", "b"])
    }),
  )

  test(
    "nobody new overtakes what is due and waits for a place",
    Effect.gen(function* () {
      const kind = freshKind("fair")
      yield* put(kind, ["1", "2", "3"], 0)
      const { go, place, started } = yield* holding(kind, 2)
      expect(started.length).toBe(2)
      expect(place()).toBeUndefined()
      yield* Deferred.succeed(go, undefined)
      yield* pass(2_000)
      expect(started.toSorted()).toEqual(["1", "2", "3"])
      expect(place()).toBeDefined()
    }),
  )

  test(
    "what was put there with a place is nobody else's, also when its holder dies, until its lease is over",
    Effect.gen(function* () {
      const kind = freshKind("leased")
      const { place, store } = yield* holding(kind, 1)
      const { lease } = given(place())
      // It dies between the commit and taking the place.
      yield* UnitOfWork.run(store.insert(kind, "a", { state: { id: "a" }, dueAtMs: lease.untilMs }))
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
      yield* pass(29_000, 1_000)
      expect(handled).toEqual([])
      yield* pass(3_000, 1_000)
      expect(handled.length).toBe(1)
      expect(handled[0]).toBeGreaterThanOrEqual(lease.untilMs)
    }),
  )

  test(
    "gives no place for another store or another unit of work, and none when it is shut down",
    Effect.gen(function* () {
      const kind = freshKind("doors")
      const { admission, loop, place, store, work } = yield* holding(kind, 2, 1_000)
      expect(admission.place({ ...store }, work)).toBeUndefined()
      expect(admission.place(store, { run: work.run })).toBeUndefined()
      const late = given(place())
      const end = yield* Effect.fork(Fiber.interrupt(loop))
      yield* pass(500)
      expect(place()).toBeUndefined()
      expect(yield* Fiber.poll(end)).toEqual(expect.objectContaining({ _tag: "None" }))
      late.giveUp()
      yield* pass(500)
      yield* Fiber.join(end)
    }),
  )

  test(
    "what comes to hand while it is shut down is given back, due at once",
    Effect.gen(function* () {
      const kind = freshKind("late")
      const { loop, place, start, store } = yield* holding(kind, 2, 1_000)
      const late = given(place())
      const end = yield* Effect.fork(Fiber.interrupt(loop))
      yield* pass(3_000)
      yield* start("a", late)
      yield* pass(1_000)
      yield* Fiber.join(end)
      const nowMs = yield* DueWork.now
      const left = yield* UnitOfWork.run(store.claim(kind, 0, { nowMs, untilMs: nowMs + 1, limit: 9 }))
      expect(left.map(({ id }) => id)).toEqual(["a"])
    }),
  )
}
