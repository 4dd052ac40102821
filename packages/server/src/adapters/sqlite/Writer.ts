/**
 * Group commit: all units of work that wait share one transaction and one flush to the disk.
 *
 * Units arrive one by one; a turn, taken on the next macrotask so that concurrent arrivals meet, begins one
 * transaction, runs each unit under a savepoint, commits once and only then answers them all. A unit that
 * fails is rolled back to its savepoint and fails alone. A commit that fails fails every unit of the turn.
 *
 * SQLite ends the whole transaction by itself when, for example, the disk is full in the middle of a unit. The
 * units that ran before it in that turn then lost their work without being at fault: they run again in the
 * next turn. This is why the body of a unit may run more than once. It is also why a unit that hardly ever fails can do
 * without a savepoint, which costs it a tenth: when it does fail, the turn is rolled back and taken again, and the unit
 * has a savepoint this time.
 *
 * Plain TypeScript; what a unit is, and how it is answered, is the caller's business.
 */
import type { StorageError } from "@paceline/core/consistency"

export interface Unit {
  /** False once nobody waits for the answer: then it is neither run nor answered. Wanted if not given. */
  readonly isWanted?: () => boolean
  /** It hardly ever fails, so it goes without a savepoint at first. With one if not given. */
  readonly isSure?: boolean
  /** Runs the body, synchronously. True: keep what it wrote. Must not throw. */
  readonly run: () => boolean
  /** Answers. With a failure, nothing of it was stored. Called once; must not throw. */
  readonly answer: (failure: StorageError | undefined) => void
}

/** What the writer needs of its connection. */
export interface TransactionalStore {
  readonly run: (sql: string) => unknown
  readonly inTransaction: boolean
  readonly storageError: (cause: unknown) => StorageError
}

export interface WriterOptions {
  /** At most so many units in one commit. */
  readonly maxUnits?: number
  /** A turn takes no further unit after so many milliseconds, so that the process stays responsive. */
  readonly maxTurnMillis?: number
  /** How long to wait, without blocking the process, while another program holds the file's write lock. */
  readonly busyMillis?: number
}

const BUSY_RETRY_MILLIS = 10

export class Writer {
  readonly #store: TransactionalStore
  readonly #maxUnits: number
  readonly #maxTurnMillis: number
  readonly #busyMillis: number
  /** In the order of their arrival; a set, so that taking one back costs the same however many wait. */
  #waiting = new Set<Unit>()
  /** Those that failed without a savepoint: they get one. */
  readonly #doubted = new Set<Unit>()
  #scheduled = false
  #busySince: number | undefined
  #closed: StorageError | undefined
  #commits = 0

  constructor(store: TransactionalStore, options: WriterOptions = {}) {
    this.#store = store
    this.#maxUnits = options.maxUnits ?? 1000
    this.#maxTurnMillis = options.maxTurnMillis ?? 25
    this.#busyMillis = options.busyMillis ?? 5000
  }

  /** How many transactions were committed so far. */
  get commits(): number {
    return this.#commits
  }

  submit(unit: Unit): void {
    if (this.#closed !== undefined) {
      unit.answer(this.#closed)
      return
    }
    this.#waiting.add(unit)
    this.#schedule()
  }

  /** Runs what still waits, then answers everything with `failure`. */
  close(failure: StorageError): void {
    if (this.#closed !== undefined) return
    while (this.#waiting.size > 0) {
      if (!this.#turn()) break
    }
    this.#closed = failure
    this.#answerAll(failure)
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#takeTurn())
  }

  #takeTurn(): void {
    this.#scheduled = false
    if (this.#closed !== undefined || this.#waiting.size === 0) return
    if (this.#turn()) {
      if (this.#waiting.size > 0) this.#schedule()
    } else {
      this.#scheduled = true
      setTimeout(() => this.#takeTurn(), BUSY_RETRY_MILLIS)
    }
  }

  /** One transaction. False when another program holds the lock and it should be tried again in a moment. */
  #turn(): boolean {
    const startedAt = performance.now()
    try {
      this.#store.run("BEGIN IMMEDIATE")
    } catch (cause) {
      const failure = this.#store.storageError(cause)
      this.#busySince ??= startedAt
      if (failure.reason === "busy" && startedAt - this.#busySince < this.#busyMillis) return false
      this.#busySince = undefined
      this.#answerAll(failure)
      return true
    }
    this.#busySince = undefined

    const ran: Array<Unit> = []
    for (const unit of this.#waiting) {
      this.#waiting.delete(unit)
      const isDoubted = this.#doubted.delete(unit)
      if (unit.isWanted?.() === false) continue
      const outcome = unit.isSure === true && !isDoubted ? this.#runBare(unit) : this.#runUnderSavepoint(unit)
      if (outcome === "again") {
        this.#rollback()
        this.#doubted.add(unit)
        this.#waiting = new Set([...ran, unit, ...this.#waiting])
        return true
      }
      if (outcome !== undefined) {
        this.#rollback()
        this.#waiting = new Set([...ran, ...this.#waiting])
        unit.answer(outcome)
        return true
      }
      ran.push(unit)
      if (ran.length === this.#maxUnits || performance.now() - startedAt > this.#maxTurnMillis) break
    }
    const failure = this.#commit()
    if (failure === undefined) this.#commits++
    for (const unit of ran) unit.answer(failure)
    return true
  }

  /** Answers all that wait with a failure. */
  #answerAll(failure: StorageError): void {
    const failed = this.#waiting
    this.#waiting = new Set()
    this.#doubted.clear()
    for (const unit of failed) unit.answer(failure)
  }

  /** Undefined when the unit's work is in the transaction; what it wrote otherwise cannot be told from the others'. */
  #runBare(unit: Unit): "again" | undefined {
    try {
      return unit.run() && this.#store.inTransaction ? undefined : "again"
    } catch {
      return "again"
    }
  }

  /** Undefined when the transaction still stands, with the unit's work in it or rolled back. */
  #runUnderSavepoint(unit: Unit): StorageError | undefined {
    try {
      this.#store.run("SAVEPOINT unit")
      const keep = unit.run()
      if (!this.#store.inTransaction) {
        throw new Error("SQLite rolled the transaction back in the middle of this unit of work")
      }
      if (!keep) this.#store.run("ROLLBACK TO unit")
      this.#store.run("RELEASE unit")
      return undefined
    } catch (cause) {
      return this.#store.storageError(cause)
    }
  }

  #commit(): StorageError | undefined {
    try {
      this.#store.run("COMMIT")
      return undefined
    } catch (cause) {
      this.#rollback()
      return this.#store.storageError(cause)
    }
  }

  #rollback(): void {
    try {
      if (this.#store.inTransaction) this.#store.run("ROLLBACK")
    } catch {
      // SQLite rolls back by itself what it cannot go on with; the next BEGIN says when something is still wrong.
    }
  }
}
