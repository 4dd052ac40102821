/**
 * What can go wrong with the buffer. Each error is told apart by `_tag`, and its message says what to do.
 * Nothing that was recorded is thrown away by any of them.
 */
import { type SqliteCode, SqliteFailure } from "../drivers/SqliteDriver.ts"

/** Another process, or another bridge in this one, has the buffer open. */
export class BufferOwned extends Error {
  readonly _tag = "BufferOwned"
  override readonly name = "BufferOwned"
  readonly path: string
  /** The process that holds it and since when (milliseconds since the epoch), where it could be read. */
  readonly owner: { readonly pid: number; readonly sinceMs: number } | null

  constructor(path: string, owner: BufferOwned["owner"]) {
    const who =
      owner === null ? "another bridge" : `process ${owner.pid}, since ${new Date(owner.sinceMs).toISOString()}`
    super(`${path} is in use by ${who}. Stop that bridge, or give this one a buffer of its own.`)
    this.path = path
    this.owner = owner
  }
}

/** The file was written by a newer version. It has not been touched. */
export class BufferTooNew extends Error {
  readonly _tag = "BufferTooNew"
  override readonly name = "BufferTooNew"
  readonly path: string
  readonly found: number
  readonly supported: number

  constructor(path: string, found: number, supported: number) {
    super(
      `${path} was written by a newer version of the bridge (schema ${found}, this one knows up to ${supported}). ` +
        "Its data is untouched: upgrade @paceline/device-bridge, or choose another path.",
    )
    this.path = path
    this.found = found
    this.supported = supported
  }
}

/** The driver's SQLite has a fault that can destroy the file. Nothing has been written. */
export class SqliteUnsafe extends Error {
  readonly _tag = "SqliteUnsafe"
  override readonly name = "SqliteUnsafe"
  readonly driver: string
  readonly version: string

  constructor(driver: string, version: string) {
    super(
      `${driver} brings SQLite ${version}, which can lose data that two connections write (the WAL-reset fault, ` +
        "https://sqlite.org/wal.html#walresetbug). Update the driver to one with SQLite 3.51.3 or newer, 3.50.7 or 3.44.6.",
    )
    this.driver = driver
    this.version = version
  }
}

/** The disk is full. Samples stay in memory, up to the bound, and the next flush tries again. */
export class BufferFull extends Error {
  readonly _tag = "BufferFull"
  override readonly name = "BufferFull"
  readonly path: string

  constructor(path: string, cause: unknown) {
    super(
      `The disk under ${path} is full. Samples are kept in memory and tried again; free some space, ` +
        "or connect to the server so that delivered chunks are deleted.",
      { cause },
    )
    this.path = path
  }
}

/** The file cannot be opened, read or written, for another reason than a full disk. */
export class BufferFailed extends Error {
  readonly _tag = "BufferFailed"
  override readonly name = "BufferFailed"
  readonly path: string
  readonly code: SqliteCode

  constructor(path: string, failure: SqliteFailure) {
    super(`${path}: ${failure.message} (${failure.code}). ${advice(failure.code)}`, { cause: failure })
    this.path = path
    this.code = failure.code
  }
}

/** The bridge was closed before this call. */
export class BufferClosed extends Error {
  readonly _tag = "BufferClosed"
  override readonly name = "BufferClosed"

  constructor() {
    super("The bridge is closed. Open a new one to record more.")
  }
}

/** A sample that is none: nothing was recorded of it. */
export class SampleRefused extends Error {
  readonly _tag = "SampleRefused"
  override readonly name = "SampleRefused"
}

/** A stream that cannot be: its name, unit or rate. */
export class StreamRefused extends Error {
  readonly _tag = "StreamRefused"
  override readonly name = "StreamRefused"
  /** What is wrong with it. */
  readonly field: "kind" | "unit" | "hz" | "sensor"

  constructor(field: StreamRefused["field"], message: string) {
    super(message)
    this.field = field
  }
}

export type BufferError = BufferOwned | BufferTooNew | SqliteUnsafe | BufferFull | BufferFailed | BufferClosed

/** What a driver threw, as the buffer says it. Anything that is no `SqliteFailure` is a defect and stays as it is. */
export const bufferError = (path: string, thrown: unknown): unknown => {
  if (!(thrown instanceof SqliteFailure)) return thrown
  return thrown.code === "SQLITE_FULL" ? new BufferFull(path, thrown) : new BufferFailed(path, thrown)
}

const advice = (code: SqliteCode): string => {
  switch (code) {
    case "SQLITE_CANTOPEN":
      return "Check that the folder exists and that this user may write in it."
    case "SQLITE_READONLY":
      return "Make the file and its folder writable for this user."
    case "SQLITE_BUSY":
      return "Another program holds a lock on it: let that program finish."
    case "SQLITE_IOERR":
      return "The storage reports errors: check the disk, and that it is not a network folder."
    default:
      return "If this stays, move the file away and keep it for recovery; recording then starts afresh."
  }
}
