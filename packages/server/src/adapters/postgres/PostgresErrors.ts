/**
 * What PostgreSQL says when something goes wrong, told as `StorageError` in words that say what to do.
 *
 * Its SQLSTATE codes are in appendix A of its manual. Trouble without a code is the connection's.
 */
import { SqlError } from "@effect/sql/SqlError"
import { StorageError } from "@paceline/core/consistency"
import { Effect } from "effect"

type Reason = StorageError["reason"]

/** The trouble with the store itself, as opposed to a mistake in a statement, by the beginning of its code. */
const troubles: ReadonlyArray<readonly [prefix: string, reason: Reason, advice: string]> = [
  ["53100", "full", "The database's disk is full. Nothing was written. Free some space and try again."],
  ["53300", "busy", "The database has no connection left. Try again later, or lower the pools of its clients."],
  ["25P03", "failed", "The unit of work paused for so long that the database ended it."],
  ["53", "failed", "The database is out of resources."],
  ["40001", "busy", "The transaction collided with another. Try again."],
  ["40P01", "busy", "The transaction and another waited for each other. Try again."],
  ["55P03", "busy", "A row is locked by another transaction. Try again later."],
  ["57P03", "busy", "The database is starting or stopping. Try again in a moment."],
  ["57P", "failed", "The database closed the connection."],
  ["58", "failed", "The database's disk failed to read or write."],
  ["08", "failed", "The connection to the database failed."],
  ["28", "failed", "The database refused the user or the password."],
  ["3D", "failed", "The database does not exist."],
  ["XX001", "corrupt", "The database is damaged. Restore the newest backup."],
  ["XX002", "corrupt", "An index of the database is damaged. Rebuild it with REINDEX, or restore the newest backup."],
]

/** What the driver's pool says to who waited too long. */
const NO_FREE_CONNECTION = "timeout exceeded when trying to connect"

/** What lies at the bottom of an error of the client. */
const rootOf = (error: unknown): unknown => (error instanceof SqlError ? rootOf(error.cause) : error)

/** The SQLSTATE, or undefined when it never came to the database's answer. */
const sqlStateOf = (root: unknown): string | undefined => {
  const code: unknown = typeof root === "object" && root !== null ? Reflect.get(root, "code") : undefined
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** The store's own trouble, or undefined when the statement was wrong (a constraint, a syntax error …). */
export const storageTrouble = (error: SqlError): StorageError | undefined => {
  const cause = rootOf(error)
  if (cause instanceof StorageError) return cause
  const state = sqlStateOf(cause)
  if (state === undefined && messageOf(cause) === NO_FREE_CONNECTION) {
    const message = "All connections of this process were taken for too long. Try again later, or give it more of them."
    return new StorageError({ reason: "busy", message, cause })
  }
  if (state === undefined) {
    const message = `The database cannot be reached, or ended the connection: ${messageOf(cause)}`
    return new StorageError({ reason: "failed", message, cause })
  }
  const trouble = troubles.find(([prefix]) => state.startsWith(prefix))
  if (trouble === undefined) return undefined
  const [, reason, advice] = trouble
  return new StorageError({ reason, message: `${advice} (${state}: ${messageOf(cause)})`, cause })
}

/** Any failure of a statement, as a `StorageError`. */
export const storageError = (error: SqlError): StorageError =>
  storageTrouble(error) ??
  new StorageError({ reason: "refused", message: messageOf(rootOf(error)), cause: rootOf(error) })

/** A commit that failed. Where its answer was lost, nobody can say what became of it. */
export const commitError = (error: SqlError): StorageError => {
  const told = storageError(error)
  const state = sqlStateOf(rootOf(error))
  if (state !== undefined && !state.startsWith("08") && !state.startsWith("57P")) return told
  const message = `The connection was lost during the commit: it may have been written, or not. (${told.message})`
  return new StorageError({ reason: told.reason, message, cause: told.cause })
}

/** Whether the database gave the transaction up so that another could go on: run again, it may pass. */
export const isCollision = (error: unknown): boolean => {
  const root = error instanceof StorageError ? error.cause : rootOf(error)
  const state = sqlStateOf(root)
  return state === "40001" || state === "40P01"
}

const isSqlError = <E>(error: E): error is Extract<E, SqlError> => error instanceof SqlError

/** Statements that fail do so as `StorageError`; other failures stay as they are. */
export const withStorageErrors = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, Exclude<E, Extract<E, SqlError>> | StorageError, R> =>
  Effect.catchIf(effect, isSqlError<E>, (error) => Effect.fail(storageError(error)))
