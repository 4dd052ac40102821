/** How a record of the log becomes an event of a stream: whose it is, and when it happened. */
import type { WindowEvent } from "../kernel/streams/WindowPane.ts"
import type { Delivered } from "../messaging/ConsumerOptions.ts"
import type { LogRecord } from "../messaging/EventLog.ts"

export interface Placing<Ev> {
  readonly name: string
  readonly keyOf: (event: Ev, record: LogRecord) => string
  readonly atMillisOf: (event: Ev, record: LogRecord) => number
  /** Where the keys of a partition lie. */
  readonly shardOf: (partition: number) => number
}

/** Dates end 463 days after this, on either side of the epoch; so a month around it is one. */
const FURTHEST_MILLIS = 8.6e15

export const windowEvent = <Ev>(
  { atMillisOf, keyOf }: Placing<Ev>,
  { event, record }: Delivered<Ev>,
  readAtMillis: number,
): WindowEvent<Ev> => {
  const atMillis = Math.floor(atMillisOf(event, record))
  return {
    key: keyOf(event, record),
    partition: `${record.partition}`,
    atMillis: Math.abs(atMillis) <= FURTHEST_MILLIS ? atMillis : Number.NaN,
    readAtMillis,
    value: event,
  }
}

/** Keys of records lie with their partition, so that partitions are worked on side by side; others may be anywhere. */
export const placing = <Ev>(options: {
  readonly name: string
  readonly keyOf?: (event: Ev, record: LogRecord) => string
  readonly atMillisOf: (event: Ev, record: LogRecord) => number
}): Placing<Ev> => ({
  name: options.name,
  keyOf: options.keyOf ?? ((_, record) => record.key),
  atMillisOf: options.atMillisOf,
  shardOf: options.keyOf === undefined ? (partition) => partition : () => 0,
})
