/**
 * The next records of one partition, read before they are needed: while a batch is handled the next ones are fetched.
 *
 * Never more than `prefetch` records are in memory, those being handled included, so a slow handler holds the reading
 * back and not the other way round.
 */
import { type Context, Effect, Fiber } from "effect"
import type { StorageError } from "../consistency/UnitOfWork.ts"
import type { EventLog, LogRecord } from "./EventLog.ts"

export class ReadAhead {
  readonly #log: Context.Tag.Service<typeof EventLog>
  readonly #topic: string
  readonly #partition: number
  readonly #prefetch: number
  #records: Array<LogRecord> = []
  /** The offset to read on from. */
  #next = 0
  /** The last read gave all that was asked for: there may be more. */
  #mayGoOn = true
  #reading: Fiber.Fiber<ReadonlyArray<LogRecord>, StorageError> | undefined

  constructor(log: Context.Tag.Service<typeof EventLog>, topic: string, partition: number, prefetch: number) {
    this.#log = log
    this.#topic = topic
    this.#partition = partition
    this.#prefetch = prefetch
  }

  /** From the group's offset on, in order. They stay until they are dropped. */
  get records(): ReadonlyArray<LogRecord> {
    return this.#records
  }

  /** Forgets everything, to begin at `from`. */
  reset(from: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const reading = this.#reading
      this.#records = []
      this.#next = from
      this.#mayGoOn = true
      this.#reading = undefined
      return reading === undefined ? Effect.void : Effect.asVoid(Fiber.interrupt(reading))
    })
  }

  /** Sees to it that there are `wanted` records, or all that the log has. */
  fill(wanted: number): Effect.Effect<void, StorageError> {
    return Effect.suspend(() => {
      const reading = this.#reading
      if (reading === undefined) return this.#fillNow(wanted)
      // Forgotten first: a read that failed is made again.
      this.#reading = undefined
      return Effect.flatMap(Fiber.join(reading), (found) => {
        this.#take(found)
        return this.#fillNow(wanted)
      })
    })
  }

  /** Starts to fetch what there is room for, when there may be more. */
  get ahead(): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.#mayGoOn && this.#reading === undefined && this.#room > 0
        ? Effect.map(Effect.fork(this.#read), (fiber) => {
            this.#reading = fiber
          })
        : Effect.void,
    )
  }

  /** The first `count` are done with. */
  drop(count: number): void {
    this.#records.splice(0, count)
  }

  #fillNow(wanted: number): Effect.Effect<void, StorageError> {
    return this.#records.length < wanted ? Effect.map(this.#read, (found) => this.#take(found)) : Effect.void
  }

  get #room(): number {
    return this.#prefetch - this.#records.length
  }

  get #read(): Effect.Effect<ReadonlyArray<LogRecord>, StorageError> {
    return Effect.suspend(() => {
      const room = this.#room
      return Effect.map(this.#log.read(this.#topic, this.#partition, this.#next, room), (found) => {
        this.#mayGoOn = found.length === room
        return found
      })
    })
  }

  #take(found: ReadonlyArray<LogRecord>): void {
    const last = found.at(-1)
    if (last === undefined) return
    for (const record of found) this.#records.push(record)
    this.#next = last.offset + 1
  }
}
