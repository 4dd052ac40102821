/**
 * What a user asks for, carried out: load, decide, and write state, events and answer in one unit of work.
 *
 * A context's author writes the rule, a pure function from state to refusal or decision, and gets the rest: atomicity, the
 * version check, the same answer for the same idempotency key, and conflicts resolved as its aggregate says. A command
 * that was overtaken while it ran is decided again on what is stored then; after 5 tries both values go to the user. One
 * that was sent by somebody who saw an older version goes the way of `onConflict`. A refusal writes nothing, and is not
 * remembered under the key: who asks again is decided anew.
 *
 * Events are appended by the aggregate's own `append`, so that this room needs no log: whoever defines the aggregate may
 * import one, and the types see to it that it stands inside the unit.
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
import { Clock, Data, Effect, Either } from "effect"
import * as Conflict from "../kernel/consistency/Conflict.ts"
import * as Aggregate from "./Aggregate.ts"
import type { AggregateStore } from "./AggregateStore.ts"
import type { Answers, IdempotencyKeyReused } from "./Answers.ts"
import { ConflictUnresolved, FieldConflict, Superseded } from "./ConflictErrors.ts"
import * as ConflictRetry from "./ConflictRetry.ts"
import * as Idempotency from "./Idempotency.ts"
import { VersionConflict } from "./OptimisticLock.ts"
import { withSpanIfTraced } from "./SpanIfTraced.ts"
import { type StorageError, type Transaction, UnitOfWork } from "./UnitOfWork.ts"

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
class Overtaken extends Data.TaggedError("Overtaken")<{
  readonly base: unknown
  readonly mine: unknown
  readonly conflict: VersionConflict
}> {}

export const execute = <S, I, Ev, EA, RA, A, E, AI = A>(
  aggregate: Aggregate.Aggregate<S, I, Ev, EA, RA>,
  id: string,
  decide: Decide<S, Ev, A, E>,
  options: Options<S, A, AI> = {},
): Effect.Effect<A, E | EA | Failure, UnitOfWork | AggregateStore | Answers | Exclude<RA, Transaction>> => {
  const unit = attempt(aggregate, id, decide, options.seen)
  const run: Effect.Effect<
    A,
    E | EA | Failure | Overtaken,
    UnitOfWork | AggregateStore | Answers | Exclude<RA, Transaction>
  > = options.idempotency === undefined ? UnitOfWork.run(unit) : Idempotency.once(options.idempotency, unit)
  return ConflictRetry.retrying(run, (error) => error instanceof Overtaken, options.attempts).pipe(
    Effect.catchAll((error) =>
      error instanceof Overtaken ? Effect.flatMap(unresolved(aggregate, error), Effect.fail) : Effect.fail(error),
    ),
    withSpanIfTraced("Command.execute", { aggregate: aggregate.kind, id }),
  )
}

/** One try, to be run inside a unit of work. */
const attempt = <S, I, Ev, EA, RA, A, E>(
  aggregate: Aggregate.Aggregate<S, I, Ev, EA, RA>,
  id: string,
  decide: Decide<S, Ev, A, E>,
  seen: Seen<S> | undefined,
): Effect.Effect<A, E | EA | Failure | Overtaken, Transaction | AggregateStore | RA> =>
  Effect.gen(function* () {
    const loaded = yield* Aggregate.load(aggregate, id)
    const nowMs = yield* Clock.currentTimeMillis
    const decision =
      seen === undefined || seen.version === loaded.version
        ? yield* decide(loaded.state, nowMs)
        : yield* decideAnyway(aggregate, loaded, decide, seen, nowMs)
    yield* write(aggregate, loaded, decision, nowMs)
    const events = decision.events ?? []
    if (events.length > 0) yield* aggregate.append(events, id)
    return decision.answer
  })

const write = <S, I, Ev, EA, RA, A>(
  aggregate: Aggregate.Aggregate<S, I, Ev, EA, RA>,
  loaded: Aggregate.Loaded<S>,
  decision: Decision<S, Ev, A>,
  nowMs: number,
): Effect.Effect<void, StorageError | Overtaken, Transaction | AggregateStore> => {
  const { archive, dueAtMs, rank, state } = decision
  const due: Aggregate.Due = { ...(dueAtMs === undefined ? {} : { dueAtMs }), ...(rank === undefined ? {} : { rank }) }
  const written: Effect.Effect<unknown, StorageError | VersionConflict, Transaction | AggregateStore> =
    archive === true
      ? Aggregate.archive(aggregate, loaded, state, nowMs)
      : Aggregate.update(aggregate, loaded, state, due)
  return written.pipe(
    Effect.catchTag("VersionConflict", (conflict) =>
      Effect.fail(new Overtaken({ base: loaded.stored, mine: aggregate.encode(state), conflict })),
    ),
    Effect.asVoid,
  )
}

/** The sender saw another version than the one that is stored: what its command becomes is the data's own affair. */
const decideAnyway = <S, I, Ev, EA, RA, A, E>(
  aggregate: Aggregate.Aggregate<S, I, Ev, EA, RA>,
  loaded: Aggregate.Loaded<S>,
  decide: Decide<S, Ev, A, E>,
  seen: Seen<S>,
  nowMs: number,
): Effect.Effect<Decision<S, Ev, A>, E | VersionConflict | ConflictUnresolved | Superseded> =>
  Effect.gen(function* () {
    const { kind, onConflict } = aggregate
    const conflict = { aggregate: kind, id: loaded.id, expectedVersion: seen.version, actualVersion: loaded.version }
    if (onConflict._tag === "Reject") return yield* new VersionConflict(conflict)
    // Where nobody knows what the sender saw, `mine` is what the command makes of the state that is stored.
    const decision = yield* decide(onConflict._tag === "Retry" ? loaded.state : (seen.state ?? loaded.state), nowMs)
    const base = seen.state === undefined ? undefined : aggregate.encode(seen.state)
    const values = { base, mine: aggregate.encode(decision.state), theirs: loaded.stored }
    const askAbout = (fields: ReturnType<typeof Conflict.differing>) =>
      new ConflictUnresolved({ ...conflict, ...values, fields: fields.map((field) => new FieldConflict(field)) })

    const resolution = Conflict.resolve(onConflict, values)
    switch (resolution._tag) {
      case "DecideAgain":
        return decision
      case "Rejected":
        return yield* new VersionConflict(conflict)
      case "Superseded":
        return yield* new Superseded(conflict)
      case "Ask":
        return yield* askAbout(resolution.fields)
      case "Write": {
        const state = aggregate.decode(resolution.value)
        // Field by field it could be merged, but the whole is no state: a person has to look.
        if (Either.isLeft(state)) return yield* askAbout(Conflict.differing(values))
        return { ...decision, state: state.right }
      }
    }
  })

/** Both values, after the last try. */
const unresolved = <S, I, Ev, EA, RA>(
  aggregate: Aggregate.Aggregate<S, I, Ev, EA, RA>,
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
