/**
 * What a user asks for, carried out: load, decide, and write state, events and answer in one unit of work.
 *
 * A context's author writes the rule, a pure function from state to refusal or decision, and gets the rest: atomicity, the
 * version check, the same answer for the same idempotency key, and conflicts resolved as its aggregate says. A command
 * that was overtaken while it ran is decided again on what is stored then; after 5 tries both values go to the user. One
 * that was sent by somebody who saw an older version goes the way of `onConflict`. A refusal writes nothing, and is not
 * remembered under the key: who asks again is decided anew.
 *
 * All of it is one `AggregateStore.change`, which an engine makes fast; inside another unit it becomes a part of that.
 *
 * @example
 * // Model.ts: the rule.
 * const ride = (metres: number) => (bike: Bike) =>
 *   bike.retired
 *     ? Either.left(new BikeRetired({ name: bike.name }))
 *     : Either.right({
 *         state: { ...bike, metres: bike.metres + metres },
 *         events: [new BikeRidden({ metres })],
 *         answer: bike.metres + metres,
 *       })
 *
 * // Service.ts: from the API, once for each key.
 * const total = yield* Command.execute(Bikes, bikeId, ride(metres), {
 *   idempotency: { key: `${accountId}/${key}`, request: { bikeId, metres }, answer: Schema.Number },
 * })
 *
 * // Reactions.ts: what happens when a workout is completed. The unit is the consumer's, so it happens once.
 * Consumer.run({
 *   group: "gear",
 *   topic: Workouts,
 *   handle: (batch) => Effect.forEach(batch, ({ event }) => Command.execute(Bikes, event.bikeId, ride(event.metres))),
 * })
 */
import { Context, Data, Effect, Either } from "effect"
import * as Conflict from "../kernel/consistency/Conflict.ts"
import * as Aggregate from "./Aggregate.ts"
import { AggregateStore, type Decided } from "./AggregateStore.ts"
import type { Answers, IdempotencyKeyReused } from "./Answers.ts"
import { ConflictUnresolved, FieldConflict, Superseded } from "./ConflictErrors.ts"
import * as ConflictRetry from "./ConflictRetry.ts"
import * as Idempotency from "./Idempotency.ts"
import { headersIn, type NewRecord, type TopicRecords } from "./NewRecord.ts"
import { VersionConflict } from "./OptimisticLock.ts"
import { withSpanIfTraced } from "./SpanIfTraced.ts"
import type { StorageError, UnitOfWork } from "./UnitOfWork.ts"

/** What is to be written, and what to answer. */
export interface Decision<S, Ev, A> extends Aggregate.Due {
  readonly state: S
  readonly events?: ReadonlyArray<Ev>
  readonly answer: A
  /** It is finished: `state` is its last one. */
  readonly archive?: boolean
}

/** A rule: pure, without a clock of its own. It may be asked several times for one command. */
export type Decide<S, Ev, A, E> = (state: S, nowMs: number) => Either.Either<Decision<S, Ev, A>, E>

/** What the sender of a command had seen. */
export interface Seen<S> {
  readonly version: number
  /** The state at that version, where the client kept it: only with it can a conflict be merged field by field. */
  readonly state?: S
}

export interface Options<S, A, I> {
  readonly idempotency?: Idempotency.Once<A, I>
  /** If not given the command means the same on any state, as the aggregate's own reactions do. */
  readonly seen?: Seen<S>
  /** How often it is tried in all when it is overtaken; 5 if not given. */
  readonly attempts?: number
}

export type Failure =
  | StorageError
  | Aggregate.AggregateNotFound
  | VersionConflict
  | ConflictUnresolved
  | Superseded
  | IdempotencyKeyReused

/** What a unit wanted to write when it was overtaken. */
class Overtaken extends Data.TaggedError("Overtaken")<Wish & { readonly conflict: VersionConflict }> {}

/** The state that it was decided on, and the one that was to follow, as JSON data. */
interface Wish {
  readonly base: unknown
  readonly mine: unknown
}

export const execute = <S, I, Ev, A, E, AI = A>(
  aggregate: Aggregate.Aggregate<S, I, Ev>,
  id: string,
  decide: Decide<S, Ev, A, E>,
  options: Options<S, A, AI> = {},
): Effect.Effect<A, E | Failure, UnitOfWork | AggregateStore | Answers> => {
  const unit = attempt(aggregate, id, decide, options.seen)
  const run: Effect.Effect<A, E | Failure | Overtaken, UnitOfWork | AggregateStore | Answers> =
    options.idempotency === undefined ? unit : Idempotency.once(options.idempotency, unit)
  const settled = ConflictRetry.catchFailure(
    ConflictRetry.retrying(run, isOvertaken, options.attempts),
    (error): Effect.Effect<never, E | Failure, AggregateStore> =>
      error instanceof Overtaken ? Effect.flatMap(unresolved(aggregate, error), Effect.fail) : Effect.fail(error),
  )
  return withSpanIfTraced("Command.execute", { aggregate: aggregate.kind, id })(settled)
}

const isOvertaken = (error: unknown): boolean => error instanceof Overtaken

/** One try. */
const attempt = <S, I, Ev, A, E>(
  aggregate: Aggregate.Aggregate<S, I, Ev>,
  id: string,
  decide: Decide<S, Ev, A, E>,
  seen: Seen<S> | undefined,
): Effect.Effect<A, E | Failure | Overtaken, AggregateStore> =>
  Effect.withFiberRuntime(({ currentContext }) => {
    const store = Context.unsafeGet(currentContext, AggregateStore)
    const headers = headersIn(currentContext)
    let wish: Wish = { base: undefined, mine: undefined }
    const change = store.change(aggregate.kind, id, (found, nowMs): Decided<Either.Either<A, E | Failure>> => {
      // Asked step by step: on this path each `Either` that is mapped costs as much as the step itself.
      const read = Aggregate.read(aggregate, id, found)
      if (Either.isLeft(read)) return { answer: Either.left(read.left) }
      const loaded = read.right
      const decided =
        seen === undefined || seen.version === loaded.version
          ? decide(loaded.state, nowMs)
          : decideAnyway(aggregate, loaded, decide, seen, nowMs)
      if (Either.isLeft(decided)) return { answer: Either.left(decided.left) }
      const decision = decided.right
      const next = writeOf(aggregate, loaded, decision, headers)
      wish = { base: loaded.stored, mine: next.state }
      return { answer: Either.right(decision.answer), next }
    })
    return Effect.matchEffect(change, {
      // Only the store itself fails here: what the rule refuses is an answer.
      onFailure: (error) =>
        Effect.fail(error._tag === "VersionConflict" ? new Overtaken({ ...wish, conflict: error }) : error),
      onSuccess: (answer) => answer,
    })
  })

const writeOf = <S, I, Ev, A>(
  aggregate: Aggregate.Aggregate<S, I, Ev>,
  { dueAtMs, id }: Aggregate.Loaded<S>,
  decision: Decision<S, Ev, A>,
  headers: Pick<NewRecord, "headers">,
): NonNullable<Decided<A>["next"]> => {
  const { archive = false, events = [], rank, state } = decision
  const told = events.length === 0 ? [] : aggregate.records(events, id)
  const next = {
    state: aggregate.encode(state),
    dueAtMs: decision.dueAtMs === undefined ? dueAtMs : decision.dueAtMs,
    archive,
    records: headers.headers === undefined ? told : told.map((one) => withHeaders(one, headers)),
  }
  return rank === undefined ? next : { ...next, rank }
}

/** What a record brings itself comes first. */
const withHeaders = ({ records, topic }: TopicRecords, headers: Pick<NewRecord, "headers">): TopicRecords => ({
  topic,
  records: records.map((record) => ({ ...headers, ...record })),
})

/** The sender saw another version than the one that is stored: what its command becomes is the data's own affair. */
const decideAnyway = <S, I, Ev, A, E>(
  aggregate: Aggregate.Aggregate<S, I, Ev>,
  loaded: Aggregate.Loaded<S>,
  decide: Decide<S, Ev, A, E>,
  seen: Seen<S>,
  nowMs: number,
): Either.Either<Decision<S, Ev, A>, E | VersionConflict | ConflictUnresolved | Superseded> => {
  const { kind, onConflict } = aggregate
  const conflict = { aggregate: kind, id: loaded.id, expectedVersion: seen.version, actualVersion: loaded.version }
  if (onConflict._tag === "Reject") return Either.left(new VersionConflict(conflict))
  // Where nobody knows what the sender saw, `mine` is what the command makes of the state that is stored.
  const decided = decide(onConflict._tag === "Retry" ? loaded.state : (seen.state ?? loaded.state), nowMs)
  return Either.flatMap(
    decided,
    (decision): Either.Either<Decision<S, Ev, A>, VersionConflict | ConflictUnresolved | Superseded> => {
      const base = seen.state === undefined ? undefined : aggregate.encode(seen.state)
      const values = { base, mine: aggregate.encode(decision.state), theirs: loaded.stored }
      const askAbout = (fields: ReturnType<typeof Conflict.differing>) =>
        Either.left(
          new ConflictUnresolved({ ...conflict, ...values, fields: fields.map((field) => new FieldConflict(field)) }),
        )

      const resolution = Conflict.resolve(onConflict, values)
      switch (resolution._tag) {
        case "DecideAgain":
          return Either.right(decision)
        case "Rejected":
          return Either.left(new VersionConflict(conflict))
        case "Superseded":
          return Either.left(new Superseded(conflict))
        case "Ask":
          return askAbout(resolution.fields)
        case "Write": {
          const state = aggregate.decode(resolution.value)
          // Field by field it could be merged, but the whole is no state: a person has to look.
          if (Either.isLeft(state)) return askAbout(Conflict.differing(values))
          return Either.right({ ...decision, state: state.right })
        }
      }
    },
  )
}

/** Both values, after the last try. */
const unresolved = <S, I, Ev>(
  aggregate: Aggregate.Aggregate<S, I, Ev>,
  { base, conflict, mine }: Overtaken,
): Effect.Effect<ConflictUnresolved, StorageError, AggregateStore> =>
  Aggregate.load(aggregate, conflict.id).pipe(
    Effect.map(({ stored, version }) => ({ theirs: stored, actualVersion: version })),
    Effect.catchTag("AggregateNotFound", () => Effect.succeed({ theirs: null, actualVersion: conflict.actualVersion })),
    Effect.map(({ actualVersion, theirs }) => {
      const fields = Conflict.differing({ base, mine, theirs }).map((field) => new FieldConflict(field))
      const { aggregate: kind, expectedVersion, id } = conflict
      return new ConflictUnresolved({ aggregate: kind, id, expectedVersion, actualVersion, mine, theirs, fields })
    }),
  )
