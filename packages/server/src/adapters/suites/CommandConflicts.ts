/** The part of the command suite that tells what becomes of writes that were overtaken. */
import { expect } from "@effect/vitest"
import { Command, ConflictUnresolved, Superseded, VersionConflict } from "@paceline/core/consistency"
import { Conflict, LogicalTime } from "@paceline/core/kernel"
import { Effect, Schema } from "effect"
import { freshKind } from "./AggregateServices.ts"
import { type Bike, bikes, type CommandTest, edit, readingLate, ride, ridesOf, stored } from "./CommandServices.ts"

const stamp = (wallMs: number) => LogicalTime.format({ wallMs, counter: 0, node: "phone" })

/** What a client saw at version 1, before somebody else wrote version 2. */
const seenState: Bike = { name: "b", metres: 10, tags: ["old"] }
const seen = { version: 1, state: seenState }

/** A bike that two people have open: one has changed it already. */
const overtaken = (strategy: Conflict.Strategy<"name" | "metres" | "tags" | "at"> | undefined, theirs: Partial<Bike>) =>
  Effect.gen(function* () {
    const aggregate = bikes(freshKind("overtaken/"), strategy)
    yield* Command.execute(aggregate, "b", edit(seenState))
    yield* Command.execute(aggregate, "b", edit(theirs))
    return aggregate
  })

export const commandConflicts = (test: CommandTest): void => {
  test(
    "[log 2] a command that was overtaken is decided again on what is stored then, up to 5 times in all",
    Effect.gen(function* () {
      const aggregate = bikes(freshKind("again/"))
      yield* Command.execute(aggregate, "b", ride(1))
      const before = yield* stored(aggregate.kind, "b")
      yield* Command.execute(aggregate, "b", ride(2))
      if (before === undefined) throw new Error("nothing was stored")
      let asked = 0
      const counted = Command.execute(aggregate, "b", (bike: Bike, nowMs) => {
        asked++
        return ride(4)(bike, nowMs)
      })
      expect(yield* readingLate(4, before, counted)).toBe(7)
      expect(asked).toBe(5)
      expect((yield* ridesOf(aggregate.kind, "b")).toSorted()).toEqual([1, 2, 4])
    }),
  )

  test(
    "[log 2] after that both values go to the user, with the fields that differ, and nothing is written",
    Effect.gen(function* () {
      const aggregate = bikes(freshKind("unresolved/"))
      yield* Command.execute(aggregate, "b", ride(1))
      const before = yield* stored(aggregate.kind, "b")
      yield* Command.execute(aggregate, "b", edit({ metres: 9, name: "renamed" }))
      if (before === undefined) throw new Error("nothing was stored")
      const error = yield* Effect.flip(readingLate(5, before, Command.execute(aggregate, "b", ride(4))))
      expect(error).toBeInstanceOf(ConflictUnresolved)
      expect(error).toMatchObject({
        aggregate: aggregate.kind,
        id: "b",
        expectedVersion: 1,
        actualVersion: 2,
        mine: { name: "b", metres: 5 },
        theirs: { name: "renamed", metres: 9 },
        fields: [
          { path: ["name"], base: "b", mine: "b", theirs: "renamed" },
          { path: ["metres"], base: 1, mine: 5, theirs: 9 },
        ],
      })
      expect(yield* ridesOf(aggregate.kind, "b")).toEqual([1])
      expect((yield* stored(aggregate.kind, "b"))?.version).toBe(2)
    }),
  )

  test(
    "[log 2] no command is lost among many that change the same one at the same time",
    Effect.gen(function* () {
      const aggregate = bikes(freshKind("crowd/"))
      const amounts = Array.from({ length: 12 }, (_, i) => i + 1)
      yield* Effect.forEach(amounts, (metres) => Command.execute(aggregate, "b", ride(metres), { attempts: 100 }), {
        concurrency: "unbounded",
      })
      expect(yield* stored(aggregate.kind, "b")).toMatchObject({ version: 12, state: { metres: 78 } })
      expect((yield* ridesOf(aggregate.kind, "b")).toSorted((one, other) => one - other)).toEqual(amounts)
    }),
  )

  test(
    "who saw the version that is stored is not in conflict, whatever the strategy",
    Effect.gen(function* () {
      for (const strategy of [Conflict.reject, Conflict.ask, Conflict.merge()]) {
        const aggregate = yield* overtaken(strategy, { metres: 20 })
        const current = { version: 2, state: { ...seenState, metres: 20 } }
        expect(yield* Command.execute(aggregate, "b", edit({ name: "mine" }), { seen: current })).toBe("edited")
        expect(yield* stored(aggregate.kind, "b")).toMatchObject({ version: 3, state: { name: "mine", metres: 20 } })
      }
    }),
  )

  test(
    "[log 2] reject: who saw an older version is refused with both versions, and this is the default",
    Effect.gen(function* () {
      for (const strategy of [undefined, Conflict.reject]) {
        const aggregate = yield* overtaken(strategy, { metres: 20 })
        const error = yield* Effect.flip(Command.execute(aggregate, "b", edit({ name: "mine" }), { seen }))
        const conflict = { aggregate: aggregate.kind, id: "b", expectedVersion: 1, actualVersion: 2 }
        expect(error).toEqual(new VersionConflict(conflict))
        expect((yield* stored(aggregate.kind, "b"))?.version).toBe(2)
      }
    }),
  )

  test(
    "retry: the command is decided on what is stored now",
    Effect.gen(function* () {
      const aggregate = yield* overtaken(Conflict.retry, { metres: 20 })
      expect(yield* Command.execute(aggregate, "b", ride(5), { seen })).toBe(25)
    }),
  )

  test(
    "merge: what different people changed in different fields is brought together, by the rules of each field",
    Effect.gen(function* () {
      const rules = Conflict.merge<"metres" | "tags">({ metres: "sum", tags: "union" })
      const aggregate = yield* overtaken(rules, { metres: 30, name: "theirs", tags: ["old", "theirs"] })
      const mine = edit({ metres: 11, tags: ["mine"] })
      expect(yield* Command.execute(aggregate, "b", mine, { seen })).toBe("edited")
      const state = { name: "theirs", metres: 31, tags: ["theirs", "mine"] }
      expect(yield* stored(aggregate.kind, "b")).toMatchObject({ version: 3, state })
    }),
  )

  test(
    "merge: what both changed goes to the user with both values, and what is sent on can be read again",
    Effect.gen(function* () {
      const aggregate = yield* overtaken(Conflict.merge(), { metres: 30, name: "theirs" })
      const mine = edit({ name: "mine", tags: ["mine"] })
      const error = yield* Effect.flip(Command.execute(aggregate, "b", mine, { seen }))
      expect(error).toMatchObject({
        expectedVersion: 1,
        actualVersion: 2,
        mine: { name: "mine", metres: 10, tags: ["mine"] },
        theirs: { name: "theirs", metres: 30, tags: ["old"] },
        fields: [{ path: ["name"], base: "b", mine: "mine", theirs: "theirs" }],
      })
      if (!(error instanceof ConflictUnresolved)) throw error
      const sent = JSON.stringify(Schema.encodeSync(ConflictUnresolved)(error))
      const received = Schema.decodeUnknownSync(ConflictUnresolved)(JSON.parse(sent))
      expect(received.message).toBe(error.message)
      expect(received.fields).toEqual(error.fields)
      // The user insists, as one who has seen what is stored.
      yield* Command.execute(aggregate, "b", mine, { seen: { version: received.actualVersion } })
      expect((yield* stored(aggregate.kind, "b"))?.state).toMatchObject({ name: "mine", metres: 30, tags: ["mine"] })
    }),
  )

  test(
    "merge: fields that fit one by one, but make no valid whole, go to the user",
    Effect.gen(function* () {
      const aggregate = yield* overtaken(Conflict.merge(), { name: "racer" })
      const error = yield* Effect.flip(Command.execute(aggregate, "b", edit({ tags: ["heavy"] }), { seen }))
      expect(error).toBeInstanceOf(ConflictUnresolved)
      expect((yield* stored(aggregate.kind, "b"))?.version).toBe(2)
    }),
  )

  test(
    "merge: without the state that the client saw, the user decides about all that the command would change",
    Effect.gen(function* () {
      const aggregate = yield* overtaken(Conflict.merge(), { metres: 30 })
      const command = Command.execute(aggregate, "b", edit({ name: "mine" }), { seen: { version: 1 } })
      expect(yield* Effect.flip(command)).toMatchObject({
        _tag: "ConflictUnresolved",
        fields: [{ path: ["name"], mine: "mine", theirs: "b" }],
      })
    }),
  )

  test(
    "ask: both values go to the user, also when they could be merged",
    Effect.gen(function* () {
      const aggregate = yield* overtaken(Conflict.ask, { metres: 30 })
      const error = yield* Effect.flip(Command.execute(aggregate, "b", edit({ name: "mine" }), { seen }))
      expect(error).toMatchObject({ _tag: "ConflictUnresolved", fields: [{ path: ["name"] }, { path: ["metres"] }] })
    }),
  )

  test(
    "last write wins: by logical time, not by which came last",
    Effect.gen(function* () {
      const aggregate = yield* overtaken(Conflict.lastWriteWins("at"), { name: "theirs", at: stamp(50) })
      const write = (name: string, wallMs: number) =>
        Command.execute(aggregate, "b", edit({ name, at: stamp(wallMs) }), { seen })
      expect(yield* Effect.flip(write("earlier", 49))).toEqual(
        new Superseded({ aggregate: aggregate.kind, id: "b", actualVersion: 2 }),
      )
      expect((yield* stored(aggregate.kind, "b"))?.state).toMatchObject({ name: "theirs" })
      expect(yield* write("later", 51)).toBe("edited")
      expect((yield* stored(aggregate.kind, "b"))?.state).toMatchObject({ name: "later" })
    }),
  )
}
