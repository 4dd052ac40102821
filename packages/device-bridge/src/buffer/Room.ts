/**
 * How much of the disk the buffer may take, and takes: its file and its write-ahead log together.
 *
 * Sums of payloads would say too little: pages are filled in part, and the log holds again what the file does not have
 * yet. So pages and frames are counted, and the estimate for what comes next errs to the safe side.
 */
import { integer } from "../drivers/Row.ts"
import type { SqliteDatabase } from "../drivers/SqliteDriver.ts"
import { LOG_BYTES, pragma } from "./Schema.ts"
import type { Statements } from "./Statements.ts"

/** The least cap that there is any sense in: a few of the largest chunks, and the log for them. */
export const LEAST_BUFFER_BYTES = 1024 * 1024

/** What a page in the log has before it (https://sqlite.org/fileformat2.html#walformat). */
const FRAME_HEAD_BYTES = 24
const LOG_HEAD_BYTES = 32

/** Pages that an insertion or a deletion changes beside those of the payload: leaf, parents, free list, first page. */
const PAGES_AROUND = 6

/** At how many bytes the log is copied into the file, so that file and log stay within the cap together. */
export const logBytesWithin = (maxBytes: number): number => Math.min(LOG_BYTES, Math.max(maxBytes / 8, LOG_BYTES / 4))

export class Room {
  readonly #database: SqliteDatabase
  readonly #statements: Statements
  readonly #maxBytes: number
  readonly #pageBytes: number
  /** As they were last counted. Counting costs as much as writing, so it is done when the cap may be near. */
  #pages: number
  #freePages: number
  /** What the log's file may have grown to since it was last emptied. */
  #logBytes = 0
  /** Pages that were written since the file was counted, and since the log was; at most. */
  #grownPages = 0
  #grownLogPages = 0

  constructor(database: SqliteDatabase, statements: Statements, maxBytes: number) {
    this.#database = database
    this.#statements = statements
    this.#maxBytes = maxBytes
    this.#pageBytes = pragma(database, "page_size")
    this.#pages = 0
    this.#freePages = 0
    this.#countPages()
  }

  /** The file and its log, in bytes. The log may in truth be smaller. */
  bytesOnDisk(): number {
    this.#countPages()
    this.#countLog()
    return this.#pages * this.#pageBytes + this.#logBytes
  }

  /** Bytes of the file that are in use, and that are free. */
  shares(): { readonly used: number; readonly free: number } {
    this.#countPages()
    return { used: (this.#pages - this.#freePages) * this.#pageBytes, free: this.#freePages * this.#pageBytes }
  }

  /** A transaction that is to write so many bytes of payloads is about to begin. */
  begin(payloadBytes: number): void {
    const pages = this.#pagesOf(payloadBytes)
    if (this.#fits(pages)) return
    this.#countPages()
    this.#countLog()
    if (!this.#fits(pages)) this.truncateLog()
  }

  /** Whether the transaction may store a payload of so many bytes more. */
  fits(payloadBytes: number): boolean {
    const pages = this.#pagesOf(payloadBytes)
    if (this.#fits(pages)) return true
    this.#countPages()
    return this.#fits(pages)
  }

  /** The transaction has stored, or deleted, so many bytes of payload. */
  changed(payloadBytes: number): void {
    this.#grownPages += this.#pagesOf(payloadBytes)
    this.#grownLogPages += this.#pagesOf(payloadBytes)
  }

  /** Whether the file is larger than it may be. What it holds may be less: it was opened with a lower cap. */
  isOverCap(): boolean {
    const most = this.#maxBytes - 2 * logBytesWithin(this.#maxBytes)
    if ((this.#pages + this.#grownPages) * this.#pageBytes <= most) return false
    this.#countPages()
    return this.#pages * this.#pageBytes > most
  }

  /** Copies the log into the file and empties it, as far as nobody else is reading. */
  truncateLog(): void {
    this.#database.exec("pragma wal_checkpoint(truncate)")
    this.#logBytes = 0
    this.#countLog()
  }

  #fits(pages: number): boolean {
    const file = (this.#pages - this.#freePages + this.#grownPages + pages) * this.#pageBytes
    const log = this.#logBytes + (this.#grownLogPages + pages) * (this.#pageBytes + FRAME_HEAD_BYTES)
    // The file never takes the room that the log needs for transactions to come.
    return file + Math.max(log, 2 * logBytesWithin(this.#maxBytes)) <= this.#maxBytes
  }

  #pagesOf(payloadBytes: number): number {
    // A page that continues a payload holds four bytes less, for the number of the next.
    return Math.ceil(payloadBytes / (this.#pageBytes - 4)) + PAGES_AROUND
  }

  #countPages(): void {
    this.#pages = integer(this.#statements.pageCount.get() ?? {}, "page_count")
    this.#freePages = integer(this.#statements.freePages.get() ?? {}, "freelist_count")
    this.#grownPages = 0
  }

  /** Not within a transaction. */
  #countLog(): void {
    const frames = integer(this.#statements.logFrames.get() ?? {}, "log")
    const bytes = frames === 0 ? 0 : LOG_HEAD_BYTES + frames * (this.#pageBytes + FRAME_HEAD_BYTES)
    this.#logBytes = Math.max(this.#logBytes, bytes)
    this.#grownLogPages = 0
  }
}
