/**
 * How far the events of each partition have come, as all members of a group know it.
 *
 * Each partition's mark is written only by the batches of that partition, so members never wait for each other here; the
 * watermark is worked out from all marks by whoever needs it. A partition is idle when it was not heard of for a while
 * AND the group has read all that the log holds of it: a backlog is not silence. Nor is downtime: nobody counts as
 * silent for longer than this member has been listening.
 */
import { type Context, Effect, Schema } from "effect"
import type { AggregateStore } from "../consistency/AggregateStore.ts"
import type { StorageError, Transaction } from "../consistency/UnitOfWork.ts"
import type * as Watermark from "../kernel/streams/Watermark.ts"
import type { EventLog } from "../messaging/EventLog.ts"
import { StateCodec } from "./StateCodec.ts"
import { overtaken } from "./StreamGate.ts"

const Mark = Schema.Struct({ newestMillis: Schema.NullOr(Schema.Number), heardAtMillis: Schema.Number })

const codec = new StateCodec(Mark)

export interface Source {
  readonly group: string
  readonly topic: string
  /** All partitions of the topic. */
  readonly partitions: ReadonlyArray<number>
  /** When this member began to listen, by its clock. */
  readonly sinceMillis: number
  readonly idleAfterMillis: number | undefined
}

/** The marks as they were read, and what a write of one has to name. */
export interface Marks {
  readonly partitions: ReadonlyArray<Watermark.PartitionMark>
  readonly versions: ReadonlyMap<string, number>
}

export class PartitionMarks {
  readonly #store: Context.Tag.Service<typeof AggregateStore>
  readonly #log: Context.Tag.Service<typeof EventLog>
  readonly #kind: string
  readonly #source: Source

  constructor(
    store: Context.Tag.Service<typeof AggregateStore>,
    log: Context.Tag.Service<typeof EventLog>,
    kind: string,
    source: Source,
  ) {
    this.#store = store
    this.#log = log
    this.#kind = kind
    this.#source = source
  }

  /** @param reading the partition whose events are being handled, which is not idle. */
  load(nowMillis: number, reading?: number): Effect.Effect<Marks, StorageError> {
    return Effect.gen(this, function* () {
      const { partitions, sinceMillis } = this.#source
      const stored = yield* this.#store.list(this.#kind, { limit: MOST_MARKS })
      const known = new Map<string, Watermark.PartitionMark>()
      for (const partition of partitions) {
        known.set(`${partition}`, { partition: `${partition}`, newestMillis: null, heardAtMillis: sinceMillis })
      }
      for (const { id, state } of stored) {
        const { heardAtMillis, newestMillis } = yield* codec.decode(this.#kind, id, state)
        known.set(id, { partition: id, newestMillis, heardAtMillis: Math.max(heardAtMillis, sinceMillis) })
      }
      const marks: Array<Watermark.PartitionMark> = []
      for (const mark of known.values()) {
        const awake =
          this.#isSilent(mark, nowMillis) &&
          mark.partition !== `${reading}` &&
          (yield* this.#hasBacklog(Number(mark.partition)))
        marks.push(awake ? { ...mark, heardAtMillis: nowMillis } : mark)
      }
      return { partitions: marks, versions: new Map(stored.map(({ id, version }) => [id, version])) }
    })
  }

  /** Keeps the mark of the partition whose events were handled. */
  write(
    partition: number,
    { versions }: Marks,
    after: ReadonlyArray<Watermark.PartitionMark>,
  ): Effect.Effect<void, StorageError, Transaction> {
    const id = `${partition}`
    const mark = after.find((other) => other.partition === id)
    if (mark === undefined) return Effect.void
    const next = { state: codec.encode(mark), dueAtMs: null }
    const version = versions.get(id)
    const written =
      version === undefined
        ? this.#store.insert(this.#kind, id, next)
        : Effect.asVoid(this.#store.update(this.#kind, id, version, next))
    return Effect.catchTag(written, "VersionConflict", overtaken)
  }

  #isSilent({ heardAtMillis }: Watermark.PartitionMark, nowMillis: number): boolean {
    const { idleAfterMillis } = this.#source
    return idleAfterMillis !== undefined && nowMillis - heardAtMillis >= idleAfterMillis
  }

  /** The log holds something of it that the group has not handled. */
  #hasBacklog(partition: number): Effect.Effect<boolean, StorageError> {
    const { group, topic } = this.#source
    return Effect.zipWith(
      this.#log.committed(group, topic, partition),
      this.#log.bounds(topic, partition),
      (committed, { end }) => committed < end,
    )
  }
}

const MOST_MARKS = 100_000
