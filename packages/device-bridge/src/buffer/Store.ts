/**
 * The buffer on one opened database. Each method is one transaction at most; what fails throws a `SqliteFailure` and
 * has changed nothing.
 *
 * What was acknowledged counts as gone at once, but is deleted in the next transaction that appends, which then takes
 * the pages that it frees: so an online bridge commits once a flush, and writes little more than the payloads. A crash
 * before that leaves chunks that the server recognises.
 */
import type { TelemetryFrame } from "@paceline/core/wire"
import { integer, text } from "../drivers/Row.ts"
import { type SqliteDatabase, type SqliteDriver, SqliteFailure, type SqliteRow } from "../drivers/SqliteDriver.ts"
import type { Appended, Batch } from "./Batch.ts"
import { Eviction, type WhenFull } from "./Eviction.ts"
import { bothLosses, type GapReason, Gaps, type Loss } from "./Gaps.ts"
import type { Backlog, StoredChunk, StoredItem, Waiting } from "./Items.ts"
import { Line } from "./Line.ts"
import { type FormerOwner, formerOf } from "./Ownership.ts"
import { type Packet, Packets } from "./Packets.ts"
import { firstKeyOf, keyOf, type Position } from "./Position.ts"
import { type DamagedChunk, damagedIn, Quarantine } from "./Quarantine.ts"
import { type Reserve, reserveBeside } from "./Reserve.ts"
import { logBytesWithin, Room } from "./Room.ts"
import { type Durability, prepareSchema } from "./Schema.ts"
import { assertSafeSqlite } from "./SqliteVersion.ts"
import { prepareStatements, type Statements } from "./Statements.ts"

export interface StoreOptions {
  readonly durability: Durability
  /** The most that the file and its log may take, in bytes. */
  readonly maxBytes: number
  readonly whenFull: WhenFull
  /** The most that kept packets may take, in bytes. */
  readonly maxRawBytes: number
  readonly keepDelivered: boolean
  /** Which start of the device this is, where it is known. */
  readonly bootId: string | null
}

/** Some of what waits, and what was found damaged on the way. */
export interface Page {
  readonly items: ReadonlyArray<StoredItem>
  readonly damaged: ReadonlyArray<DamagedChunk>
}

/** Free bytes beyond these are given back to the file system when everything is delivered. */
const KEEP_FREE_BYTES = 1024 * 1024

/** A file that holds more than this is not written anew only to give back what is free in it. */
const SHRINK_BYTES = 4 * 1024 * 1024

/** The incarnation of this opening. */
interface Own {
  readonly opened: number
  readonly incarnation: string
  readonly openedAtMs: number
}

export class Store {
  readonly former: FormerOwner | null
  readonly packets: Packets
  readonly #database: SqliteDatabase
  readonly #reserve: Reserve
  readonly #statements: Statements
  readonly #room: Room
  readonly #gaps: Gaps
  readonly #line: Line
  readonly #quarantine: Quarantine
  readonly #eviction: Eviction
  readonly #keepDelivered: boolean
  /** Null until the first append of this opening. */
  #own: Own | null = null
  /** The last number given in this opening; 0 before the first. */
  #last = 0
  #chunks = 0
  #bytes = 0
  #gapRows = 0
  #gapSamples = 0

  static open(driver: SqliteDriver, path: string, nowMs: number, options: StoreOptions): Store {
    const reserve = reserveBeside(driver, path)
    try {
      return Store.#openWith(reserve, driver, path, nowMs, options)
    } catch (thrown) {
      if (!isFull(thrown)) throw thrown
      reserve.release()
      return Store.#openWith(reserve, driver, path, nowMs, options)
    }
  }

  static #openWith(reserve: Reserve, driver: SqliteDriver, path: string, nowMs: number, options: StoreOptions): Store {
    const database = driver.open(path)
    try {
      assertSafeSqlite(database, driver.name)
      const { durability, maxBytes } = options
      prepareSchema(database, path, { durability, logBytes: logBytesWithin(maxBytes) })
      return new Store(database, reserve, driver.processId, nowMs, options)
    } catch (thrown) {
      database.close()
      throw thrown
    }
  }

  private constructor(
    database: SqliteDatabase,
    reserve: Reserve,
    processId: number,
    nowMs: number,
    options: StoreOptions,
  ) {
    this.#database = database
    this.#reserve = reserve
    this.#statements = prepareStatements(database)
    this.#keepDelivered = options.keepDelivered
    this.#room = new Room(database, this.#statements, options.maxBytes)
    this.#gaps = new Gaps(this.#statements)
    this.#line = new Line(this.#statements, this.#gaps)
    this.#quarantine = new Quarantine(this.#statements, this.#gaps)
    this.packets = new Packets(this.#statements, options.maxRawBytes)
    this.#eviction = new Eviction(this.#statements, this.#gaps, this.#room, options.whenFull)
    this.former = formerOf(this.#statements.readOwner.get())
    // Those of which all was delivered: while one is open, it may yet get more.
    this.#statements.forgetEmptyIncarnations.run()
    this.#statements.writeOwner.run(processId, nowMs, options.durability, options.bootId)
    // The owner's row reaches the file itself, so that a missing log can be noticed next time.
    this.#room.truncateLog()
    this.#reserve.keep()
    this.#count()
  }

  /** This opening's incarnation and the last number given in it; null before the first. */
  get own(): { readonly incarnation: string; readonly n: number } | null {
    return this.#own === null ? null : { incarnation: this.#own.incarnation, n: this.#last }
  }

  append({ chunks, cursors, packets, turnedAway }: Batch, clock: TelemetryFrame.ClockReading): Appended {
    this.#room.begin(chunks.reduce((sum, { payload }) => sum + payload.length, 0))
    const losses = new Map<GapReason, Loss>()
    const lose = (reason: GapReason, loss: Loss): void => {
      losses.set(reason, bothLosses(losses.get(reason) ?? null, loss))
    }
    let own = this.#own
    let n = this.#last
    let items = 0
    const before = { chunks: this.#chunks, bytes: this.#bytes }
    try {
      this.#database.transaction(() => {
        this.#deleteAcknowledged()
        if (chunks.length === 0 && turnedAway === null) return this.#appendBeside(packets, cursors)
        own ??= this.#newIncarnation(clock)
        const { opened, openedAtMs } = own
        const afterMs = clock.wallMs - openedAtMs
        let refused = turnedAway
        for (const chunk of chunks) {
          const { crc, payload, sampleCount } = chunk
          const evicted = this.#eviction.makeRoomFor(payload.length)
          for (const { bytes, loss } of evicted.chunks) {
            this.#chunks--
            this.#bytes -= bytes
            lose("evicted", loss)
          }
          if (!evicted.fits) {
            refused = bothLosses(refused, {
              samples: sampleCount,
              fromMillis: chunk.fromMillis,
              toMillis: chunk.toMillis,
            })
            continue
          }
          this.#statements.append.run(keyOf(opened, ++n), crc | 0, sampleCount, afterMs, payload, clock.monotonicMs)
          this.#room.changed(payload.length)
          this.#chunks++
          this.#bytes += payload.length
          items++
        }
        if (refused !== null) {
          this.#gaps.put(keyOf(opened, ++n), refused, "refused")
          lose("refused", refused)
          items++
        }
        this.#appendBeside(packets, cursors)
      })
    } catch (thrown) {
      // Nothing has changed: the same numbers go to the same chunks of the next attempt.
      this.#chunks = before.chunks
      this.#bytes = before.bytes
      this.packets.recount()
      throw thrown
    }
    this.#own = own
    this.#last = n
    this.#line.settled()
    if (losses.size > 0) this.#countGaps()
    if (this.#room.isOverCap()) this.#shrink()
    return { items, losses }
  }

  /** Deletes what was acknowledged, without waiting for an append; true when there was any. */
  settle(): boolean {
    if (this.#line.acknowledged.size === 0) return false
    this.#withRoom(() => this.#deleteAcknowledged())
    this.#line.settled()
    this.#giveBack()
    return true
  }

  cursor(source: string): string | null {
    const row = this.#statements.readCursor.get(source)
    return row === undefined ? null : text(row, "position")
  }

  /** Chunks and gaps after the position, in order of delivery; gaps that were handed out do not change any more. */
  page(after: Position | null, limit: number): Page {
    const damaged: Array<DamagedChunk> = []
    let items = this.#line.page(after, limit)
    // Where gaps became one, the page has room for more, and that may be damaged too.
    for (let found = damagedIn(items); found.length > 0; found = damagedIn(items)) {
      damaged.push(...this.#keepDamaged(found))
      items = this.#line.page(after, limit)
    }
    const last = items.at(-1) ?? after
    this.#eviction.handedOut(last === null ? 0 : keyOf(last.opened, last.n))
    return { items, damaged }
  }

  waiting(limit: number): ReadonlyArray<Waiting> {
    return this.#line.waiting(limit)
  }

  /** Counts as gone from now on. Says how many chunks that were. */
  acknowledge(incarnation: string, n: number): number {
    const row = this.#statements.openedOf.get(incarnation)
    if (row === undefined) return 0
    const opened = integer(row, "opened")
    const from = keyOf(opened, this.#line.markOf(opened) + 1)
    const next = this.#line.first(from - 1)
    if (next === null || next > keyOf(opened, n)) return 0
    const gone = totals(this.#statements.totalBetween.get(from, keyOf(opened, n)))
    this.#line.acknowledge(opened, n)
    this.#chunks -= gone.chunks
    this.#bytes -= gone.bytes
    if (this.#gapRows > 0) this.settle()
    return gone.chunks
  }

  quarantine(incarnation: string, n: number, reason: string): boolean {
    const row = this.#statements.openedOf.get(incarnation)
    const opened = row === undefined ? 0 : integer(row, "opened")
    const key = keyOf(opened, n)
    const gone = totals(this.#statements.totalBetween.get(key, key))
    if (gone.chunks === 0 || n <= this.#line.markOf(opened)) return false
    this.#withRoom(() => {
      this.#deleteAcknowledged()
      this.#quarantine.keep(incarnation, key, reason)
    })
    this.#line.settled()
    this.#chunks -= gone.chunks
    this.#bytes -= gone.bytes
    this.#giveBack()
    return true
  }

  #keepDamaged(chunks: ReadonlyArray<StoredChunk>): ReadonlyArray<DamagedChunk> {
    let kept: ReadonlyArray<DamagedChunk> = []
    this.#withRoom(() => {
      kept = chunks.map((chunk) => this.#quarantine.keepDamaged(chunk))
    })
    this.#count()
    return kept
  }

  backlog(): Backlog {
    const first = this.#chunks === 0 ? null : this.#line.firstChunk(0)
    return {
      chunks: this.#chunks,
      bytes: this.#bytes,
      oldestAtMs: first?.appendedAtMs ?? null,
      gaps: this.#gapRows,
      gapSamples: this.#gapSamples,
    }
  }

  /** When the newest chunk was appended, milliseconds since the epoch. */
  lastFlushAtMs(): number | null {
    const row = this.#statements.newest.get()
    return row === undefined ? null : integer(row, "appended_at_ms")
  }

  bytesOnDisk(): number {
    return this.#room.bytesOnDisk()
  }

  close(): void {
    try {
      this.settle()
      this.#withRoom(() => this.#statements.deleteOwner.run())
      this.#room.truncateLog()
    } finally {
      this.#database.close()
    }
  }

  /** Closes a damaged database without writing to it any more than SQLite itself does. */
  abandon(): void {
    try {
      this.#database.close()
    } catch {
      // It is damaged; the file is set aside whatever closing says.
    }
  }

  /** What commits with the chunks, in the caller's transaction. */
  #appendBeside(packets: ReadonlyArray<Packet>, cursors: ReadonlyMap<string, string>): void {
    this.packets.keep(packets)
    for (const [source, position] of cursors) this.#statements.moveCursor.run(source, position)
  }

  #newIncarnation({ boot, wallMs }: TelemetryFrame.ClockReading): Own {
    const incarnation = crypto.randomUUID()
    this.#statements.addIncarnation.run(incarnation, wallMs, boot)
    const opened = integer(this.#statements.openedOf.get(incarnation) ?? {}, "opened")
    return { opened, incarnation, openedAtMs: wallMs }
  }

  /** In the caller's transaction. */
  #deleteAcknowledged(): void {
    for (const [opened, n] of this.#line.acknowledged) {
      const [from, to] = [firstKeyOf(opened), keyOf(opened, n)]
      if (this.#keepDelivered) this.#statements.keepBetween.run(this.#line.incarnationOf(opened), from, to)
      this.#statements.deleteBetween.run(from, to)
      if (this.#gapRows > 0) this.#gaps.delete(from, to)
    }
  }

  #count(): void {
    const { bytes, chunks } = totals(this.#statements.total.get())
    this.#chunks = chunks
    this.#bytes = bytes
    this.#countGaps()
  }

  #countGaps(): void {
    const row = this.#statements.gapTotal.get() ?? {}
    this.#gapRows = integer(row, "gaps")
    this.#gapSamples = integer(row, "samples")
  }

  /** When all is delivered, what is much is given back to the file system. */
  #giveBack(): void {
    this.#countGaps()
    if (this.#chunks > 0) return
    const { free, used } = this.#room.shares()
    if (free > KEEP_FREE_BYTES && used < SHRINK_BYTES) this.#shrink()
  }

  /** Writes the file anew without what is free in it. Where there is no room for that, it stays as it is. */
  #shrink(): void {
    try {
      this.#database.exec("vacuum")
      this.#room.truncateLog()
    } catch (thrown) {
      if (!isFull(thrown)) throw thrown
    }
  }

  /** Deletes in one transaction, also when the disk is full. */
  #withRoom(deletion: () => void): void {
    try {
      this.#database.transaction(deletion)
    } catch (thrown) {
      if (!isFull(thrown)) throw thrown
      this.#reserve.release()
      try {
        this.#room.truncateLog()
        this.#database.transaction(deletion)
        this.#room.truncateLog()
      } finally {
        this.#reserve.keep()
      }
    }
  }
}

const isFull = (thrown: unknown): boolean => thrown instanceof SqliteFailure && thrown.code === "SQLITE_FULL"

const totals = (row: SqliteRow | undefined): { readonly chunks: number; readonly bytes: number } => ({
  chunks: integer(row ?? {}, "chunks"),
  bytes: integer(row ?? {}, "bytes"),
})
