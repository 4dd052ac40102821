/**
 * What the buffer does about a file that is damaged: it sets it aside whole, under a name that says when, and
 * recording starts in a fresh one. The damaged file is never written to again, so that what can be recovered
 * from it stays recoverable (`sqlite3 <file> .recover`).
 */
import { calling, type SqliteDriver, SqliteFailure } from "../drivers/SqliteDriver.ts"
import type { GapReason, Loss } from "./Gaps.ts"

/** Something happened to the buffer that people should know. Recording goes on. */
export type BufferEvent =
  /** The file was damaged and now lies at `asidePath`. What waited in it was not delivered. */
  | { readonly _tag: "BufferSetAside"; readonly path: string; readonly asidePath: string; readonly reason: string }
  /** The last owner did not close in order and the write-ahead log is gone: chunks of its last time may be missing. */
  | { readonly _tag: "WalMissing"; readonly path: string }
  /**
   * With the durability `normal`, the last owner did not close in order, and the device may have lost its power: what
   * was flushed after `lastFlushAtMs` (milliseconds since the epoch, null when nothing is left) may be lost.
   */
  | { readonly _tag: "FlushesMayBeLost"; readonly path: string; readonly lastFlushAtMs: number | null }
  /** This chunk cannot be read, here or at the server. It is kept in the table `quarantine`, the rest flows. */
  | { readonly _tag: "ChunkQuarantined"; readonly incarnation: string; readonly n: number; readonly reason: string }
  /**
   * Samples are lost for want of room, once a flush for each reason, or with a damaged chunk. The server is told in
   * their place.
   */
  | ({ readonly _tag: "GapRecorded"; readonly reason: GapReason } & Loss)

export const isDamaged = (thrown: unknown): thrown is SqliteFailure =>
  thrown instanceof SqliteFailure && (thrown.code === "SQLITE_CORRUPT" || thrown.code === "SQLITE_NOTADB")

/** The damaged files of one buffer, from where they were found to where they are kept. */
export class DamagedFiles {
  readonly #driver: SqliteDriver
  readonly #path: string
  readonly #onEvent: (event: BufferEvent) => void
  /** The one that still lies in the buffer's place. */
  #inPlace: Aside | null = null
  #moved: Array<Aside> = []

  constructor(driver: SqliteDriver, path: string, onEvent: (event: BufferEvent) => void) {
    this.#driver = driver
    this.#path = path
    this.#onEvent = onEvent
  }

  /** The file in the buffer's place is damaged; each gets a name of its own, that no file has yet. */
  found({ message: reason }: Error, nowMs: number): void {
    const time = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, "")
    let asidePath = `${this.#path}.corrupt-${time}`
    for (let again = 2; this.#driver.exists(asidePath); again++) asidePath = `${this.#path}.corrupt-${time}-${again}`
    this.#inPlace = { asidePath, reason }
  }

  /** Moves it and its write-ahead log away together. What failed half way is finished by the same call again. */
  setAside(): void {
    if (this.#inPlace === null) return
    const { asidePath } = this.#inPlace
    for (const suffix of ["-wal", "-shm", ""]) {
      const from = this.#path + suffix
      if (this.#driver.exists(from)) calling(() => this.#driver.rename(from, asidePath + suffix))
    }
    this.#moved.push(this.#inPlace)
    this.#inPlace = null
  }

  /** Says which have been moved, once each. Who hears of it may use the buffer at once. */
  tell(): void {
    for (const aside of this.#moved.splice(0)) this.#onEvent({ _tag: "BufferSetAside", path: this.#path, ...aside })
  }
}

interface Aside {
  readonly asidePath: string
  readonly reason: string
}
