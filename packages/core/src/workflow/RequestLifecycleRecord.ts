/** What is stored of a request, and under which names. */
import { Effect, Schema } from "effect"

/** A line of the history. */
export const Entry = Schema.Struct({
  atMs: Schema.Number,
  /** A message's name, or `created`, `timer`, `cancel`. */
  trigger: Schema.String,
  from: Schema.NullOr(Schema.String),
  /** Null: it changed nothing. */
  to: Schema.NullOr(Schema.String),
  /** Why it changed nothing, or why it was cancelled. */
  note: Schema.NullOr(Schema.String),
})
export type Entry = typeof Entry.Type

const Request = Schema.Struct({
  state: Schema.String,
  sinceMs: Schema.Number,
  timerAtMs: Schema.NullOr(Schema.Number),
  createdAtMs: Schema.Number,
  /** As its schema encodes it. */
  data: Schema.Unknown,
  history: Schema.Array(Entry),
})
export type Request = typeof Request.Type

const decode = Schema.decodeUnknown(Request)

// What this library wrote itself, and cannot read, is a defect.
export const read = (stored: unknown): Effect.Effect<Request> => Effect.orDie(decode(stored))

/** So many lines are kept: the first, and the latest. */
const LONGEST = 500

export const noted = (history: ReadonlyArray<Entry>, entry: Entry): ReadonlyArray<Entry> =>
  history.length < LONGEST ? [...history, entry] : [...history.slice(0, 1), ...history.slice(2), entry]

export const kindOf = (lifecycle: string): string => `request/${lifecycle}`
