/**
 * Finds the record that crashes the process, or that a partition in strict order waits at, across crashes.
 *
 * A process that crashes cannot say which record it was at. So: a partition that is taken over uncleanly for the second
 * time at the same offset is gone through with care, one record at a time, each attempt noted durably before it is made.
 * Who crashes now is named by its own note. As long as nothing happens, nothing is noted, and it costs nothing.
 *
 * The state is plain JSON data, stored beside the group's offset.
 *
 * @example
 * let state = Suspicion.takenOver(undefined, 40, 200) // once: chance
 * state = Suspicion.takenOver(state, 40, 200) // twice at the same offset: careful until offset 240
 * state = Suspicion.attempt(state, 40) // noted before record 40 is tried
 */

/** A record that is tried alone. */
export interface Mark {
  readonly offset: number
  /** How often it was tried, the present attempt included. */
  readonly attempts: number
  /** How many of the last attempts have not ended: the present one, and those that took the process with them. */
  readonly unended: number
  /** What the last attempt that ended failed with. */
  readonly error: string | null
}

export interface Suspicion {
  /** Where the group stood at the last unclean take-over; -1 when there was none. */
  readonly offset: number
  /** How many of them in a row found it there. */
  readonly takeOvers: number
  /** Records before this offset are tried one at a time, with a mark. */
  readonly carefulUntil: number
  readonly mark: Mark | null
}

export const none: Suspicion = { offset: -1, takeOvers: 0, carefulUntil: 0, mark: null }

/**
 * The partition came from a member that did not give it back, at offset `committed`.
 *
 * @param largest how many records that member may have had in hand
 */
export const takenOver = (state: Suspicion, committed: number, largest: number): Suspicion => {
  const takeOvers = state.offset === committed ? state.takeOvers + 1 : 1
  const again = takeOvers > 1 || isCareful(state, committed)
  const carefulUntil = again ? Math.max(state.carefulUntil, committed + largest) : 0
  return { offset: committed, takeOvers, carefulUntil, mark: markAt(state, committed) }
}

/** Whether records from this offset on are to be tried one at a time, with a mark. */
export const isCareful = (state: Suspicion, offset: number): boolean => offset < state.carefulUntil

/** Before the record at `offset` is tried alone. */
export const attempt = (state: Suspicion, offset: number): Suspicion => {
  const mark = markAt(state, offset)
  return {
    ...state,
    mark: {
      offset,
      attempts: (mark?.attempts ?? 0) + 1,
      unended: (mark?.unended ?? 0) + 1,
      error: mark?.error ?? null,
    },
  }
}

/** The attempt at the record failed, and the process lives: from now on it is tried alone. */
export const failed = (state: Suspicion, offset: number, error: string): Suspicion => {
  const mark = markAt(state, offset)
  return {
    ...state,
    carefulUntil: Math.max(state.carefulUntil, offset + 1),
    mark: { offset, attempts: Math.max(1, mark?.attempts ?? 0), unended: 0, error },
  }
}

/** The attempt was not the record's: the store, or a guard, would not let it be made. */
export const withdrawn = (state: Suspicion, offset: number): Suspicion => {
  const mark = markAt(state, offset)
  return mark === null ? state : { ...state, mark: { ...mark, attempts: mark.attempts - 1, unended: 0 } }
}

export interface Limits {
  /** So many attempts in all. */
  readonly attempts: number
  /** So many that took the process with them, one after the other. */
  readonly crashes: number
}

/** The mark of the record at `offset`, when it has had its attempts. */
export const convicted = (state: Suspicion, offset: number, limits: Limits): Mark | null => {
  const mark = markAt(state, offset)
  return mark !== null && (mark.attempts >= limits.attempts || mark.unended >= limits.crashes) ? mark : null
}

/** What remains when the group has moved to `next`; null when nothing is suspected any more. */
export const passed = (state: Suspicion, next: number): Suspicion | null =>
  isCareful(state, next) ? { ...state, mark: null } : null

const markAt = (state: Suspicion, offset: number): Mark | null => (state.mark?.offset === offset ? state.mark : null)
