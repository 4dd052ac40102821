/**
 * The statements of the buffer on one opened database. Each method is one transaction at most; what fails
 * throws a `SqliteFailure` and has changed nothing.
 */
import { blob, integer, text } from "../drivers/Row.ts"
import { type SqliteDatabase, type SqliteDriver, SqliteFailure, type SqliteRow } from "../drivers/SqliteDriver.ts"
import type { SealedChunk } from "./Pending.ts"
import { type Reserve, reserveBeside } from "./Reserve.ts"
import { pragma, prepareSchema } from "./Schema.ts"
import { prepareStatements } from "./Statements.ts"

/** Where a reader stands: at a chunk, in the order of delivery. */
export interface Position {
  /** Which opening of the buffer the incarnation belongs to; older ones go first. */
  readonly opened: number
  readonly n: number
}

export interface StoredChunk extends Position {
  readonly _tag: "Chunk"
  readonly incarnation: string
  /** CRC-32 of the payload, taken when the chunk was appended. */
  readonly crc: number
  readonly payload: Uint8Array
}

/** Why samples are missing: deleted to make room, turned away for want of it, or their chunk was damaged here. */
export type GapReason = "evicted" | "refused" | "damaged"

/**
 * What stands where chunks `first` to `last` would: nothing will come of them. It is delivered and acknowledged like
 * a chunk; its `n`, where a reader stands after it, is `last`.
 */
export interface StoredGap extends Position {
  readonly _tag: "Gap"
  readonly incarnation: string
  readonly first: number
  readonly last: number
  /** How many samples are missing. */
  readonly samples: number
  /** The wall clock around what is missing, milliseconds since the epoch. */
  readonly fromMillis: number
  readonly toMillis: number
  readonly reason: GapReason
}

/** What a page of the buffer holds, in order of number. */
export type StoredItem = StoredChunk | StoredGap

export interface Waiting {
  readonly incarnation: string
  /** The lowest number that waits. */
  readonly first: number
}

/** Free pages beyond this many (4 KiB each) are given back to the file system when everything is delivered. */
const KEEP_FREE_PAGES = 256

export class Store {
  /** The last owner did not close this file in order. */
  readonly unclean: boolean
  /** Set by the first append of this opening. */
  incarnation: string | null = null
  /** The number of the last chunk appended by this opening; 0 before the first. */
  last = 0
  readonly #database: SqliteDatabase
  readonly #reserve: Reserve
  readonly #statements: ReturnType<typeof prepareStatements>
  #chunks: number
  #bytes: number

  static open(driver: SqliteDriver, path: string, nowMs: number): Store {
    const reserve = reserveBeside(driver, path)
    try {
      return Store.#openWith(reserve, driver, path, nowMs)
    } catch (thrown) {
      if (!isFull(thrown)) throw thrown
      reserve.release()
      return Store.#openWith(reserve, driver, path, nowMs)
    }
  }

  static #openWith(reserve: Reserve, driver: SqliteDriver, path: string, nowMs: number): Store {
    const database = driver.open(path)
    try {
      prepareSchema(database, path)
      return new Store(database, reserve, driver.processId, nowMs)
    } catch (thrown) {
      database.close()
      throw thrown
    }
  }

  private constructor(database: SqliteDatabase, reserve: Reserve, processId: number, nowMs: number) {
    this.#database = database
    this.#reserve = reserve
    this.#statements = prepareStatements(database)
    this.unclean = this.#statements.readOwner.get() !== undefined
    this.#statements.writeOwner.run(processId, nowMs)
    // The owner's row reaches the file itself, so that a missing log can be noticed next time.
    this.#truncateLog()
    this.#reserve.keep()
    const { chunks, bytes } = totals(this.#statements.total.get())
    this.#chunks = chunks
    this.#bytes = bytes
  }

  append(chunks: ReadonlyArray<SealedChunk>, cursors: ReadonlyMap<string, string>, nowMs: number): void {
    const incarnation = this.incarnation ?? crypto.randomUUID()
    let n = this.last
    this.#database.transaction(() => {
      if (this.incarnation === null && chunks.length > 0) this.#statements.addIncarnation.run(incarnation, nowMs)
      for (const { crc, payload, sampleCount } of chunks) {
        this.#statements.append.run(incarnation, ++n, crc, payload, sampleCount, nowMs)
      }
      for (const [source, position] of cursors) this.#statements.moveCursor.run(source, position)
    })
    // Only now: had the commit failed, the same numbers would go to the same chunks of the next attempt.
    if (chunks.length > 0) this.incarnation = incarnation
    this.last = n
    this.#chunks += chunks.length
    for (const { payload } of chunks) this.#bytes += payload.length
  }

  cursor(source: string): string | null {
    const row = this.#statements.readCursor.get(source)
    return row === undefined ? null : text(row, "position")
  }

  page(after: Position | null, limit: number): ReadonlyArray<StoredChunk> {
    const found: Array<StoredChunk> = []
    let { opened, n } = after ?? { opened: 0, n: 0 }
    for (;;) {
      const rest = this.#statements.pageOf.all(opened, n, limit - found.length)
      for (const row of rest) found.push({ ...chunkOf(row), opened })
      if (found.length >= limit) return found
      const next = this.#statements.nextIncarnation.get(opened)
      if (next === undefined) return found
      opened = integer(next, "opened")
      n = 0
    }
  }

  waiting(limit: number): ReadonlyArray<Waiting> {
    return this.#statements.waiting
      .all(limit)
      .map((row) => ({ incarnation: text(row, "id"), first: integer(row, "first") }))
  }

  acknowledge(incarnation: string, n: number, keep: boolean): number {
    const gone = totals(this.#statements.totalUpTo.get(incarnation, n))
    if (gone.chunks === 0) return 0
    this.#withRoom(() => {
      if (keep) this.#statements.keepUpTo.run(incarnation, n)
      this.#statements.deleteUpTo.run(incarnation, n)
      this.#statements.forgetIncarnation.run(incarnation, this.incarnation ?? "")
    })
    this.#removed(gone)
    return gone.chunks
  }

  quarantine(incarnation: string, n: number, reason: string): boolean {
    const gone = totals(this.#statements.totalOf.get(incarnation, n))
    if (gone.chunks === 0) return false
    this.#withRoom(() => {
      this.#statements.quarantine.run(reason, incarnation, n)
      this.#statements.deleteOne.run(incarnation, n)
      this.#statements.forgetIncarnation.run(incarnation, this.incarnation ?? "")
    })
    this.#removed(gone)
    return true
  }

  backlog(): { readonly chunks: number; readonly bytes: number; readonly oldestAtMs: number | null } {
    const oldest = this.#chunks === 0 ? undefined : this.#statements.oldest.get()
    return {
      chunks: this.#chunks,
      bytes: this.#bytes,
      oldestAtMs: oldest === undefined ? null : integer(oldest, "appended_at_ms"),
    }
  }

  close(): void {
    try {
      this.#withRoom(() => this.#statements.deleteOwner.run())
      this.#truncateLog()
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

  #removed(gone: { readonly chunks: number; readonly bytes: number }): void {
    this.#chunks -= gone.chunks
    this.#bytes -= gone.bytes
    if (this.#chunks > 0 || pragma(this.#database, "freelist_count") <= KEEP_FREE_PAGES) return
    this.#database.exec(`pragma incremental_vacuum(${pragma(this.#database, "freelist_count") - KEEP_FREE_PAGES})`)
  }

  /** Deletes in one transaction, also when the disk is full. */
  #withRoom(deletion: () => void): void {
    try {
      this.#database.transaction(deletion)
    } catch (thrown) {
      if (!isFull(thrown)) throw thrown
      this.#reserve.release()
      try {
        this.#truncateLog()
        this.#database.transaction(deletion)
        this.#truncateLog()
      } finally {
        this.#reserve.keep()
      }
    }
  }

  #truncateLog(): void {
    this.#database.exec("pragma wal_checkpoint(truncate)")
  }
}

const isFull = (thrown: unknown): boolean => thrown instanceof SqliteFailure && thrown.code === "SQLITE_FULL"

const chunkOf = (row: SqliteRow): Omit<StoredChunk, "opened"> => ({
  _tag: "Chunk",
  incarnation: text(row, "incarnation"),
  n: integer(row, "n"),
  crc: integer(row, "crc"),
  payload: blob(row, "payload"),
})

const totals = (row: SqliteRow | undefined): { readonly chunks: number; readonly bytes: number } => ({
  chunks: integer(row ?? {}, "chunks"),
  bytes: integer(row ?? {}, "bytes"),
})
