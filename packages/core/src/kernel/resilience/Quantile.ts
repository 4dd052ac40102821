/**
 * A running quantile of what was measured lately, in O(1) time and fixed memory.
 *
 * Values fall into classes whose bounds grow by 5 % each, so an answer is within 2.5 % of the exact one
 * (C. Masson, J. Rim, H. Lee, "DDSketch", VLDB 2019). Two halves of a window are kept; as time moves on the older
 * one is dropped, so the answer is of the last half to whole window. The classes are counted through once in 32
 * records at most; in between, the answer is the one of then. A clock that goes back counts into the newest half; one
 * that goes back by more than the window starts it anew.
 *
 * @example
 * const latency = Quantile.make(0.95, 60_000)
 * Quantile.record(latency, 12.5, now)
 * Quantile.estimate(latency, now) // milliseconds, or undefined before the first record
 */
import * as Snapshot from "./Snapshot.ts"

export interface Quantile {
  /** Which: 0.95 for p95. */
  readonly quantile: number
  readonly windowMillis: number
  /** Counts of each class, of the half that is filled now and of the one before. */
  current: Uint32Array
  previous: Uint32Array
  currentTotal: number
  previousTotal: number
  /** The number of the half that is filled now. */
  half: number
  /** The last answer, and how many records have come since. */
  answer: number | undefined
  since: number
}

const SMALLEST = 0.1
const GROWTH = 1.05
const LOG_GROWTH = Math.log(GROWTH)
/** Up to some 10^7, three hours of milliseconds. */
const CLASSES = 380
const RECOUNT_EVERY = 32

/** @throws RangeError unless `quantile` lies within 0 and 1 and the window is longer than nothing */
export const make = (quantile: number, windowMillis: number): Quantile => {
  if (!(quantile > 0 && quantile < 1)) throw new RangeError(`quantile must lie between 0 and 1, not ${quantile}`)
  if (!(windowMillis > 0)) throw new RangeError(`windowMillis must be above 0, not ${windowMillis}`)
  return {
    quantile,
    windowMillis,
    current: new Uint32Array(CLASSES),
    previous: new Uint32Array(CLASSES),
    currentTotal: 0,
    previousTotal: 0,
    half: Number.NEGATIVE_INFINITY,
    answer: undefined,
    since: 0,
  }
}

/** Notes one value, from 0; what is no number is left out. */
export const record = (sketch: Quantile, value: number, nowMillis: number): void => {
  if (!(value >= 0)) return
  moveTo(sketch, nowMillis)
  const at = classOf(value)
  sketch.current[at] = (sketch.current[at] ?? 0) + 1
  sketch.currentTotal++
  sketch.since++
}

/** How many values the answer is drawn from. */
export const count = (sketch: Quantile, nowMillis: number): number => {
  moveTo(sketch, nowMillis)
  return sketch.currentTotal + sketch.previousTotal
}

/** The quantile of what is in the window; undefined when nothing is. */
export const estimate = (sketch: Quantile, nowMillis: number): number | undefined => {
  moveTo(sketch, nowMillis)
  const total = sketch.currentTotal + sketch.previousTotal
  if (sketch.answer === undefined || sketch.since >= RECOUNT_EVERY || total < RECOUNT_EVERY) {
    sketch.answer = recount(sketch, total)
    sketch.since = 0
  }
  return sketch.answer
}

const recount = (sketch: Quantile, total: number): number | undefined => {
  if (total === 0) return undefined
  const rank = Math.ceil(sketch.quantile * total)
  let seen = 0
  for (let at = 0; at < CLASSES; at++) {
    seen += (sketch.current[at] ?? 0) + (sketch.previous[at] ?? 0)
    if (seen >= rank) return at === 0 ? SMALLEST : (2 * SMALLEST * GROWTH ** at) / (GROWTH + 1)
  }
  return undefined
}

const classOf = (value: number): number =>
  value <= SMALLEST ? 0 : Math.min(CLASSES - 1, Math.ceil(Math.log(value / SMALLEST) / LOG_GROWTH))

const moveTo = (sketch: Quantile, nowMillis: number): void => {
  const half = Math.floor((2 * nowMillis) / sketch.windowMillis)
  if (half === sketch.half || (half < sketch.half && half > sketch.half - 2)) return
  const emptied = sketch.previous.fill(0)
  if (half === sketch.half + 1) {
    sketch.previous = sketch.current
    sketch.previousTotal = sketch.currentTotal
    sketch.current = emptied
  } else {
    sketch.current.fill(0)
    sketch.previousTotal = 0
  }
  sketch.currentTotal = 0
  sketch.half = half
  sketch.answer = undefined
}

/** What `snapshot` gives: plain JSON. */
export interface QuantileSnapshot {
  readonly quantile: number
  readonly windowMillis: number
  /** Null before the first record. */
  readonly half: number | null
  /** The classes that hold something, each with its count. */
  readonly current: ReadonlyArray<readonly [at: number, count: number]>
  readonly previous: ReadonlyArray<readonly [at: number, count: number]>
  readonly answer: number | null
  readonly since: number
}

export const snapshot = (sketch: Quantile): QuantileSnapshot => ({
  quantile: sketch.quantile,
  windowMillis: sketch.windowMillis,
  half: Number.isFinite(sketch.half) ? sketch.half : null,
  current: filled(sketch.current),
  previous: filled(sketch.previous),
  answer: sketch.answer ?? null,
  since: sketch.since,
})

const filled = (classes: Uint32Array): ReadonlyArray<readonly [number, number]> =>
  [...classes].flatMap((count, at) => (count === 0 ? [] : [[at, count] as const]))

export const readSnapshot = (json: unknown): QuantileSnapshot | Snapshot.InvalidSnapshot =>
  Snapshot.read(json, (from) => ({
    quantile: from.field("quantile").number(0),
    windowMillis: from.field("windowMillis").number(0),
    half: from.field("half").nullOr((half) => half.whole(Number.MIN_SAFE_INTEGER)),
    current: from.field("current").list(classPart),
    previous: from.field("previous").list(classPart),
    answer: from.field("answer").nullOr((answer) => answer.number(0)),
    since: from.field("since").whole(),
  }))

const classPart = (from: Snapshot.Part): readonly [number, number] => {
  const [at, count] = from.list((part) => part)
  if (at === undefined || count === undefined) return from.refuse("a class and its count")
  return [at.whole(0, CLASSES - 1), count.whole(0, 0xffffffff)]
}

/** A sketch that goes on where the other was; an empty one when that was of another quantile or window. */
export const restore = (quantile: number, windowMillis: number, from: QuantileSnapshot): Quantile => {
  const sketch = make(quantile, windowMillis)
  if (from.quantile !== quantile || from.windowMillis !== windowMillis || from.half === null) return sketch
  sketch.half = from.half
  sketch.currentTotal = fill(sketch.current, from.current)
  sketch.previousTotal = fill(sketch.previous, from.previous)
  sketch.answer = from.answer ?? undefined
  sketch.since = from.since
  return sketch
}

const fill = (classes: Uint32Array, from: QuantileSnapshot["current"]): number => {
  for (const [at, count] of from) classes[at] = count
  return classes.reduce((sum, count) => sum + count, 0)
}
