/** What the parts of the command suite share: a bike, its rules, and how a test asks the store. */
import { Aggregate, AggregateStore, type Answers, type Command, UnitOfWork } from "@paceline/core/consistency"
import type { Conflict } from "@paceline/core/kernel"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Either, Option, Schema } from "effect"
import { changeInUnit } from "../ChangeInUnit.ts"

export type CommandServices = UnitOfWork | AggregateStore.AggregateStore | Answers | EventLog.EventLog

export type CommandTest = <A, E>(title: string, body: Effect.Effect<A, E, CommandServices>) => void

export const Bike = Schema.Struct({
  name: Schema.NonEmptyString,
  metres: Schema.Number,
  tags: Schema.Array(Schema.String),
  at: Schema.optional(Schema.String),
}).pipe(Schema.filter(({ name, tags }) => !(name === "racer" && tags.includes("heavy")) || "no racer is heavy"))
export type Bike = typeof Bike.Type

const Ridden = Schema.Struct({ metres: Schema.NonNegative, boughtAt: Schema.DateFromNumber })
export const Rides = EventLog.topic("rides", Ridden)

export class Retired extends Schema.TaggedError<Retired>("Retired")("Retired", { name: Schema.String }) {}

const BOUGHT_AT = new Date(1_700_000_000_000)

/** Bikes of a kind of their own, whose events go to the log under the key `kind/id`. */
export const bikes = (kind: string, onConflict?: Conflict.Strategy<"name" | "metres" | "tags" | "at">) =>
  Aggregate.make({
    kind,
    state: Bike,
    ...(onConflict === undefined ? {} : { onConflict }),
    initial: (id): Bike => ({ name: id, metres: 0, tags: [] }),
    records: (events: ReadonlyArray<typeof Ridden.Type>, id) => [
      EventLog.records(
        Rides,
        events.map((event) => ({ key: `${kind}/${id}`, event })),
      ),
    ],
  })

/** The rule most tests use: a bike that is named "retired" is not ridden any more. */
export const ride =
  (metres: number): Command.Decide<Bike, typeof Ridden.Type, number, Retired> =>
  (bike) =>
    bike.name === "retired"
      ? Either.left(new Retired({ name: bike.name }))
      : Either.right({
          state: { ...bike, metres: bike.metres + metres },
          events: [{ metres, boughtAt: BOUGHT_AT }],
          answer: bike.metres + metres,
        })

/** An edit: whatever the state is, these fields become so. */
export const edit =
  (changes: Partial<Bike>): Command.Decide<Bike, never, string, never> =>
  (bike) =>
    Either.right({ state: { ...bike, ...changes }, answer: "edited" })

export const stored = (kind: string, id: string) =>
  Effect.flatMap(AggregateStore.AggregateStore, (store) => Effect.map(store.get(kind, id), Option.getOrUndefined))

/** The metres of all rides of a bike that are in the log. */
export const ridesOf = (kind: string, id: string) =>
  Effect.gen(function* () {
    const log = yield* EventLog.EventLog
    const metres: Array<number> = []
    for (const partition of yield* log.partitions(Rides.name)) {
      for (const record of yield* log.read(Rides.name, partition, 0, 100_000)) {
        if (record.key === `${kind}/${id}`) metres.push((yield* EventLog.decode(Rides, record)).metres)
      }
    }
    return metres
  })

/** Runs `effect` on a store whose changes find the version before for the first `times` that they look. */
export const readingLate = <A, E, R>(
  times: number,
  before: AggregateStore.Stored,
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R | CommandServices> =>
  Effect.gen(function* () {
    const store = yield* AggregateStore.AggregateStore
    let left = times
    const late: typeof store = {
      ...store,
      get: (kind, id) => Effect.suspend(() => (left-- > 0 ? Effect.succeed(Option.some(before)) : store.get(kind, id))),
    }
    const change = changeInUnit({ store: late, log: yield* EventLog.EventLog, work: yield* UnitOfWork })
    // Only what a change looks at is late: whoever asks for the state itself sees it.
    return yield* Effect.provideService(effect, AggregateStore.AggregateStore, { ...store, change })
  })
