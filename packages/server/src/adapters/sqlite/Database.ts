/**
 * One connection to the SQLite file: its settings, its prepared statements, its errors.
 *
 * Every connection runs in WAL mode. The one writer flushes each commit to the disk (`synchronous=FULL`, and
 * F_FULLFSYNC on macOS) and never checkpoints on the commit path; readers are `query_only`, so a stray write
 * outside a unit of work fails instead of slipping past it. Statements are prepared once and kept; bun:sqlite
 * itself keeps only twenty.
 */
import { Database as BunDatabase, type Changes, type SQLQueryBindings, type Statement } from "bun:sqlite"
import type { StorageError } from "@paceline/core/consistency"
import { Effect, type Scope } from "effect"
import { codeOf, storageError, storageTrouble, storeClosed } from "./SqliteErrors.ts"

/** `writer` is the one connection that writes; `reader` refuses writes. */
export type Role = "writer" | "reader"

export interface OpenOptions {
  /** How long a statement of this connection waits for another program's lock, in milliseconds. */
  readonly busyTimeoutMillis?: number
  /** The greatest size of the file, in pages of 4096 bytes. For quotas, and for tests of a full disk. */
  readonly maxPageCount?: number
}

/** What may be bound to a `?`. Booleans become 0 and 1. */
export type Binding = SQLQueryBindings

export type Prepared<Row> = Statement<Row, Array<Binding>>

/** Between so many and twice as many statements are kept prepared. */
const STATEMENTS_KEPT = 250

const pragmas = (role: Role, options: OpenOptions): ReadonlyArray<string> => [
  `busy_timeout=${options.busyTimeoutMillis ?? 5000}`,
  ...(role === "reader" ? [] : ["journal_mode=WAL"]),
  "synchronous=FULL",
  "fullfsync=ON",
  "checkpoint_fullfsync=ON",
  "foreign_keys=ON",
  "wal_autocheckpoint=0",
  "temp_store=MEMORY",
  ...(role === "reader" ? ["query_only=ON"] : []),
  ...(options.maxPageCount === undefined ? [] : [`max_page_count=${options.maxPageCount}`]),
]

export class Database {
  readonly path: string
  readonly #role: Role
  readonly #raw: BunDatabase
  readonly #dataVersion: Prepared<{ data_version: number }>
  /** Statements used lately, and those used before them: what is in neither generation is finalized. */
  #statements = new Map<string, Prepared<unknown>>()
  #olderStatements = new Map<string, Prepared<unknown>>()
  #closed = false
  #generation = 0
  #othersVersion: number | undefined
  #isCommitted = true

  /** Throws what bun:sqlite throws. */
  constructor(path: string, role: Role, options: OpenOptions = {}) {
    this.path = path
    this.#role = role
    this.#raw = new BunDatabase(path, { readwrite: true, create: role === "writer" })
    try {
      for (const pragma of pragmas(role, options)) this.#raw.run(`PRAGMA ${pragma}`)
      this.#dataVersion = this.prepare("PRAGMA data_version")
    } catch (cause) {
      this.#raw.close()
      throw cause
    }
  }

  /** The prepared statement of `sql`, made at its first use. Not to be kept by the caller. */
  statement(sql: string): Prepared<unknown> {
    const recent = this.#statements.get(sql)
    if (recent !== undefined) return recent
    const statement = this.#olderStatements.get(sql) ?? this.prepare(sql)
    this.#olderStatements.delete(sql)
    if (this.#statements.size === STATEMENTS_KEPT) {
      for (const unused of this.#olderStatements.values()) unused.finalize()
      this.#olderStatements = this.#statements
      this.#statements = new Map()
    }
    this.#statements.set(sql, statement)
    return statement
  }

  /** A statement that the caller keeps as long as the connection lives: for hot paths. */
  prepare<Row>(sql: string): Prepared<Row> {
    if (this.#closed) throw storeClosed(this.path)
    return this.#raw.prepare<Row, Array<Binding>>(sql)
  }

  run(sql: string): Changes {
    const changes = this.statement(sql).run()
    if (sql === "BEGIN IMMEDIATE") this.#begun()
    else if (sql === "COMMIT") this.#isCommitted = true
    else if (sql.startsWith("ROLLBACK")) this.#generation++
    return changes
  }

  /**
   * Rises when something of what was written is undone, and when a transaction finds that another connection has written:
   * what the writer remembers of the file is then to be forgotten.
   */
  get generation(): number {
    return this.#generation
  }

  #begun(): void {
    const others = this.#dataVersion.get()?.data_version
    // One that did not end with its commit was rolled back by SQLite itself.
    if (others !== this.#othersVersion || !this.#isCommitted) this.#generation++
    this.#othersVersion = others
    this.#isCommitted = false
  }

  /** False also after SQLite rolled the transaction back by itself, as it does when the disk is full. */
  get inTransaction(): boolean {
    return this.#raw.inTransaction
  }

  storageError(cause: unknown): StorageError {
    return this.#closed ? storeClosed(this.path) : storageError(cause, this.path)
  }

  /** The store's own trouble, or undefined when the statement was at fault: `explain` then says how. */
  storageTrouble(cause: unknown): StorageError | undefined {
    if (this.#closed) return storeClosed(this.path)
    return this.#isRefusedWrite(cause) ? undefined : storageTrouble(cause, this.path)
  }

  explain(cause: unknown): string {
    if (this.#isRefusedWrite(cause)) {
      return "Writing goes through UnitOfWork.run: outside a unit of work the database only reads"
    }
    return cause instanceof Error ? cause.message : String(cause)
  }

  #isRefusedWrite(cause: unknown): boolean {
    return this.#role === "reader" && codeOf(cause) === "SQLITE_READONLY"
  }

  /** Finalizes all statements. The last connection to close folds the WAL into the file. */
  close(): void {
    this.#closed = true
    this.#raw.close(true)
  }
}

/** Opens a connection that closes with its scope. */
export const open = (
  path: string,
  role: Role,
  options?: OpenOptions,
): Effect.Effect<Database, StorageError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({ try: () => new Database(path, role, options), catch: (cause) => storageError(cause, path) }),
    (database) => Effect.sync(() => database.close()),
  )
