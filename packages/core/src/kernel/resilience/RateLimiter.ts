/**
 * Decides whether one more call of a key is within its limit, so that no window ever sees more than limit + burst.
 *
 * It is the generic cell rate algorithm (ITU-T I.371) in whole numbers: a key's `used` grows by a call's cost and
 * drains steadily at `limit` a window; a call passes while `used` stays within `burst`. So short bursts pass, idling
 * never earns more than the burst, there is no edge of a window to wait for, and recovery is smooth. Because `used` does
 * not depend on the limit, a changed limit keeps what was used.
 *
 * The limit adapts to behaviour: a key that goes on calling after it was refused, as often as its limit, has the limit
 * halved, down to an eighth; each window without a refusal doubles it again.
 *
 * A key is four numbers in a `Float64Array`, wherever they are kept: many keys side by side, or one row of a database.
 * Times are milliseconds of any clock; one that goes back neither lets more through nor locks anybody out.
 *
 * @example
 * const cells = new Float64Array(RateLimiter.CELLS)
 * const waitMillis = RateLimiter.take(cells, 0, RateLimiter.limits.user.api, 1, now) // 0 when it passes
 */

export interface Limit {
  readonly name: string
  /** Calls that a window of `windowMillis` allows in the long run; a whole number from 1. */
  readonly limit: number
  /** Whole milliseconds. */
  readonly windowMillis: number
  /** Calls at once after a pause; a whole number from 1. Any window sees at most `limit + burst`. */
  readonly burst: number
  /** Whether the limit is tightened for those who do not heed it. Default true. */
  readonly adapts?: boolean
}

const perMinute = (name: string, limit: number): Limit => ({
  name,
  limit,
  windowMillis: 60_000,
  burst: Math.max(1, Math.round(limit / 5)),
})

/** The mission's limits, by the minute; bursts are a fifth. */
export const limits = {
  user: { api: perMinute("user-api", 100), social: perMinute("user-social", 50), money: perMinute("user-money", 10) },
  address: {
    all: perMinute("address-all", 1_000),
    unauthenticated: perMinute("address-unauthenticated", 500),
    scanning: perMinute("address-scanning", 200),
  },
} as const

/** @throws RangeError when a number is not a whole one from 1 */
export const requireLimit = (limit: Limit): Limit => {
  for (const name of ["limit", "windowMillis", "burst"] as const) {
    if (!Number.isSafeInteger(limit[name]) || limit[name] < 1) {
      throw new RangeError(`The limit "${limit.name}" needs a whole ${name} from 1, not ${limit[name]}`)
    }
  }
  return limit
}

/** How many numbers a key takes. A fresh key is all zeros. */
export const CELLS = 4

/** What was used and has not drained: calls × `windowMillis`, so that draining is whole too. */
const USED = 0
/** When `used` was right, in milliseconds. */
const AT = 1
/** How often the limit was halved, plus `HALVINGS` times the refusals since. */
const BEHAVIOUR = 2
/** The last refusal, or the last time the limit was doubled again. */
const CALM_SINCE = 3

const HALVINGS = 8
const MOST_HALVINGS = 3
/** By how much the limit is divided after so many halvings. */
const PARTS = [1, 2, 4, 8] as const

const read = (cells: Float64Array, at: number): number => cells[at] ?? 0

/** Calls that a window of this key allows now, its behaviour considered. */
export const effectiveLimit = (cells: Float64Array, offset: number, limit: Limit): number => {
  const behaviour = read(cells, offset + BEHAVIOUR)
  return behaviour === 0 ? limit.limit : Math.max(1, Math.floor(limit.limit / (PARTS[behaviour % HALVINGS] ?? 1)))
}

/** Brings a key up to now. Draining at the stricter limit of the time that has passed never lets too much through. */
const drain = (cells: Float64Array, offset: number, limit: Limit, nowMillis: number): void => {
  const elapsed = nowMillis - read(cells, offset + AT)
  if (elapsed !== 0) {
    cells[offset + AT] = nowMillis
    const used = read(cells, offset + USED)
    if (elapsed > 0 && used > 0) {
      const drained = used - elapsed * effectiveLimit(cells, offset, limit)
      cells[offset + USED] = Math.max(0, drained)
    }
  }
  if (read(cells, offset + BEHAVIOUR) > 0) calm(cells, offset, limit, nowMillis)
}

/** Forgets one halving for each window without a refusal. */
const calm = (cells: Float64Array, offset: number, limit: Limit, nowMillis: number): void => {
  const since = read(cells, offset + CALM_SINCE)
  if (nowMillis < since) cells[offset + CALM_SINCE] = nowMillis
  if (nowMillis - since < limit.windowMillis) return
  const windows = Math.floor((nowMillis - since) / limit.windowMillis)
  cells[offset + BEHAVIOUR] = Math.max(0, (read(cells, offset + BEHAVIOUR) % HALVINGS) - windows)
  cells[offset + CALM_SINCE] = since + windows * limit.windowMillis
}

/**
 * How long until `cost` passes, in milliseconds; 0 when now. Infinity when it never will: it is more than the burst,
 * or no number from 0. Takes nothing.
 */
export const waitMillis = (
  cells: Float64Array,
  offset: number,
  limit: Limit,
  cost: number,
  nowMillis: number,
): number => {
  if (!(cost >= 0 && cost <= limit.burst)) return Number.POSITIVE_INFINITY
  drain(cells, offset, limit, nowMillis)
  const excess = read(cells, offset + USED) + (cost - limit.burst) * limit.windowMillis
  return excess <= 0 ? 0 : Math.ceil(excess / effectiveLimit(cells, offset, limit))
}

/** Takes `cost` if it passes now: 0. Otherwise takes nothing, and gives the time to wait in milliseconds. */
export const take = (cells: Float64Array, offset: number, limit: Limit, cost: number, nowMillis: number): number => {
  if (cells[offset + BEHAVIOUR] !== 0 || !(cost >= 0 && cost <= limit.burst)) {
    return takeGuarded(cells, offset, limit, cost, nowMillis)
  }
  // The same in one piece, for a key without refusals: most calls go this way, and it takes a third of the time.
  let used = read(cells, offset + USED)
  const elapsed = nowMillis - read(cells, offset + AT)
  if (elapsed !== 0) {
    cells[offset + AT] = nowMillis
    if (elapsed > 0) used = Math.max(0, used - elapsed * limit.limit)
    cells[offset + USED] = used
  }
  const excess = used + (cost - limit.burst) * limit.windowMillis
  if (excess <= 0) {
    cells[offset + USED] = used + cost * limit.windowMillis
    return 0
  }
  if (limit.adapts !== false) refuse(cells, offset, limit, nowMillis)
  return Math.ceil(excess / limit.limit)
}

const takeGuarded = (cells: Float64Array, offset: number, limit: Limit, cost: number, nowMillis: number): number => {
  const wait = waitMillis(cells, offset, limit, cost, nowMillis)
  if (wait === 0) use(cells, offset, limit, cost)
  else refuse(cells, offset, limit, nowMillis)
  return wait
}

/** Takes `cost` after `waitMillis` found it to pass, or ahead of time, as a reservation does. */
export const use = (cells: Float64Array, offset: number, limit: Limit, cost: number): void => {
  cells[offset + USED] = read(cells, offset + USED) + cost * limit.windowMillis
}

/** Gives back what a call took that was not made. What is no number from 0 took nothing. */
export const refund = (cells: Float64Array, offset: number, limit: Limit, cost: number): void => {
  if (!(cost >= 0)) return
  cells[offset + USED] = Math.max(0, read(cells, offset + USED) - cost * limit.windowMillis)
}

/** Notes a refusal: as many as the limit halve it. */
export const refuse = (cells: Float64Array, offset: number, limit: Limit, nowMillis: number): void => {
  if (limit.adapts === false) return
  const behaviour = read(cells, offset + BEHAVIOUR) + HALVINGS
  const halvings = behaviour % HALVINGS
  cells[offset + CALM_SINCE] = nowMillis
  cells[offset + BEHAVIOUR] =
    Math.floor(behaviour / HALVINGS) < limit.limit ? behaviour : Math.min(MOST_HALVINGS, halvings + 1)
}

/** Whether the key is as a fresh one: it may be forgotten. */
export const isFresh = (cells: Float64Array, offset: number, limit: Limit, nowMillis: number): boolean => {
  drain(cells, offset, limit, nowMillis)
  return read(cells, offset + USED) === 0 && read(cells, offset + BEHAVIOUR) === 0
}

/** One of several limits that a call needs at once. */
export interface Claim {
  readonly cells: Float64Array
  readonly offset: number
  readonly limit: Limit
  readonly cost: number
}

export type Verdict =
  /** All of them were taken. After a reservation, to be used in `waitMillis`. */
  | { readonly allowed: true; readonly waitMillis: number }
  /** Nothing was taken. `limit` is the one with the longest wait. */
  | { readonly allowed: false; readonly limit: string; readonly retryAfterMillis: number }

/** Prebuilt: the answer that is given most often. */
export const ALLOWED: Verdict = Object.freeze({ allowed: true, waitMillis: 0 })

/**
 * Takes all of the claims or none, up to `maxWaitMillis` ahead of time (0: only what passes now); two of one key count
 * both. Only the limits that refused note a refusal.
 */
export const takeAll = (claims: ReadonlyArray<Claim>, nowMillis: number, maxWaitMillis = 0): Verdict =>
  takeEach(claims, (claim) => claim, nowMillis, maxWaitMillis)

/** `takeAll` where a claim's cells are found only when its turn comes, and again when it is given back. */
export const takeEach = <C>(
  claims: ReadonlyArray<C>,
  find: (claim: C) => Claim,
  nowMillis: number,
  maxWaitMillis: number,
): Verdict => {
  let longest = 0
  let limiting = ""
  let taken = 0
  let refused = false
  for (const each of claims) {
    const { cells, offset, limit, cost } = find(each)
    const wait = waitMillis(cells, offset, limit, cost, nowMillis)
    if (!passes(wait, maxWaitMillis)) {
      refuse(cells, offset, limit, nowMillis)
      refused = true
    } else if (!refused) {
      use(cells, offset, limit, cost)
      taken++
    }
    if (wait > longest) {
      longest = wait
      limiting = limit.name
    }
  }
  if (!refused) return longest === 0 ? ALLOWED : { allowed: true, waitMillis: longest }
  for (const each of claims.slice(0, taken)) {
    const { cells, offset, limit, cost } = find(each)
    refund(cells, offset, limit, cost)
  }
  return { allowed: false, limit: limiting, retryAfterMillis: longest }
}

/** Whether who has to wait so long, and may wait so long, passes. What never passes does not, however long one waits. */
const passes = (waitMillis: number, maxWaitMillis: number): boolean =>
  waitMillis <= maxWaitMillis && waitMillis !== Number.POSITIVE_INFINITY
