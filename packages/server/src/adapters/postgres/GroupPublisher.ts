/**
 * What many fibers publish at once, written together: one statement in flight a topic, while the next one collects.
 *
 * The rows of a partition are locked from the statement to its commit, so a second one at the same time would only wait;
 * put together they share the round trip and the flush to disk. Each publisher is answered after the commit. When the
 * statement fails because of what is in it, it is halved until the one that is to blame fails alone.
 *
 * Publishers wait in line with their records as they are. Only what goes into the next statement is encoded, so the
 * memory that the line takes beside its callers is that of one batch.
 */
import type { SqlError } from "@effect/sql/SqlError"
import { StorageError } from "@paceline/core/consistency"
import type { EventLog } from "@paceline/core/messaging"
import { Cause, Effect, Exit, type Fiber, Option, Runtime, type Scope } from "effect"
import { addRecords, type Columns, emptyColumns } from "./LogRecords.ts"
import { commitError, storageTrouble } from "./PostgresErrors.ts"

type Positions = ReadonlyArray<EventLog.Position>

export interface GroupPublisherOptions {
  /** Writes them in one transaction, all or none. */
  readonly write: (topic: string, columns: Columns) => Effect.Effect<Positions, SqlError | StorageError>
  readonly partitionsOf: (topic: string) => Effect.Effect<number, SqlError | StorageError>
  readonly onWritten: (topic: string) => void
}

export interface GroupPublisher {
  readonly publish: (
    topic: string,
    records: ReadonlyArray<EventLog.NewRecord>,
  ) => Effect.Effect<Positions, StorageError>
}

/** A statement takes no more than so many records, unless one publisher alone brings more. */
const MOST_RECORDS = 5_000
const MOST_CHARACTERS = 4_000_000

interface Waiting {
  readonly records: ReadonlyArray<EventLog.NewRecord>
  readonly answer: (answer: Effect.Effect<Positions, StorageError>) => void
}

class Line {
  readonly #waiting: Array<Waiting> = []
  isServed = false

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  enter(waiting: Waiting): void {
    this.#waiting.push(waiting)
  }

  /** Does nothing for who was taken already. */
  leave(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting)
    if (at >= 0) this.#waiting.splice(at, 1)
  }

  /** Those whose records go into the next statement. */
  take(): ReadonlyArray<Waiting> {
    let records = 0
    const end = this.#waiting.findIndex((waiting, i) => {
      records += waiting.records.length
      return i > 0 && records > MOST_RECORDS
    })
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end)
  }

  putBack(waiting: ReadonlyArray<Waiting>): void {
    this.#waiting.unshift(...waiting)
  }
}

const answerEach = (batch: ReadonlyArray<Waiting>, positions: Positions): void => {
  let from = 0
  for (const { answer, records } of batch) {
    answer(Effect.succeed(positions.slice(from, from + records.length)))
    from += records.length
  }
}

const refuseEach = (batch: ReadonlyArray<Waiting>, cause: Cause.Cause<SqlError | StorageError>): void => {
  const told = Cause.map(cause, (error) => (error._tag === "SqlError" ? commitError(error) : error))
  for (const { answer } of batch) answer(Effect.failCause(told))
}

/** Whether the database refused what it was given, as opposed to being in trouble itself. */
const isOfTheRecords = (cause: Cause.Cause<SqlError | StorageError>): boolean => {
  const error = Option.getOrUndefined(Cause.failureOption(cause))
  return error?._tag === "SqlError" && storageTrouble(error) === undefined
}

const closed = new StorageError({ reason: "closed", message: "The store was closed. Nothing was written." })

/** Stops taking when its scope closes, and writes what waits. */
export const make = (options: GroupPublisherOptions): Effect.Effect<GroupPublisher, never, Scope.Scope> =>
  Effect.gen(function* () {
    const runFork = Runtime.runFork(yield* Effect.runtime<never>())
    const lines = new Map<string, Line>()
    const serving = new Set<Fiber.RuntimeFiber<void>>()
    let isClosed = false

    /** Encodes as many as fit into one statement; the others go back. Who brought no JSON data dies alone. */
    const encode = (line: Line, taken: ReadonlyArray<Waiting>, partitions: number) => {
      const columns = emptyColumns()
      const batch: Array<Waiting> = []
      for (const [i, waiting] of taken.entries()) {
        if (columns.size > MOST_CHARACTERS) {
          line.putBack(taken.slice(i))
          break
        }
        try {
          addRecords(columns, waiting.records, partitions)
          batch.push(waiting)
        } catch (defect) {
          waiting.answer(Effect.die(defect))
        }
      }
      return { batch, columns }
    }

    const writeHalves = (topic: string, batch: ReadonlyArray<Waiting>, partitions: number): Effect.Effect<void> => {
      const middle = Math.ceil(batch.length / 2)
      return Effect.forEach(
        [batch.slice(0, middle), batch.slice(middle)],
        (half) => {
          const columns = emptyColumns()
          for (const { records } of half) addRecords(columns, records, partitions)
          return write(topic, half, columns, partitions)
        },
        { discard: true },
      )
    }

    const write = (
      topic: string,
      batch: ReadonlyArray<Waiting>,
      columns: Columns,
      partitions: number,
    ): Effect.Effect<void> =>
      Effect.matchCauseEffect(options.write(topic, columns), {
        onSuccess: (positions) =>
          Effect.sync(() => {
            answerEach(batch, positions)
            options.onWritten(topic)
          }),
        onFailure: (cause) =>
          batch.length > 1 && isOfTheRecords(cause)
            ? writeHalves(topic, batch, partitions)
            : Effect.sync(() => refuseEach(batch, cause)),
      })

    const serve = (topic: string, line: Line): Effect.Effect<void> =>
      Effect.gen(function* () {
        while (!line.isEmpty) {
          const partitions = yield* Effect.exit(options.partitionsOf(topic))
          const taken = line.take()
          if (Exit.isFailure(partitions)) {
            refuseEach(taken, partitions.cause)
            continue
          }
          const { batch, columns } = encode(line, taken, partitions.value)
          if (batch.length > 0) yield* write(topic, batch, columns, partitions.value)
        }
        line.isServed = false
      })

    const enter = (topic: string, waiting: Waiting): Line => {
      const line = lines.get(topic) ?? new Line()
      lines.set(topic, line)
      line.enter(waiting)
      if (!line.isServed) {
        line.isServed = true
        const fiber = runFork(serve(topic, line))
        serving.add(fiber)
        fiber.addObserver(() => serving.delete(fiber))
      }
      return line
    }

    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        isClosed = true
        return Effect.forEach(Array.from(serving), (fiber) => fiber.await, { discard: true })
      }),
    )

    return {
      publish: (topic, records) =>
        records.length === 0
          ? Effect.succeed([])
          : Effect.async<Positions, StorageError>((resume) => {
              if (isClosed) return resume(Effect.fail(closed))
              const waiting = { records, answer: resume }
              const line = enter(topic, waiting)
              return Effect.sync(() => line.leave(waiting))
            }),
    }
  })
