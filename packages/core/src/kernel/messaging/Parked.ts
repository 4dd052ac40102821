/**
 * The records of one key that wait because the first of them failed, in the order of the log.
 *
 * The first is tried again, alone, with growing pauses; each attempt is counted before it is made, so that one that
 * takes the process with it counts too. When it is through, or has used up its attempts, the next one is the first.
 *
 * The state is plain JSON data, one aggregate a key.
 *
 * @example
 * const parked = Parked.add(Parked.failed(Parked.empty, record, "no such athlete"), laterOnes)
 */

/** A copy of what the log held. */
export interface ParkedRecord {
  readonly offset: number
  readonly key: string
  readonly id: string | null
  readonly payload: unknown
  readonly headers: Readonly<Record<string, string>>
  readonly appendedAtMs: number
}

export interface Parked {
  readonly records: ReadonlyArray<ParkedRecord>
  /** Of the first record. */
  readonly attempts: number
  /** How many of its last attempts have not ended: the present one, and those that took the process with them. */
  readonly unended: number
  readonly error: string | null
  /** When it failed first, milliseconds since the epoch. */
  readonly failedAtMs: number | null
}

export const empty: Parked = { records: [], attempts: 0, unended: 0, error: null, failedAtMs: null }

/** A key is parked because this record failed for the first time. */
export const first = (record: ParkedRecord, error: string, nowMs: number): Parked => ({
  records: [record],
  attempts: 1,
  unended: 0,
  error,
  failedAtMs: nowMs,
})

/** Adds records, each to its place in the order of the log; one that is there already is not added again. */
export const add = (state: Parked, added: ReadonlyArray<ParkedRecord>): Parked => {
  const byOffset = new Map([...added, ...state.records].map((record) => [record.offset, record]))
  if (byOffset.size === state.records.length) return state
  const records = [...byOffset.values()].sort((a, b) => a.offset - b.offset)
  // A record that comes before the one that failed starts with attempts of its own.
  return records[0]?.offset === state.records[0]?.offset ? { ...state, records } : { ...empty, records }
}

/** Before the first record is tried. */
export const attempt = (state: Parked): Parked => ({
  ...state,
  attempts: state.attempts + 1,
  unended: state.unended + 1,
})

/** The attempt failed, and the process lives. */
export const failed = (state: Parked, error: string, nowMs: number): Parked => ({
  ...state,
  unended: 0,
  error,
  failedAtMs: state.failedAtMs ?? nowMs,
})

/** The attempt was not the record's: the store, or a guard, would not let it be made, or others were tried with it. */
export const withdrawn = (state: Parked): Parked => ({
  ...state,
  attempts: Math.max(0, state.attempts - 1),
  unended: 0,
})

/** Whether the first record has had its attempts: `attempts` in all, or `crashes` that took the process with them. */
export const isExhausted = (state: Parked, limits: { readonly attempts: number; readonly crashes: number }): boolean =>
  state.attempts >= limits.attempts || state.unended >= limits.crashes

/** These are done with. What the first one has behind it counts no more when it was among them. */
export const done = (state: Parked, offsets: ReadonlySet<number>): Parked => {
  const records = state.records.filter(({ offset }) => !offsets.has(offset))
  return records[0]?.offset === state.records[0]?.offset ? { ...state, records } : { ...empty, records }
}
