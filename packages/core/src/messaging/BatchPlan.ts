/**
 * What is to become of the next records of a partition, decided before anything is done: which are handled together,
 * which join their key among the parked, which are dead letters at once, and where the group stands after that.
 */
import { Either, ParseResult } from "effect"
import { type Delivered, type Settings, UndecodableEvent } from "./ConsumerOptions.ts"
import { isRedacted, type LogRecord } from "./EventLog.ts"

export interface BatchPlan<A> {
  readonly handle: ReadonlyArray<Delivered<A>>
  /** By key, in the order of the log. */
  readonly park: ReadonlyMap<string, ReadonlyArray<LogRecord>>
  readonly letters: ReadonlyArray<{ readonly record: LogRecord; readonly problem: string }>
  /** How many records all this is. */
  readonly count: number
  /** Where the group stands when it is done. */
  readonly next: number
  /** Why not even the first record can be taken now. */
  readonly stuck: "full" | UndecodableEvent | undefined
}

export interface Bounds {
  /** At most so many to be handled. */
  readonly handle: number
  /** At most so many in all. */
  readonly records: number
  /** At most so many more to be parked. */
  readonly park: number
}

/** The event of a record, or what is wrong with it. */
export const decode = <A, I>(
  { topic }: Pick<Settings<A, I>, "topic">,
  record: LogRecord,
): Either.Either<Delivered<A>, UndecodableEvent> =>
  Either.mapBoth(topic.decode(record.payload), {
    onRight: (event) => ({ record, event }),
    onLeft: (error) =>
      new UndecodableEvent({
        topic: topic.name,
        partition: record.partition,
        offset: record.offset,
        problem: ParseResult.TreeFormatter.formatErrorSync(error),
      }),
  })

/** @param isParked whether a key waits already */
export const plan = <A, I>(
  settings: Settings<A, I>,
  records: ReadonlyArray<LogRecord>,
  isParked: (key: string) => boolean,
  bounds: Bounds,
): BatchPlan<A> => {
  const handle: Array<Delivered<A>> = []
  const park = new Map<string, Array<LogRecord>>()
  const letters: Array<{ readonly record: LogRecord; readonly problem: string }> = []
  let parked = 0
  let count = 0
  let stuck: BatchPlan<A>["stuck"]
  for (const record of records) {
    if (count === bounds.records) break
    // A tombstone says nothing: the group moves past it.
    if (isRedacted(record)) {
      count++
      continue
    }
    if (isParked(record.key)) {
      if (parked === bounds.park) {
        stuck = "full"
        break
      }
      const waiting = park.get(record.key)
      if (waiting === undefined) park.set(record.key, [record])
      else waiting.push(record)
      parked++
    } else {
      if (handle.length === bounds.handle) break
      const decoded = decode(settings, record)
      if (Either.isRight(decoded)) {
        handle.push(decoded.right)
      } else if (settings.undecodable === "wait") {
        stuck = decoded.left
        break
      } else {
        letters.push({ record, problem: decoded.left.message })
      }
    }
    count++
  }
  const last = records[count - 1]
  return {
    handle,
    park,
    letters,
    count,
    next: last === undefined ? 0 : last.offset + 1,
    stuck: count === 0 ? stuck : undefined,
  }
}
