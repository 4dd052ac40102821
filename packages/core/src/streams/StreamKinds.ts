/**
 * Where a stream keeps what belongs to it, in the `AggregateStore`. Names are escaped, so that a `/` in one makes no
 * other kind; usual names look as they are.
 */

/** One aggregate for each stream: what it was defined as. */
export const definitions = "stream-definition"

/** One aggregate for each key that has windows. */
export const keys = (stream: string): string => `stream-key/${encodeURIComponent(stream)}`

/** One aggregate for each partition: how far its events have come. */
export const marks = (stream: string): string => `stream-mark/${encodeURIComponent(stream)}`

/** One aggregate for each shard of keys: who writes to it waits here for the other. */
export const gates = (stream: string): string => `stream-gate/${encodeURIComponent(stream)}`

/** The consumer group of a stream. */
export const group = (stream: string): string => `stream/${stream}`
