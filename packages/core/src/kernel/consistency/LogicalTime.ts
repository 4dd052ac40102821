/**
 * A hybrid logical clock: time that never runs backwards and never contradicts cause and effect, whatever the clocks of
 * phones do (S. Kulkarni et al., "Logical Physical Clocks", 2014).
 *
 * A write is stamped with the greatest time its author has seen, moved on by one, or with the wall clock when that is
 * ahead. So what was written after seeing something is later than it, and among writes that did not know of each other
 * the wall clock decides, then the node's name: any two stamps are ordered, and everywhere alike.
 *
 * @example
 * // A write to a state that carries its time in `at`, by whoever sees that state:
 * const at = LogicalTime.format(LogicalTime.tick(LogicalTime.parse(state.at), "phone-7", nowMs))
 */

export interface LogicalTime {
  /** Milliseconds since the epoch; from the future when some clock was. */
  readonly wallMs: number
  /** Orders what has the same wall time: 0 to 65535. */
  readonly counter: number
  /** Who wrote. No two writers share a name. */
  readonly node: string
}

const COUNTERS = 0x10000

/** The greatest wall time that fits the text, in the year 10889. */
const GREATEST_WALL = 2 ** 48 - 1

/** The stamp of a new write by `node`, later than `last`: the latest that it wrote or saw. */
export const tick = (last: LogicalTime | undefined, node: string, nowMs: number): LogicalTime => {
  const now = Math.floor(nowMs)
  if (last === undefined || last.wallMs < now) return { wallMs: now, counter: 0, node }
  return last.counter + 1 < COUNTERS
    ? { wallMs: last.wallMs, counter: last.counter + 1, node }
    : { wallMs: last.wallMs + 1, counter: 0, node }
}

export type Observed =
  /** What to hand to the next `tick`. */
  | { readonly _tag: "Seen"; readonly last: LogicalTime }
  /** The stamp lies further in the future than clocks may drift: to follow it would carry everybody there. */
  | { readonly _tag: "TooFarAhead"; readonly aheadMillis: number }

/** A minute: phones that are further off are wrong. */
export const MAX_AHEAD_MILLIS = 60_000

/** Takes note of a stamp that came from elsewhere. */
export const observe = (
  last: LogicalTime | undefined,
  seen: LogicalTime,
  nowMs: number,
  maxAheadMillis: number = MAX_AHEAD_MILLIS,
): Observed => {
  const aheadMillis = seen.wallMs - nowMs
  if (aheadMillis > maxAheadMillis) return { _tag: "TooFarAhead", aheadMillis }
  return { _tag: "Seen", last: last === undefined || isLater(seen, last) ? seen : last }
}

/** Negative when `one` is earlier, 0 only for the same stamp. */
export const compare = (one: LogicalTime, other: LogicalTime): number =>
  one.wallMs - other.wallMs ||
  one.counter - other.counter ||
  (one.node < other.node ? -1 : one.node === other.node ? 0 : 1)

export const isLater = (one: LogicalTime, other: LogicalTime): boolean => compare(one, other) > 0

/** A text in the same order as the stamps, such as `018bcfe56800-0001-phone-7`. */
export const format = ({ counter, node, wallMs }: LogicalTime): string =>
  `${wallMs.toString(16).padStart(12, "0")}-${counter.toString(16).padStart(4, "0")}-${node}`

const PATTERN = /^([0-9a-f]{12})-([0-9a-f]{4})-(.*)$/s

/** Undefined for what is no stamp. */
export const parse = (text: unknown): LogicalTime | undefined => {
  const [, wall, counter, node] = (typeof text === "string" ? PATTERN.exec(text) : null) ?? []
  if (wall === undefined || counter === undefined || node === undefined) return undefined
  return { wallMs: Number.parseInt(wall, 16), counter: Number.parseInt(counter, 16), node }
}

/** Whether the stamp can be written as text. */
export const isValid = ({ counter, wallMs }: LogicalTime): boolean =>
  Number.isInteger(wallMs) &&
  wallMs >= 0 &&
  wallMs <= GREATEST_WALL &&
  Number.isInteger(counter) &&
  counter >= 0 &&
  counter < COUNTERS
