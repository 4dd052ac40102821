/**
 * What SQLite says when something goes wrong, told as `StorageError` in words that say what to do.
 *
 * SQLite's result codes are documented at https://sqlite.org/rescode.html. Only the kinds of trouble that a
 * caller treats differently get a reason of their own; a statement's own mistake is `refused`, with SQLite's message.
 */
import { SQLiteError } from "bun:sqlite"
import { StorageError } from "@paceline/core/consistency"

type Reason = StorageError["reason"]

/** The trouble with the store itself, as opposed to a mistake in a statement: these are never the caller's fault. */
const troubles: ReadonlyArray<readonly [prefix: string, reason: Reason, advice: string]> = [
  ["SQLITE_FULL", "full", "The disk is full. Nothing was written; reading still works. Free some space and try again."],
  ["SQLITE_BUSY", "busy", "Another program holds the database locked. Close it, or try again later."],
  ["SQLITE_LOCKED", "busy", "The database is locked. Try again later."],
  ["SQLITE_CORRUPT", "corrupt", "The database file is damaged. Stop the server and restore the newest backup."],
  [
    "SQLITE_NOTADB",
    "corrupt",
    "The file is not a Paceline database, or its first page is damaged. Restore the newest backup.",
  ],
  ["SQLITE_IOERR", "failed", "The disk failed to read or write."],
  [
    "SQLITE_CANTOPEN",
    "failed",
    "The database file cannot be opened. Check that its folder exists and may be written to.",
  ],
  [
    "SQLITE_READONLY",
    "failed",
    "The database file may not be written to. Check the permissions of the file and its folder.",
  ],
  ["SQLITE_NOMEM", "failed", "The system is out of memory."],
]

export const codeOf = (cause: unknown): string =>
  cause instanceof SQLiteError && cause.code !== undefined ? cause.code : ""

/** The store's own trouble, or undefined when the statement was wrong (a constraint, a syntax error …). */
export const storageTrouble = (cause: unknown, path: string): StorageError | undefined => {
  if (cause instanceof StorageError) return cause
  const code = codeOf(cause)
  const trouble = troubles.find(([prefix]) => code.startsWith(prefix))
  if (trouble === undefined) return undefined
  const [, reason, advice] = trouble
  return new StorageError({ reason, message: `${advice} (${path}: ${code})`, cause })
}

/** Any failure of the store, as a `StorageError`. */
export const storageError = (cause: unknown, path: string): StorageError =>
  storageTrouble(cause, path) ??
  new StorageError({
    reason: "refused",
    message: `${cause instanceof Error ? cause.message : String(cause)} (${path})`,
    cause,
  })

/** What everything on a store that was shut down answers. */
export const storeClosed = (path: string): StorageError =>
  new StorageError({ reason: "closed", message: `The store is closed. (${path})` })
