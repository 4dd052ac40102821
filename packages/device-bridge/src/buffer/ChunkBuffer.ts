/**
 * The durable buffer: samples go in, numbered chunks come out, and nothing leaves before it is acknowledged.
 *
 * The identity of a chunk is `(incarnation, n)`. The incarnation is random and new at each opening; n counts
 * 1, 2, 3 … within it and is fixed in the transaction that appends the chunk. A counter that is merely kept in
 * the file would repeat after a power loss or a restored backup, and new data would be taken for old.
 *
 * `flush` returns after the commit has reached the disk. What it covered survives any crash from then on.
 *
 * @example
 * const buffer = ChunkBuffer.open({ path: "buffer.sqlite", driver: bunSqlite() })
 * buffer.record("strap-07", "heartRate", Date.now(), 128)
 * buffer.flush()
 * for (const chunk of buffer.page(null, 16)) send(chunk)
 */
import type { SensorKind } from "@paceline/core/wire"
import type { SqliteDriver } from "../drivers/SqliteDriver.ts"
import { type BufferEvent, isDamaged, setAside } from "./Damage.ts"
import { BufferClosed, bufferError } from "./Errors.ts"
import { type Ownership, own } from "./Ownership.ts"
import { Pending } from "./Pending.ts"
import {
  type GapReason,
  type Position,
  Store,
  type StoredChunk,
  type StoredGap,
  type StoredItem,
  type Waiting,
} from "./Store.ts"

export interface ChunkBufferOptions {
  readonly path: string
  readonly driver: SqliteDriver
  /** Keep acknowledged chunks in the table `delivered` (for audits), where they would be deleted. */
  readonly keepDelivered?: boolean
  /** How many samples may wait in memory while the disk takes none. Default 1,000,000, some megabytes. */
  readonly maxPendingSamples?: number
  readonly onEvent?: (event: BufferEvent) => void
  /** The wall clock, milliseconds since the epoch. Labels only. */
  readonly now?: () => number
}

export class ChunkBuffer {
  readonly #path: string
  readonly #driver: SqliteDriver
  readonly #keepDelivered: boolean
  readonly #onEvent: (event: BufferEvent) => void
  readonly #now: () => number
  readonly #ownership: Ownership
  readonly #pending: Pending
  #cursors = new Map<string, string>()
  #store: Store | null

  /**
   * Opens the buffer and becomes its owner.
   *
   * @throws BufferOwned, BufferTooNew, BufferFull, BufferFailed
   */
  static open(options: ChunkBufferOptions): ChunkBuffer {
    return new ChunkBuffer(options)
  }

  private constructor(options: ChunkBufferOptions) {
    this.#path = options.path
    this.#driver = options.driver
    this.#keepDelivered = options.keepDelivered ?? false
    this.#onEvent = options.onEvent ?? (() => {})
    this.#now = options.now ?? Date.now
    this.#pending = new Pending(options.maxPendingSamples ?? 1_000_000)
    this.#ownership = own(this.#driver, this.#path)
    try {
      this.#store = this.#openStore()
    } catch (thrown) {
      this.#ownership.release()
      throw bufferError(this.#path, thrown)
    }
  }

  /**
   * Takes a sample into memory, to be stored by the next `flush`. False when there is no room for it, which
   * happens only when the disk has taken nothing for long.
   *
   * @throws SampleRefused, BufferClosed
   */
  record(sensor: string, kind: SensorKind.SensorKind, atMillis: number, value: number): boolean {
    if (this.#store === null) throw new BufferClosed()
    return this.#pending.add(sensor, kind, atMillis, value)
  }

  /**
   * Notes how far a source (a health store, a watch's flash log, a playback) has been read. The next `flush`
   * stores it in the transaction that stores the samples recorded before it: both or neither.
   */
  moveCursor(source: string, position: string): void {
    if (this.#store === null) throw new BufferClosed()
    this.#cursors.set(source, position)
  }

  /** How far the source has been read, or null before its first `moveCursor`. */
  cursor(source: string): string | null {
    return this.#cursors.get(source) ?? this.#attempt((store) => store.cursor(source))
  }

  /** Samples that are only in memory. */
  get pendingSamples(): number {
    return this.#pending.sampleCount
  }

  /**
   * Writes all that waits in memory in one transaction, and returns when it is durable: how many chunks that
   * made. When it throws, all of it still waits in memory.
   *
   * @throws BufferFull, BufferFailed, BufferClosed
   */
  flush(): number {
    const chunks = this.#pending.chunks()
    if (chunks.length === 0 && this.#cursors.size === 0) return 0
    this.#attempt((store) => store.append(chunks, this.#cursors, this.#now()))
    this.#pending.clear()
    this.#cursors = new Map()
    return chunks.length
  }

  /** Up to `limit` chunks after `position` in the order of delivery: incarnation by incarnation, then by number. */
  page(after: Position | null, limit: number): ReadonlyArray<StoredChunk> {
    return this.#attempt((store) => store.page(after, limit))
  }

  /** Incarnations with chunks waiting, oldest first, each with its first waiting number. */
  waiting(limit: number): ReadonlyArray<Waiting> {
    return this.#attempt((store) => store.waiting(limit))
  }

  /** This opening's incarnation and the last number appended in it; null before the first chunk. */
  get own(): { readonly incarnation: string; readonly n: number } | null {
    return this.#attempt(({ incarnation, last }) => (incarnation === null ? null : { incarnation, n: last }))
  }

  /** The server has all of the incarnation up to `n`: forgets them, and says how many chunks that were. */
  acknowledge(incarnation: string, n: number): number {
    return this.#attempt((store) => store.acknowledge(incarnation, n, this.#keepDelivered))
  }

  /** The server cannot read this chunk: keeps it aside for people. False when it was not there. */
  quarantine(incarnation: string, n: number, reason: string): boolean {
    return this.#attempt((store) => store.quarantine(incarnation, n, reason))
  }

  /** What is stored and not acknowledged: chunks, the bytes of their payloads, and when the oldest was appended. */
  backlog(): { readonly chunks: number; readonly bytes: number; readonly oldestAtMs: number | null } {
    return this.#attempt((store) => store.backlog())
  }

  /** Flushes, frees the file and its lock. Closing twice is harmless. When the flush throws, all else is done. */
  close(): void {
    if (this.#store === null) return
    try {
      this.flush()
    } finally {
      const store = this.#store
      this.#store = null
      try {
        store?.close()
      } finally {
        this.#ownership.release()
      }
    }
  }

  /** Does something with the store. A damaged file is set aside, and the same is done with a fresh one. */
  #attempt<A>(action: (store: Store) => A): A {
    if (this.#store === null) throw new BufferClosed()
    try {
      return action(this.#store)
    } catch (thrown) {
      if (!isDamaged(thrown)) throw bufferError(this.#path, thrown)
      this.#store = this.#replaceDamaged(this.#store, thrown)
      return action(this.#store)
    }
  }

  #openStore(): Store {
    const walMissing = this.#driver.exists(this.#path) && !this.#driver.exists(`${this.#path}-wal`)
    try {
      const store = Store.open(this.#driver, this.#path, this.#now())
      if (walMissing && store.unclean) this.#onEvent({ _tag: "WalMissing", path: this.#path })
      return store
    } catch (thrown) {
      if (!isDamaged(thrown)) throw thrown
      return this.#replaceDamaged(null, thrown)
    }
  }

  #replaceDamaged(store: Store | null, reason: Error): Store {
    store?.abandon()
    const now = this.#now()
    const asidePath = setAside(this.#driver, this.#path, now)
    this.#onEvent({ _tag: "BufferSetAside", path: this.#path, asidePath, reason: reason.message })
    return Store.open(this.#driver, this.#path, now)
  }
}

export type { BufferEvent, GapReason, Position, StoredChunk, StoredGap, StoredItem, Waiting }
