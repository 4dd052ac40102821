/**
 * What commands promise, whatever engine is behind them. Every adapter runs this suite.
 *
 * An adapter that outlives its process also gives `reopened`: a place for data, as a layer that opens it each time that
 * it is built.
 *
 * @example
 * commandSuite("memory", MemoryStore.layer())
 */
import { describe, expect, it } from "@effect/vitest"
import {
  Aggregate,
  AggregateStore,
  Command,
  Idempotency,
  IdempotencyKeyReused,
  UnitOfWork,
} from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Either, Exit, Layer, Option, Schema, type Scope } from "effect"
import { freshKind, NOW } from "./AggregateServices.ts"
import { commandConflicts } from "./CommandConflicts.ts"
import {
  type Bike,
  bikes,
  type CommandServices,
  type CommandTest,
  Retired,
  Rides,
  ride,
  ridesOf,
  stored,
} from "./CommandServices.ts"

type Store = Layer.Layer<CommandServices, unknown>

/** Encoded to text and back, so that an answer that was not decoded would be seen. */
const Total = Schema.NumberFromString

const idempotency = (key: string, metres: number) => ({ key, request: { metres }, answer: Total })

export const commandSuite = (name: string, store: Store, reopened?: Effect.Effect<Store, never, Scope.Scope>): void => {
  const test: CommandTest = (title, body) => it.live(title, () => Effect.provide(body, store), 60_000)

  describe(`commands: ${name}`, () => {
    commandUnits(test)
    commandConflicts(test)

    if (reopened !== undefined) {
      it.scopedLive("[log 3] the same key gives the same answer after a restart, and the command ran once", () =>
        Effect.gen(function* () {
          const place = yield* reopened
          const aggregate = bikes("restarted")
          const command = (metres: number) =>
            Command.execute(aggregate, "b", ride(metres), { idempotency: idempotency("restart", metres) })
          const opened = <A, E>(body: Effect.Effect<A, E, CommandServices>) => Effect.provide(body, Layer.fresh(place))
          expect(yield* opened(command(5))).toBe(5)
          expect(yield* opened(command(5))).toBe(5)
          expect(yield* opened(Effect.flip(command(6)))).toEqual(new IdempotencyKeyReused({ key: "restart" }))
          expect(yield* opened(ridesOf("restarted", "b"))).toEqual([5])
        }),
      )
    }
  })
}

const commandUnits = (test: CommandTest): void => {
  test(
    "[log 1] state, events and answer are written together, and the answer is given",
    Effect.gen(function* () {
      const aggregate = bikes(freshKind("together/"))
      expect(yield* Command.execute(aggregate, "b", ride(5))).toBe(5)
      expect(yield* Command.execute(aggregate, "b", ride(3))).toBe(8)
      expect(yield* stored(aggregate.kind, "b")).toMatchObject({ version: 2, state: { metres: 8 }, dueAtMs: null })
      expect(yield* ridesOf(aggregate.kind, "b")).toEqual([5, 3])
    }),
  )

  test(
    "[log 1] nothing of a command is there when its last part fails, dies or is interrupted",
    Effect.gen(function* () {
      const kind = freshKind("nothing/")
      const whole = bikes(kind)
      const key = `${kind}/key`
      const command = (aggregate: typeof whole) =>
        Command.execute(aggregate, "b", ride(5), { idempotency: idempotency(key, 5) })
      const noJson = { topic: "rides", records: [{ key: "b", payload: 1n }] }
      const broken: ReadonlyArray<typeof whole.records> = [
        () => {
          throw new Error("a bug")
        },
        (events, id) => [...whole.records(events, id), noJson],
      ]
      const ends = [Effect.fail("refused"), Effect.die("a bug"), Effect.interrupt]
      const failing: ReadonlyArray<Effect.Effect<unknown, unknown, CommandServices>> = [
        ...broken.map((records) => command({ ...whole, records })),
        ...ends.map((end) => UnitOfWork.run(Effect.zipRight(command(whole), end))),
      ]
      for (const attempt of failing) {
        expect(Exit.isFailure(yield* Effect.exit(attempt))).toBe(true)
        expect(yield* stored(kind, "b")).toBeUndefined()
        expect(yield* ridesOf(kind, "b")).toEqual([])
      }
      // The key was not used either: another request may have it.
      const other = Command.execute(whole, "b", ride(6), { idempotency: idempotency(`${kind}/key`, 6) })
      expect(yield* other).toBe(6)
    }),
  )

  test(
    "a refusal is the rule's own typed error; it writes nothing, and is not remembered",
    Effect.gen(function* () {
      const aggregate = bikes(freshKind("refused/"))
      const once = idempotency(`${aggregate.kind}/key`, 5)
      const command = (id: string) => Command.execute(aggregate, id, ride(5), { idempotency: once })
      expect(yield* Effect.flip(command("retired"))).toEqual(new Retired({ name: "retired" }))
      expect(yield* stored(aggregate.kind, "retired")).toBeUndefined()
      expect(yield* command("b")).toBe(5)
    }),
  )

  test(
    "[log 3] the same key gives the same answer, also to those who come while the first is running",
    Effect.gen(function* () {
      const aggregate = bikes(freshKind("once/"))
      const once = idempotency(`${aggregate.kind}/key`, 5)
      const command = Command.execute(aggregate, "b", ride(5), { idempotency: once })
      const answers = yield* Effect.all(
        Array.from({ length: 20 }, () => command),
        { concurrency: "unbounded" },
      )
      expect(new Set(answers)).toEqual(new Set([5]))
      yield* Command.execute(aggregate, "b", ride(1))
      expect(yield* command).toBe(5)
      expect(yield* ridesOf(aggregate.kind, "b")).toEqual([5, 1])
    }),
  )

  test(
    "[log 3] the same key with another request is refused, and another key is another command",
    Effect.gen(function* () {
      const aggregate = bikes(freshKind("reused/"))
      const key = `${aggregate.kind}/key`
      const command = (of: string, metres: number) =>
        Command.execute(aggregate, "b", ride(metres), { idempotency: idempotency(of, metres) })
      expect(yield* command(key, 5)).toBe(5)
      expect(yield* Effect.flip(command(key, 6))).toEqual(new IdempotencyKeyReused({ key }))
      expect(yield* command(`${key}2`, 6)).toBe(11)
      expect(yield* ridesOf(aggregate.kind, "b")).toEqual([5, 6])
    }),
  )

  test(
    "an answer is kept as long as was asked for, and forgotten after that",
    Effect.gen(function* () {
      const aggregate = bikes(freshKind("kept/"))
      const command = (name: string, keepFor: number) =>
        Command.execute(aggregate, "b", ride(1), {
          idempotency: { ...idempotency(`${aggregate.kind}/${name}`, 1), keepFor },
        })
      expect(yield* command("kept", 60_000)).toBe(1)
      expect(yield* command("over", 0)).toBe(2)
      expect(yield* command("over", 0)).toBe(3)
      expect(yield* Idempotency.removeExpired(10)).toBe(1)
      expect(yield* Idempotency.removeExpired(10)).toBe(0)
      expect(yield* command("kept", 60_000)).toBe(1)
    }),
  )

  test(
    "the events of a command carry the span that it was given in",
    Effect.gen(function* () {
      const aggregate = bikes(freshKind("traced/"))
      const log = yield* EventLog.EventLog
      yield* Command.execute(aggregate, "b", ride(1))
      const span = yield* Effect.withSpan(
        Effect.zipRight(Command.execute(aggregate, "b", ride(2)), Effect.orDie(Effect.currentSpan)),
        "given here",
      )
      const records = yield* Effect.flatMap(log.partitions(Rides.name), (partitions) =>
        Effect.forEach(partitions, (partition) => log.read(Rides.name, partition, 0, 100_000)),
      )
      const [before, traced] = records.flat().filter(({ key }) => key === `${aggregate.kind}/b`)
      expect(before?.headers).toEqual({})
      expect(traced?.headers["traceparent"]).toMatch(new RegExp(`^00-${span.traceId}-[0-9a-f]{16}-0[01]$`))
    }),
  )

  test(
    "inside another unit of work a command commits with it, and rolls back with it",
    Effect.gen(function* () {
      const aggregate = bikes(freshKind("joined/"))
      const log = yield* EventLog.EventLog
      const topic = `${aggregate.kind}/consumed`
      const consume = (end: Effect.Effect<void, string>) =>
        UnitOfWork.run(
          Effect.gen(function* () {
            yield* Command.execute(aggregate, "b", ride(5))
            yield* log.commit("gear", topic, 0, 0, 1)
            yield* end
          }),
        )
      expect(yield* Effect.flip(consume(Effect.fail("refused")))).toBe("refused")
      expect(yield* stored(aggregate.kind, "b")).toBeUndefined()
      expect(yield* log.committed("gear", topic, 0)).toBe(0)
      yield* consume(Effect.void)
      expect(yield* ridesOf(aggregate.kind, "b")).toEqual([5])
      // Delivered again: the offset has moved, so the command's effect does not happen twice.
      expect(yield* Effect.flip(consume(Effect.void))).toMatchObject({ _tag: "OffsetMoved" })
      expect(yield* ridesOf(aggregate.kind, "b")).toEqual([5])
    }),
  )

  test(
    "a command without an initial state needs an aggregate that is stored; what is archived never changes",
    Effect.gen(function* () {
      const kind = freshKind("lifetime/")
      const aggregate = Aggregate.make({ kind, state: Schema.Struct({ n: Schema.Number }) })
      const add = (id: string) =>
        Command.execute(aggregate, id, ({ n }) => Either.right({ state: { n: n + 1 }, answer: n + 1 }))
      const missing = { aggregate: kind, id: "a", archived: false }
      expect(yield* Effect.flip(add("a"))).toEqual(new Aggregate.AggregateNotFound(missing))
      yield* UnitOfWork.run(Aggregate.insert(aggregate, "a", { n: 1 }))
      expect(yield* add("a")).toBe(2)
      yield* Command.execute(aggregate, "a", ({ n }) =>
        Either.right({ state: { n: -n }, answer: "done", archive: true }),
      )
      expect(yield* Effect.flip(add("a"))).toEqual(new Aggregate.AggregateNotFound({ ...missing, archived: true }))
      const store = yield* AggregateStore.AggregateStore
      expect(Option.getOrUndefined(yield* store.getArchived(kind, "a"))).toMatchObject({ state: { n: -2 }, version: 3 })
    }),
  )

  test(
    "what begins and ends with one command goes straight to the archive",
    Effect.gen(function* () {
      const aggregate = bikes(freshKind("brief/"))
      yield* Command.execute(aggregate, "b", (bike: Bike) =>
        Either.right({ state: { ...bike, metres: 1 }, answer: "done", archive: true }),
      )
      const store = yield* AggregateStore.AggregateStore
      expect(Option.getOrUndefined(yield* store.getArchived(aggregate.kind, "b"))?.state).toMatchObject({ metres: 1 })
      expect(yield* store.count(aggregate.kind)).toBe(0)
    }),
  )

  test(
    "a decision says when it is due; one that does not leaves that as it is",
    Effect.gen(function* () {
      const aggregate = bikes(freshKind("due/"))
      const decide = (due: Aggregate.Due) => (bike: Bike) => Either.right({ state: bike, answer: null, ...due })
      const due = Effect.map(stored(aggregate.kind, "b"), (found) => [found?.dueAtMs, found?.rank])
      yield* Command.execute(aggregate, "b", decide({ dueAtMs: NOW, rank: 2 }))
      expect(yield* due).toEqual([NOW, 2])
      yield* Command.execute(aggregate, "b", ride(1))
      expect(yield* due).toEqual([NOW, 2])
      yield* Command.execute(aggregate, "b", decide({ dueAtMs: null }))
      expect(yield* due).toEqual([null, 2])
    }),
  )

  test(
    "a stored state that is no longer one is a storage error that says where, and nothing is overwritten",
    Effect.gen(function* () {
      const aggregate = bikes(freshKind("corrupt/"))
      const store = yield* AggregateStore.AggregateStore
      yield* UnitOfWork.run(store.insert(aggregate.kind, "b", { state: { name: "" }, dueAtMs: null }))
      const error = yield* Effect.flip(Command.execute(aggregate, "b", ride(1)))
      expect(error).toMatchObject({ _tag: "StorageError", reason: "corrupt" })
      expect(error.message).toContain(`${aggregate.kind} "b"`)
      expect((yield* stored(aggregate.kind, "b"))?.version).toBe(1)
    }),
  )

  test(
    "an answer that can no longer be read is a storage error, not another answer",
    Effect.gen(function* () {
      const aggregate = bikes(freshKind("unreadable/"))
      const key = `${aggregate.kind}/key`
      const asText = { key, request: 1, answer: Schema.String }
      const words = (bike: Bike) => Either.right({ state: bike, answer: "words" })
      yield* Command.execute(aggregate, "b", words, { idempotency: asText })
      const asNumber = { key, request: 1, answer: Schema.Number }
      const error = yield* Effect.flip(Command.execute(aggregate, "b", ride(1), { idempotency: asNumber }))
      expect(error).toMatchObject({ _tag: "StorageError", reason: "corrupt" })
      expect(yield* ridesOf(aggregate.kind, "b")).toEqual([])
    }),
  )

  test(
    "events that do not fit their schema take the whole command with them",
    Effect.gen(function* () {
      const aggregate = bikes(freshKind("misfit/"))
      expect(Exit.isFailure(yield* Effect.exit(Command.execute(aggregate, "b", ride(-1))))).toBe(true)
      expect(yield* stored(aggregate.kind, "b")).toBeUndefined()
      expect(yield* ridesOf(aggregate.kind, "b")).toEqual([])
    }),
  )
}
