/** What the parts of the saga suite share: a small ledger in the store, and an outside world that can be made to fail. */
import { it } from "@effect/vitest"
import { AggregateStore, type StorageError, type UnitOfWork } from "@paceline/core/consistency"
import type { EventLog } from "@paceline/core/messaging"
import { Saga } from "@paceline/core/workflow"
import { Clock, Context, Effect, Fiber, Layer, Option, Random, Schema, type Scope } from "effect"
import { type Bench, observed, pass } from "./DueWorkServices.ts"

type SagaServices = UnitOfWork | AggregateStore.AggregateStore | EventLog.EventLog

/** Each time it is built it must be an empty store. */
export type SagaStore = Layer.Layer<SagaServices, unknown>

export type SagaTest = <A, E>(
  title: string,
  body: Effect.Effect<A, E, SagaServices | World | Bench | Scope.Scope>,
) => void

/** What an attempt of a call does. */
export type Answer =
  /** It takes so long, in milliseconds. */
  | { readonly _tag: "Ok"; readonly millis?: number }
  /** It happens, and the answer is lost. */
  | { readonly _tag: "Lost" }
  /** It does not happen; it may next time. */
  | { readonly _tag: "Down" }
  /** It does not happen, and will not. */
  | { readonly _tag: "Declined" }
  | { readonly _tag: "Broken" }
  /** It takes its worker down, and never comes back. */
  | { readonly _tag: "Kills"; readonly worker: () => void }

class Down extends Schema.TaggedError<Down>()("Down", {}) {
  override get message(): string {
    return "nobody answers"
  }
}

export class Declined extends Schema.TaggedError<Declined>()("Declined", {}) {
  readonly retryable = false
  override get message(): string {
    return "declined"
  }
}

/** The outside: what was asked of it, under which key, and when. */
export class World extends Context.Tag("World")<
  World,
  {
    readonly calls: Array<{ readonly key: string; readonly atMs: number }>
    /** The answers to come for a key's last part, such as `b` or `b/compensate`; after those all is well. */
    readonly script: Map<string, Array<Answer>>
    /** What has happened there. */
    readonly happened: Array<string>
  }
>() {}

const worldLayer = Layer.sync(World, () => ({ calls: [], script: new Map(), happened: [] }))

/** The part of a key after the saga's id. */
const partOf = (key: string): string => key.split("/").slice(3).join("/")

const callWorld = (key: string) =>
  Effect.gen(function* () {
    const world = yield* World
    world.calls.push({ key, atMs: yield* Clock.currentTimeMillis })
    const part = partOf(key)
    const answer = world.script.get(part)?.shift() ?? { _tag: "Ok" }
    if (answer._tag === "Down") return yield* new Down()
    if (answer._tag === "Declined") return yield* new Declined()
    if (answer._tag === "Broken") return yield* Effect.die(new Error("a mistake"))
    if (answer._tag === "Kills") {
      answer.worker()
      return yield* Effect.never
    }
    world.happened.push(part)
    if (answer._tag === "Lost") return yield* new Down()
    if (answer.millis !== undefined) yield* Effect.sleep(answer.millis)
    return part
  })

export const script = (part: string, ...answers: ReadonlyArray<Answer>) =>
  Effect.map(World, (world) => {
    world.script.set(part, [...answers])
  })

export const happened = Effect.map(World, (world) => world.happened)
export const keysCalled = Effect.map(World, (world) => world.calls.map(({ key }) => key))

const LEDGER = "saga-ledger"
const Lines = Schema.Array(Schema.String)

/** Writes a line into the ledger, in the unit that is running. */
export const write = (ledger: string, line: string) =>
  Effect.gen(function* () {
    const store = yield* AggregateStore.AggregateStore
    const before = yield* store.get(LEDGER, ledger)
    if (Option.isNone(before)) return yield* store.insert(LEDGER, ledger, { state: [line], dueAtMs: null })
    const lines = Schema.decodeUnknownSync(Lines)(before.value.state)
    yield* store.update(LEDGER, ledger, before.value.version, { state: [...lines, line], dueAtMs: null })
  })

export const ledger = (
  name: string,
): Effect.Effect<ReadonlyArray<string>, StorageError, AggregateStore.AggregateStore> =>
  Effect.flatMap(AggregateStore.AggregateStore, (store) =>
    Effect.map(store.get(LEDGER, name), (found) =>
      Option.isNone(found) ? [] : Schema.decodeUnknownSync(Lines)(found.value.state),
    ),
  )

let names = 0
/** A saga's name that no other test uses. */
export const freshName = (name: string): string => `${name}${++names}`

/** A transactional step, a call, and a transactional step: each tells what it did, and undoes it. */
export const threeSteps = (
  name: string,
  given: { readonly attempts?: number; readonly timeoutMillis?: number; readonly version?: number } = {},
) => {
  const retry = { attempts: given.attempts ?? 3 }
  return Saga.make({
    name,
    input: Schema.Struct({ order: Schema.Int }),
    version: given.version ?? 1,
    events: Saga.toLog,
    steps: (saga) =>
      saga
        .transaction("a", {
          result: Schema.Struct({ seat: Schema.Int }),
          retry,
          run: ({ order }) => Effect.as(write(name, "a"), { seat: order + 1 }),
          compensate: (_, { a }) => write(name, `undo a ${a.seat}`),
        })
        .call("b", {
          result: Schema.String,
          retry,
          compensationRetry: retry,
          timeoutMillis: given.timeoutMillis ?? 30_000,
          run: (_, { a }, { key }) => Effect.map(callWorld(key), (part) => `${part} ${a.seat}`),
          compensate: (_, __, { key }) => callWorld(key),
        })
        .transaction("c", {
          result: Schema.Date,
          retry,
          run: (_, { a, b }, { attempt, id }) =>
            Effect.gen(function* () {
              yield* write(name, `c ${a.seat} ${b}`)
              if (id.startsWith("refused")) return yield* new Declined()
              if (id.startsWith("flaky") && attempt < 3) return yield* new Down()
              return new Date(7)
            }),
          compensate: () => write(name, "undo c"),
        }),
  })
}

/** Waits for something while time passes: an engine may answer later than a fixed span of the test's time. */
export const whileTimePasses = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Bench> =>
  Effect.gen(function* () {
    const waiting = yield* Effect.fork(effect)
    while (Option.isNone(yield* Fiber.poll(waiting))) yield* pass(500, 500)
    return yield* Fiber.join(waiting)
  })

/** On the test clock, each with a store and a world of its own. */
export const testsOn =
  (store: SagaStore): SagaTest =>
  (title, body) =>
    it.scoped(
      title,
      () =>
        Effect.gen(function* () {
          const services = yield* Layer.build(store)
          const watched = yield* observed(Layer.succeedContext(services))
          const world = yield* Layer.build(worldLayer)
          return yield* Effect.provide(body, Context.mergeAll(services, watched, world))
        }).pipe(Effect.withRandom(Random.make(title))),
      60_000,
    )
