/**
 * Where a group stands in one partition, as its worker knows it, and the units of work that move it.
 *
 * Every change goes through `commit` with the lease's epoch, so a worker whose partition has gone to another changes
 * nothing, neither the offset nor what is parked nor a dead letter.
 */
import { type Context, Effect, Option, type Queue, Random, Schema } from "effect"
import type { AggregateStore } from "../consistency/AggregateStore.ts"
import { Transaction, type UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as BatchSize from "../kernel/messaging/BatchSize.ts"
import * as Suspicion from "../kernel/messaging/Suspicion.ts"
import * as Backoff from "../kernel/resilience/Backoff.ts"
import type { ConsumerMetrics } from "./ConsumerMetrics.ts"
import type { Settings } from "./ConsumerOptions.ts"
import * as DeadLetters from "./DeadLetters.ts"
import type { Deliver, MoveError, MoveOn } from "./Delivery.ts"
import type { EventLog, PartitionLease } from "./EventLog.ts"
import * as Kinds from "./GroupKinds.ts"
import { Parking } from "./Parking.ts"
import { ReadAhead } from "./ReadAhead.ts"

/** What all workers of a consumer share. */
export interface Shared<A, I, R> {
  readonly settings: Settings<A, I>
  readonly log: Context.Tag.Service<typeof EventLog>
  readonly store: Context.Tag.Service<typeof AggregateStore>
  readonly work: Context.Tag.Service<typeof UnitOfWork>
  readonly deliver: Deliver<A, R>
  readonly metrics: ConsumerMetrics
}

/** Why a worker looks again: something may have changed, or it has waited long enough. */
export type Wake = "hint" | "poll"

/** What one worker is told by its consumer. */
export interface Assigned {
  readonly lease: PartitionLease
  /** Something may have changed: the topic grew, or the worker is to stop. */
  readonly wake: Queue.Queue<Wake>
  readonly stopping: () => boolean
  /** Resolves when it is to stop. */
  readonly stopped: Effect.Effect<void>
  /** The lease was found to be lost. */
  readonly lost: () => void
}

const Mark = Schema.Struct({
  offset: Schema.Int,
  attempts: Schema.Int,
  unended: Schema.Int,
  error: Schema.NullOr(Schema.String),
})

const SuspicionState = Schema.Struct({
  offset: Schema.Int,
  takeOvers: Schema.Int,
  carefulUntil: Schema.Int,
  mark: Schema.NullOr(Mark),
})

export class PartitionState<A, I, R> {
  readonly shared: Shared<A, I, R>
  readonly lease: PartitionLease
  readonly partition: number
  readonly ahead: ReadAhead
  readonly parking: Parking
  /** The group's offset. */
  from = 0
  /** The offset may have moved, or a unit failed: read everything again. */
  isStale = true
  size: BatchSize.BatchSize
  suspicion: Suspicion.Suspicion | null = null
  /** When the oldest record in hand was seen, by the steady clock. */
  firstSeenAtMillis: number | undefined
  /** Records before this offset were in a batch that fired: what is left of it waits for no other. */
  firedUntil = 0
  /** Nothing new is taken before, by the steady clock. */
  pausedUntilMillis = 0
  /** Records in a row that failed alone, with none handled in between. */
  failures = 0
  #takeOverNoted = false

  constructor(shared: Shared<A, I, R>, lease: PartitionLease) {
    const { log, settings, store } = shared
    const { group, prefetch, topic } = settings
    this.shared = shared
    this.lease = lease
    this.partition = lease.partition
    this.ahead = new ReadAhead(log, topic.name, lease.partition, prefetch)
    this.parking = new Parking(store, this.parkedKind)
    this.size = BatchSize.make(settings.batch.maxSize)
    this.#suspicionKind = Kinds.suspicion(group, topic.name)
  }

  readonly #suspicionKind: string

  get parkedKind(): string {
    const { group, topic } = this.shared.settings
    return Kinds.parked(group, topic.name, this.lease.partition)
  }

  get groupOf(): DeadLetters.GroupOf {
    const { group, topic } = this.shared.settings
    return { group, topic: topic.name }
  }

  /** Reads where the group stands, and notes a take-over that was not clean. */
  get load(): Effect.Effect<void, MoveError> {
    return Effect.gen(this, function* () {
      const { log, settings, store, work } = this.shared
      const { group, topic } = settings
      const from = yield* log.committed(group, topic.name, this.partition)
      yield* this.ahead.reset(from)
      if (from !== this.from) {
        this.firedUntil = 0
        this.firstSeenAtMillis = undefined
      }
      this.from = from
      this.parking.isStale = true
      const stored = yield* store.get(this.#suspicionKind, `${this.partition}`)
      this.suspicion = Option.isNone(stored)
        ? null
        : yield* Effect.orDie(Schema.decodeUnknown(SuspicionState)(stored.value.state))
      if (this.lease.takenOver && !this.#takeOverNoted) {
        const next = Suspicion.takenOver(this.suspicion ?? Suspicion.none, this.from, settings.batch.maxSize)
        yield* work.run(Effect.zipRight(this.moveTo(this.from), this.suspect(next)))
        this.#takeOverNoted = true
      }
      this.isStale = false
    })
  }

  /** Commits the offset, or with the offset where it is only proves that the partition is still this worker's. */
  moveTo(next: number): MoveOn {
    const { log, settings } = this.shared
    return log.commit(settings.group, settings.topic.name, this.partition, this.from, next, this.lease.epoch)
  }

  /** Keeps, or with null forgets, what is suspected. */
  suspect(next: Suspicion.Suspicion | null): MoveOn {
    return Effect.gen(this, function* () {
      const { store } = this.shared
      const id = `${this.partition}`
      const stored = yield* store.get(this.#suspicionKind, id)
      if (next === null) {
        if (Option.isSome(stored)) yield* store.remove(this.#suspicionKind, id, stored.value.version)
      } else {
        const state = { state: next, dueAtMs: null }
        if (Option.isNone(stored)) yield* store.insert(this.#suspicionKind, id, state)
        else yield* store.update(this.#suspicionKind, id, stored.value.version, state)
      }
      const { afterCommit } = yield* Transaction
      afterCommit(() => {
        this.suspicion = next
      })
    })
  }

  letter(given: DeadLetters.GivenUp): MoveOn {
    return DeadLetters.put(this.shared.store, this.groupOf, this.partition, given)
  }

  /** How long to wait before retry number `retry`; 0 is the first. */
  backoff(retry: number): Effect.Effect<number> {
    return Effect.map(Random.next, (random) => Backoff.delayMillis(this.shared.settings.backoff, retry, random))
  }

  /** Keeps off new records for a while. */
  pause(nowMillis: number, millis: number): void {
    this.pausedUntilMillis = Math.max(this.pausedUntilMillis, nowMillis + millis)
  }
}
