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
import type { Appended } from "./Batch.ts"
import { type BufferEvent, DamagedFiles, isDamaged } from "./Damage.ts"
import { readClock } from "./DeviceClock.ts"
import { BufferClosed, bufferError } from "./Errors.ts"
import type { WhenFull } from "./Eviction.ts"
import type { GapReason, Loss } from "./Gaps.ts"
import type { Backlog, StoredChunk, StoredItem, Waiting } from "./Items.ts"
import { type FormerOwner, type Ownership, own } from "./Ownership.ts"
import { assertPacket, type Packet, type StoredPacket } from "./Packets.ts"
import { type CustomStream, Pending } from "./Pending.ts"
import type { Position } from "./Position.ts"
import { LEAST_BUFFER_BYTES } from "./Room.ts"
import type { Durability } from "./Schema.ts"
import { Store, type StoreOptions } from "./Store.ts"

export interface ChunkBufferOptions {
  readonly path: string
  readonly driver: SqliteDriver
  /** Keep acknowledged chunks in the table `delivered` (for audits), where they would be deleted. */
  readonly keepDelivered?: boolean
  /** How many samples may wait in memory while the disk takes none. Default 1,000,000, some megabytes. */
  readonly maxPendingSamples?: number
  /**
   * The most that the file and its write-ahead log may take together, in bytes; at least 1 MiB. Default 1 GiB: two
   * months of a ride without a server, and less than would be missed on a phone.
   */
  readonly maxBufferBytes?: number
  /** Whose samples are lost when that is reached; a gap says which. Default the oldest. */
  readonly whenFull?: WhenFull
  /** The most that kept packets may take, in bytes. Default 16 MiB. */
  readonly maxRawBytes?: number
  /** Whether `flush` waits for the disk. Default `full`: it does. */
  readonly durability?: Durability
  readonly onEvent?: (event: BufferEvent) => void
  /** The wall clock, milliseconds since the epoch. Labels only. */
  readonly now?: () => number
}

const GIB = 1024 ** 3
const MAX_RAW_BYTES = 16 * 1024 * 1024

export class ChunkBuffer {
  readonly #path: string
  readonly #driver: SqliteDriver
  readonly #storeOptions: StoreOptions
  readonly #onEvent: (event: BufferEvent) => void
  readonly #now: () => number
  readonly #ownership: Ownership
  readonly #pending: Pending
  #cursors = new Map<string, string>()
  #packets: Array<Packet> = []
  #packetBytes = 0
  #lostSamples = 0
  /** Chunks that were found damaged and set aside since the opening. */
  damagedChunks = 0
  #closed = false
  /** Null when the file was damaged, and there is no fresh one in its place yet. */
  #store: Store | null = null
  readonly #damagedFiles: DamagedFiles

  /**
   * Opens the buffer and becomes its owner.
   *
   * @throws BufferOwned, BufferTooNew, BufferFull, BufferFailed, SqliteUnsafe; RangeError for a cap below 1 MiB
   */
  static open(options: ChunkBufferOptions): ChunkBuffer {
    return new ChunkBuffer(options)
  }

  private constructor(options: ChunkBufferOptions) {
    this.#path = options.path
    this.#driver = options.driver
    const maxBytes = options.maxBufferBytes ?? GIB
    if (!(maxBytes >= LEAST_BUFFER_BYTES)) {
      throw new RangeError(`maxBufferBytes is ${maxBytes}, where ${LEAST_BUFFER_BYTES} are the least.`)
    }
    const maxPendingSamples = options.maxPendingSamples ?? 1_000_000
    const maxRawBytes = options.maxRawBytes ?? MAX_RAW_BYTES
    if (!(maxPendingSamples >= 1))
      throw new RangeError(`maxPendingSamples is ${maxPendingSamples}, where 1 is the least.`)
    if (!(maxRawBytes >= 0)) throw new RangeError(`maxRawBytes is ${maxRawBytes}, where 0 is the least.`)
    this.#storeOptions = {
      durability: options.durability ?? "full",
      maxBytes,
      whenFull: options.whenFull ?? "evictOldest",
      maxRawBytes,
      keepDelivered: options.keepDelivered ?? false,
      bootId: options.driver.bootId?.() ?? null,
    }
    this.#onEvent = options.onEvent ?? (() => {})
    this.#now = options.now ?? Date.now
    this.#damagedFiles = new DamagedFiles(this.#driver, this.#path, this.#onEvent)
    this.#pending = new Pending(maxPendingSamples)
    this.#ownership = own(this.#driver, this.#path)
    try {
      this.#store = this.#openStore()
    } catch (thrown) {
      this.#ownership.release()
      this.#damagedFiles.tell()
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
    if (this.#closed) throw new BufferClosed()
    return this.#pending.add(sensor, kind, atMillis, value)
  }

  /** The same for a stream that no profile covers. Its name and unit must be well: see `SampleStream`. */
  recordCustom(sensor: string, stream: CustomStream, atMillis: number, value: number): boolean {
    if (this.#closed) throw new BufferClosed()
    return this.#pending.addCustom(sensor, stream, atMillis, value)
  }

  /**
   * Keeps a packet as the sensor sent it; the next `flush` stores it. False when memory has no room for it, which
   * happens only when the disk has taken nothing for long. The bytes are copied.
   *
   * @throws SampleRefused when a part of it cannot be stored; BufferClosed
   */
  recordRaw(packet: Packet): boolean {
    if (this.#closed) throw new BufferClosed()
    assertPacket(packet)
    if (this.#packetBytes + packet.bytes.length > this.#storeOptions.maxRawBytes) return false
    // Not `slice`: that of Node's Buffer, which is what its Bluetooth stacks give, copies nothing.
    this.#packets.push({ ...packet, bytes: new Uint8Array(packet.bytes) })
    this.#packetBytes += packet.bytes.length
    return true
  }

  /** Kept packets after this id, in the order of their arrival. */
  rawPackets(afterId: number, limit: number): ReadonlyArray<StoredPacket> {
    return this.#attempt((store) => store.packets.read(afterId, limit))
  }

  /** Lets go of the packets up to this id; says how many that were. */
  forgetRaw(upToId: number): number {
    return this.#attempt((store) => store.packets.forget(upToId))
  }

  /**
   * Notes how far a source (a health store, a watch's flash log, a playback) has been read. The next `flush`
   * stores it in the transaction that stores the samples recorded before it: both or neither.
   */
  moveCursor(source: string, position: string): void {
    if (this.#closed) throw new BufferClosed()
    // Anything else would be refused by the next flush, and by all after it.
    if (typeof source !== "string" || typeof position !== "string") {
      throw new TypeError(`A cursor is two texts: its source is ${typeof source}, its position ${typeof position}.`)
    }
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

  /** Samples lost since the opening: turned away, refused or evicted for want of room, or damaged on the disk. */
  get lostSamples(): number {
    return this.#lostSamples + (this.#pending.turnedAway?.samples ?? 0)
  }

  /**
   * Writes all that waits in memory in one transaction, and returns when it is durable: how many chunks and gaps that
   * made. When it throws, all of it still waits in memory.
   *
   * @throws BufferFull, BufferFailed, BufferClosed
   */
  flush(): number {
    const chunks = this.#pending.chunks()
    const { turnedAway } = this.#pending
    const batch = { chunks, turnedAway, packets: this.#packets, cursors: this.#cursors }
    if (chunks.length === 0 && turnedAway === null && this.#packets.length === 0 && this.#cursors.size === 0) {
      this.settle()
      return 0
    }
    const appended = this.#attempt((store) => store.append(batch, readClock(this.#now())))
    this.#pending.clear()
    this.#cursors = new Map()
    this.#packets = []
    this.#packetBytes = 0
    this.#report(appended)
    return appended.items
  }

  /** Deletes what was acknowledged now, where the next flush with samples would. */
  settle(): void {
    this.#attempt((store) => store.settle())
  }

  /**
   * Up to `limit` chunks and gaps after `position` in the order of delivery: incarnation by incarnation, then by number.
   * A chunk that is not what was stored goes to quarantine, and a gap is in its place.
   */
  page(after: Position | null, limit: number): ReadonlyArray<StoredItem> {
    const { damaged, items } = this.#attempt((store) => store.page(after, limit))
    for (const { incarnation, loss, n, reason } of damaged) {
      this.damagedChunks++
      this.#onEvent({ _tag: "ChunkQuarantined", incarnation, n, reason })
      this.#reportLoss("damaged", loss)
    }
    return items
  }

  /** Incarnations with chunks or gaps waiting, oldest first, each with its first waiting number. */
  waiting(limit: number): ReadonlyArray<Waiting> {
    return this.#attempt((store) => store.waiting(limit))
  }

  /** This opening's incarnation and the last number given in it; null before the first. */
  get own(): { readonly incarnation: string; readonly n: number } | null {
    return this.#attempt((store) => store.own)
  }

  /**
   * The server has all of the incarnation up to `n`: they count as gone, and are deleted with the next flush or
   * `settle`. Says how many chunks that were.
   */
  acknowledge(incarnation: string, n: number): number {
    return this.#attempt((store) => store.acknowledge(incarnation, n))
  }

  /** The server cannot read this chunk: keeps it aside for people. False when it was not there. */
  quarantine(incarnation: string, n: number, reason: string): boolean {
    return this.#attempt((store) => store.quarantine(incarnation, n, reason))
  }

  /** What is stored and not acknowledged. */
  backlog(): Backlog {
    return this.#attempt((store) => store.backlog())
  }

  /** The bytes of the file and its log, and those of the packets kept in it. */
  size(): { readonly bytesOnDisk: number; readonly packets: number; readonly packetBytes: number } {
    return this.#attempt((store) => ({
      bytesOnDisk: store.bytesOnDisk(),
      packets: store.packets.count,
      packetBytes: store.packets.bytes,
    }))
  }

  /** Flushes, frees the file and its lock. Closing twice is harmless. When the flush throws, all else is done. */
  close(): void {
    if (this.#closed) return
    try {
      this.flush()
    } finally {
      this.#closed = true
      this.#free()
    }
  }

  #free(): void {
    try {
      this.#store?.close()
    } catch (thrown) {
      throw bufferError(this.#path, thrown)
    } finally {
      this.#store = null
      this.#ownership.release()
    }
  }

  /** Does something with the store. A damaged file is set aside, and the same is done with a fresh one. */
  #attempt<A>(action: (store: Store) => A): A {
    if (this.#closed) throw new BufferClosed()
    try {
      const store = this.#store ?? this.#startAfresh()
      try {
        return action(store)
      } catch (thrown) {
        if (!isDamaged(thrown)) throw thrown
        return action(this.#replaceDamaged(store, thrown))
      }
    } catch (thrown) {
      throw bufferError(this.#path, thrown)
    }
  }

  #report({ losses }: Appended): void {
    for (const [reason, loss] of losses) this.#reportLoss(reason, loss)
  }

  #reportLoss(reason: GapReason, loss: Loss): void {
    this.#lostSamples += loss.samples
    this.#onEvent({ _tag: "GapRecorded", reason, ...loss })
  }

  #openStore(): Store {
    const walMissing = this.#driver.exists(this.#path) && !this.#driver.exists(`${this.#path}-wal`)
    try {
      const store = Store.open(this.#driver, this.#path, this.#now(), this.#storeOptions)
      const { former } = store
      if (walMissing && former !== null) this.#onEvent({ _tag: "WalMissing", path: this.#path })
      else if (former !== null && mayHaveLost(former, this.#storeOptions.bootId)) {
        this.#onEvent({ _tag: "FlushesMayBeLost", path: this.#path, lastFlushAtMs: store.lastFlushAtMs() })
      }
      return store
    } catch (thrown) {
      if (!isDamaged(thrown)) throw thrown
      return this.#replaceDamaged(null, thrown)
    }
  }

  #replaceDamaged(store: Store | null, found: Error): Store {
    store?.abandon()
    this.#store = null
    this.#damagedFiles.found(found, this.#now())
    return this.#startAfresh()
  }

  /** A fresh file in the place of the damaged one. Where there is no room for it now, whatever comes next tries again. */
  #startAfresh(): Store {
    this.#damagedFiles.setAside()
    try {
      const store = Store.open(this.#driver, this.#path, this.#now(), this.#storeOptions)
      this.#store = store
      this.#damagedFiles.tell()
      return store
    } catch (thrown) {
      // It goes aside, too.
      if (isDamaged(thrown)) this.#damagedFiles.found(thrown, this.#now())
      throw thrown
    }
  }
}

/** Whether a former owner's last flushes may be gone: they waited for no disk, and the power may have been cut. */
const mayHaveLost = (former: FormerOwner, bootId: string | null): boolean =>
  former.durability === "normal" && (former.bootId === null || former.bootId !== bootId)

export type {
  Backlog,
  BufferEvent,
  Durability,
  GapReason,
  Loss,
  Packet,
  Position,
  StoredChunk,
  StoredItem,
  StoredPacket,
  Waiting,
  WhenFull,
}
