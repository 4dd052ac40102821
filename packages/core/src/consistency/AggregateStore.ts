/**
 * Where aggregates without tables of their own are kept: state as JSON data, a version, and when it is due.
 *
 * Jobs, sagas, request lifecycles, schedules and dead letters live here, so an engine that passes this port's suite
 * carries all of them. A `kind` is a namespace (`job/mail`, `saga/order`). An aggregate that is due waits for a worker:
 * `claim` takes those whose time has come and moves their time on, in one step, so that nobody else takes them
 * meanwhile. Each change raises the version; who was overtaken is refused with `VersionConflict`, so a claim needs no
 * lock of its own. What is finished moves to the archive, where it slows nothing.
 *
 * Contexts keep their own tables; this is for what has no query but "by id" and "what is due".
 */
import { Context, type Effect, type Option, type Queue, type Scope } from "effect"
import type { TopicRecords } from "./NewRecord.ts"
import type { VersionConflict } from "./OptimisticLock.ts"
import type { StorageError, Transaction } from "./UnitOfWork.ts"

export interface NewState {
  /** Plain JSON data. */
  readonly state: unknown
  /** When a worker should look at it, milliseconds since the epoch; null: never by itself. */
  readonly dueAtMs: number | null
  /** Lower is claimed first among those that are due: 0 high, 1 middle, 2 low. 0 if not given. */
  readonly rank?: number
}

export interface Stored extends Required<NewState> {
  readonly kind: string
  readonly id: string
  /** 1 when inserted, one more with each change. */
  readonly version: number
}

/** What a decision finds. */
export interface Found {
  /** Null when there is none. */
  readonly stored: Stored | null
  /** It is finished: the id is taken, and nothing can be written. */
  readonly isArchived: boolean
}

/** What a decision comes to. Without `next` nothing is written; records are appended only beside a write. */
export interface Decided<A> {
  readonly answer: A
  readonly next?: NewState & {
    /** It is finished: `state` is its last one. */
    readonly archive?: boolean
    readonly records?: ReadonlyArray<TopicRecords>
  }
}

/** What is out of the way: it can be read and listed, and never changes. */
export interface Archived {
  readonly kind: string
  readonly id: string
  /** One more than before it was archived: that is a change too. */
  readonly version: number
  readonly state: unknown
  readonly archivedAtMs: number
}

export interface Page {
  /** Only ids after this one, in the order of their bytes. */
  readonly after?: string
  readonly limit: number
}

/** How much waits, of one kind and rank. */
export interface Backlog {
  readonly rank: number
  /** Due now. */
  readonly due: number
  /** Due later. */
  readonly later: number
  /** When the longest-waiting one that is due became so; null when none is. */
  readonly oldestDueAtMs: number | null
}

export class AggregateStore extends Context.Tag("@paceline/core/consistency/AggregateStore")<
  AggregateStore,
  {
    /** Inside a unit of work it sees what the unit has written; outside, what is committed. */
    readonly get: (kind: string, id: string) => Effect.Effect<Option.Option<Stored>, StorageError>
    /**
     * Fails with `VersionConflict` (expected 0) when the id is taken, also by an archived one. A `VersionConflict`, here
     * and below, names the kind as its aggregate and the version that is there, 0 for none; nothing was written, and the
     * unit may go on.
     */
    readonly insert: (
      kind: string,
      id: string,
      next: NewState,
    ) => Effect.Effect<void, StorageError | VersionConflict, Transaction>
    /** Answers the new version. A `rank` that is not given stays as it is. */
    readonly update: (
      kind: string,
      id: string,
      expectedVersion: number,
      next: NewState,
    ) => Effect.Effect<number, StorageError | VersionConflict, Transaction>
    readonly remove: (
      kind: string,
      id: string,
      expectedVersion: number,
    ) => Effect.Effect<void, StorageError | VersionConflict, Transaction>
    /** Moves it out of the way with its final state. `get` no longer finds it, and its id stays taken. */
    readonly archive: (
      kind: string,
      id: string,
      expectedVersion: number,
      finalState: unknown,
      atMs: number,
    ) => Effect.Effect<void, StorageError | VersionConflict, Transaction>
    /**
     * Loads, decides, writes and appends to the log as a unit of work of its own, inside another unit as a part of it. It
     * is what `get`, `insert`, `update` or `archive`, and `EventLog.append` do in `UnitOfWork.run`, but an engine may make
     * it fast, because `decide` is plain and waits for nothing. It may be asked more than once; what it throws dies.
     */
    readonly change: <A>(
      kind: string,
      id: string,
      decide: (found: Found, nowMs: number) => Decided<A>,
    ) => Effect.Effect<A, StorageError | VersionConflict>
    readonly getArchived: (kind: string, id: string) => Effect.Effect<Option.Option<Archived>, StorageError>
    readonly list: (kind: string, page: Page) => Effect.Effect<ReadonlyArray<Stored>, StorageError>
    readonly listArchived: (kind: string, page: Page) => Effect.Effect<ReadonlyArray<Archived>, StorageError>
    /** Forgets what was archived before `beforeMs`, at most `limit`; answers how many. Their ids are free then. */
    readonly dropArchived: (
      kind: string,
      beforeMs: number,
      limit: number,
    ) => Effect.Effect<number, StorageError, Transaction>
    /**
     * Takes up to `limit` of this kind and rank that are due at `nowMs`, longest due first, raises their versions, and
     * makes them due again at `untilMs`: whoever claimed must change them before that. What another unit is claiming at
     * the moment is passed over.
     */
    readonly claim: (
      kind: string,
      rank: number,
      claim: { readonly nowMs: number; readonly untilMs: number; readonly limit: number },
    ) => Effect.Effect<ReadonlyArray<Stored>, StorageError, Transaction>
    /** When the next of this kind is due, of whatever rank; null when none ever is. */
    readonly nextDueAtMs: (kind: string) => Effect.Effect<number | null, StorageError>
    /** What waits, in the order of the ranks; a rank in which nothing is or will be due is left out. */
    readonly backlog: (kind: string, nowMs: number) => Effect.Effect<ReadonlyArray<Backlog>, StorageError>
    /** How many there are of the kind, finished ones not counted. */
    readonly count: (kind: string) => Effect.Effect<number, StorageError>
    /** All kinds that start with `prefix` and have something in them, not archived. */
    readonly kinds: (prefix: string) => Effect.Effect<ReadonlyArray<string>, StorageError>
    /**
     * Hints that something of the kind changed and may be due sooner; nothing is missed from the moment this returns.
     * They are for speed: reading is the truth.
     */
    readonly hints: (kind: string) => Effect.Effect<Queue.Dequeue<void>, never, Scope.Scope>
  }
>() {}
