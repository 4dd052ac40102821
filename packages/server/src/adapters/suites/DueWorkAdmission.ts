/** The part of the due work suite that tells of places for what is new: it is in hand at once, and overtakes nobody. */
import { expect } from "@effect/vitest"
import { AggregateStore, UnitOfWork } from "@paceline/core/consistency"
import { DueWork } from "@paceline/core/messaging"
import { type Context, Deferred, Effect, Fiber } from "effect"
import { ask, type DueWorkTest, freshKind, pass, put } from "./DueWorkServices.ts"

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

export const dueWorkAdmission = (test: DueWorkTest): void => {
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
    "[log 26] what comes while a claim is under way does not get the places that are being claimed",
    Effect.gen(function* () {
      const kind = freshKind("room")
      const admission = DueWork.makeAdmission()
      const store = yield* AggregateStore.AggregateStore
      const work = yield* UnitOfWork
      let whileClaiming = (): void => {}
      const watched: Context.Tag.Service<typeof UnitOfWork> = {
        run: (body) =>
          Effect.zipRight(
            Effect.sync(() => whileClaiming()),
            work.run(body),
          ),
      }
      const handled: Array<string> = []
      yield* Effect.fork(
        Effect.provideService(
          DueWork.run({
            kind,
            concurrency: 2,
            admission,
            drainMillis: 0,
            handle: (claim) =>
              Effect.zipRight(
                Effect.sync(() => handled.push(claim.id)),
                Effect.never,
              ),
          }),
          UnitOfWork,
          watched,
        ),
      )
      yield* pass(1_000)
      const asked: Array<DueWork.Place | undefined> = []
      whileClaiming = () => asked.push(admission.place(store, watched))
      yield* put(kind, ["a", "b", "c"])
      yield* pass(1_000)
      expect(handled.length).toBe(2)
      expect(asked.length).toBeGreaterThan(0)
      expect(asked.filter((place) => place !== undefined)).toEqual([])
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
