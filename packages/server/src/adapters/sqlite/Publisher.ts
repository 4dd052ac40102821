/**
 * Publishing: all that waits when the writer takes its turn is appended in one go, as one unit of work.
 *
 * Each publish is kept whole or not at all, and answered once the commit is on the disk. When the group cannot be
 * stored (the disk is full, say), each publish of it is tried alone, so that only those fail that must. At most
 * `maxWaitingRecords` wait as text; who comes then waits in a line, in order, until there is room.
 *
 * Plain TypeScript: no fiber runs while the writer is at work.
 */
import type { StorageError } from "@paceline/core/consistency"
import type { EventLog } from "@paceline/core/messaging"
import { Exit } from "effect"
import type { IsWanted } from "./Answered.ts"
import type { Database } from "./Database.ts"
import { type EncodedRecord, encodeRecord, type LogAppender } from "./LogAppender.ts"
import type { LogStatements } from "./LogStatements.ts"
import type { LogTopics, StoredTopic } from "./LogTopics.ts"
import type { Unit, Writer } from "./Writer.ts"

type Answer = Exit.Exit<ReadonlyArray<EventLog.Position>, StorageError>

/** What somebody wants to publish. */
export interface Publish {
  readonly topic: string
  readonly records: ReadonlyArray<EventLog.NewRecord>
  readonly nowMs: number
  /** False once nobody waits for the answer: then nothing of it is stored, and nothing answered. */
  readonly isWanted: IsWanted
  /** Called once. */
  readonly answer: (exit: Answer) => void
}

interface Admitted {
  readonly publish: Publish
  readonly encoded: ReadonlyArray<EncodedRecord>
  positions: ReadonlyArray<EventLog.Position>
}

/** Where the records lie of what was not appended yet. */
const NONE: ReadonlyArray<EventLog.Position> = []

export interface PublisherParts {
  readonly database: Database
  readonly statements: LogStatements
  readonly writer: Writer
  readonly topics: LogTopics
  readonly appender: LogAppender
  /** Called after the commit, once a topic. */
  readonly onGrown: (topic: string) => void
}

export class Publisher {
  readonly #parts: PublisherParts
  readonly #maxWaitingRecords: number
  /** Those whom the next group takes, and those for whom there was no room. */
  #admitted: Array<Admitted> = []
  readonly #line = new Set<Publish>()
  #waitingRecords = 0
  #groupIsWaiting = false

  constructor(parts: PublisherParts, maxWaitingRecords: number) {
    this.#parts = parts
    this.#maxWaitingRecords = maxWaitingRecords
  }

  submit(publish: Publish): void {
    if (this.#line.size === 0 && this.#hasRoom(publish)) this.#admit(publish)
    else this.#line.add(publish)
  }

  /** One that is larger than all room is let in alone. */
  #hasRoom({ records }: Publish): boolean {
    return this.#waitingRecords === 0 || this.#waitingRecords + records.length <= this.#maxWaitingRecords
  }

  #admit(publish: Publish): void {
    try {
      this.#admitted.push({ publish, encoded: publish.records.map(encodeRecord), positions: NONE })
    } catch (cause) {
      publish.answer(Exit.die(cause))
      return
    }
    this.#waitingRecords += publish.records.length
    if (this.#groupIsWaiting) return
    this.#groupIsWaiting = true
    this.#parts.writer.submit(this.#groupUnit())
  }

  #admitFromLine(): void {
    for (const publish of this.#line) {
      if (!this.#hasRoom(publish)) return
      this.#line.delete(publish)
      if (publish.isWanted()) this.#admit(publish)
    }
  }

  #take(): ReadonlyArray<Admitted> {
    this.#groupIsWaiting = false
    const taken = this.#admitted
    this.#admitted = []
    return taken.filter(({ publish }) => {
      if (publish.isWanted()) return true
      this.#waitingRecords -= publish.records.length
      return false
    })
  }

  /** Appends all that waits at its turn; run again, it keeps what it took. */
  #groupUnit(): Unit {
    let group: ReadonlyArray<Admitted> | undefined
    return this.#unit(
      () => {
        group ??= this.#take()
        return group
      },
      (failure) => {
        const failed = group ?? this.#take()
        // Together they could not be stored: each for itself, so that only those fail that must.
        if (failed.length === 1 || group === undefined || failure.reason === "closed") this.#answer(failed, failure)
        else for (const one of failed) this.#parts.writer.submit(this.#loneUnit(one))
      },
    )
  }

  #loneUnit(one: Admitted): Unit {
    return this.#unit(
      () => [one],
      (failure) => this.#answer([one], failure),
    )
  }

  /** @param onFailure called when the group was not stored by its own fault, or never ran. */
  #unit(group: () => ReadonlyArray<Admitted>, onFailure: (failure: StorageError) => void): Unit {
    let grown = new Map<string, StoredTopic>()
    let own: StorageError | undefined
    let ran = false
    return {
      run: () => {
        own = undefined
        ran = true
        try {
          grown = this.#append(group())
          return true
        } catch (cause) {
          own = this.#parts.database.storageError(cause)
          return false
        }
      },
      answer: (failure) => {
        const failed = own ?? (ran ? undefined : failure)
        if (failed !== undefined) {
          onFailure(failed)
        } else {
          if (failure === undefined) this.#tellGrown(grown)
          this.#answer(group(), failure)
        }
        this.#admitFromLine()
      },
    }
  }

  #append(group: ReadonlyArray<Admitted>): Map<string, StoredTopic> {
    const { appender, statements, topics } = this.#parts
    const grown = new Map<string, StoredTopic>()
    for (const one of group) {
      const { nowMs, topic: name } = one.publish
      let topic = grown.get(name)
      if (topic === undefined) {
        topic = topics.open(name, statements)
        grown.set(name, topic)
      }
      one.positions = appender.append(topic, one.encoded, nowMs)
    }
    return grown
  }

  #tellGrown(grown: ReadonlyMap<string, StoredTopic>): void {
    for (const topic of grown.values()) {
      this.#parts.topics.remember(topic)
      this.#parts.onGrown(topic.name)
    }
  }

  #answer(group: ReadonlyArray<Admitted>, failure: StorageError | undefined): void {
    for (const { positions, publish } of group) {
      this.#waitingRecords -= publish.records.length
      publish.answer(failure === undefined ? Exit.succeed(positions) : Exit.fail(failure))
    }
  }
}
