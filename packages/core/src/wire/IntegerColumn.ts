/**
 * A column of whole numbers: first made small by a prediction (a reference, the number before, the step before, a
 * straight line, the times), then laid down in the smallest code.
 *
 * The writer tries each prediction that fits and each code, by exact size, and says in one byte what it took. So a
 * sensor that ticks evenly pays nothing for its times, and one that stands still nothing for its values.
 * `IntegerColumnReader` reads it back.
 */
import { type ByteWriter, varintBytes } from "./ByteWriter.ts"
import { type Coded, NARROW, smallestCode, VARINT, writeCode, ZERO, zigzagOf } from "./IntegerCode.ts"

/** The difference from a reference, which is written first. */
export const OFFSET = 0
/** The difference from the number before. */
export const DELTA = 1
/** The difference of the step from the step before. */
export const DELTA_OF_DELTA = 2
/** The distance from the line between the first and the last. */
export const LINE = 3
/** The difference from the milliseconds since the sample before: an RR interval is the time between two beats. */
export const TIME_STEPS = 4
/** Not whole numbers: see `FloatColumn`. */
export const FLOATS = 5

/** The byte at the head of a column: the prediction in its low three bits, the code in the others. */
export const layoutOf = (prediction: number, code: number): number => prediction | (code << 3)
export const predictionOf = (layout: number): number => layout & 7
export const codeOf = (layout: number): number => layout >>> 3

/** Room for a column and for what it is tried in. */
export class Scratch {
  /** The column: filled in by who writes it. */
  readonly numbers: Float64Array
  /** What the last prediction left to be written: the numbers that lead, and how many residuals. */
  readonly leads: [number, number] = [0, 0]
  leadCount = 0
  readonly residuals: Float64Array
  count = 0
  /** The residuals, zigzagged. */
  readonly zigzags: Uint32Array

  /** @param length of the longest column */
  constructor(length: number) {
    this.numbers = new Float64Array(length)
    this.residuals = new Float64Array(length)
    this.zigzags = new Uint32Array(length)
  }
}

/** Within it the second difference of any numbers is below 2^52, which zigzag can carry. */
const SECOND_DIFFERENCE_LIMIT = 2 ** 50

/** So that the products of a line are exact: 198 days in milliseconds. */
export const LINE_LIMIT = 2 ** 34

/** Writes the first `length` numbers (at least one) of the scratch, none beyond ±2^51. */
export const writeIntegers = (
  out: ByteWriter,
  scratch: Scratch,
  length: number,
  predictions: ReadonlyArray<number>,
  times: ReadonlyArray<number> = [],
): void => {
  let best = -1
  let bestCode = VARINT
  let bestBytes = Number.POSITIVE_INFINITY
  let last = -1
  for (const prediction of length === 1 ? ONLY_DELTA : predictions) {
    if (!predict(prediction, scratch, length, times)) continue
    last = prediction
    const { bytes, code } = codedBy(scratch)
    if (bytes < bestBytes) {
      best = prediction
      bestCode = code
      bestBytes = bytes
    }
    if (code === ZERO) break
  }
  if (best < 0) throw new RangeError("whole numbers that no prediction fits")
  if (best !== last) {
    predict(best, scratch, length, times)
    if (bestCode !== VARINT) toZigzags(scratch)
  }
  out.byte(layoutOf(best, bestCode))
  for (let i = 0; i < scratch.leadCount; i++) out.zigzag(scratch.leads[i] ?? 0)
  if (bestCode !== VARINT) writeCode(out, scratch.zigzags, scratch.count, bestCode)
  else for (let i = 0; i < scratch.count; i++) out.zigzag(scratch.residuals[i] ?? 0)
}

const ONLY_DELTA = [DELTA]

/** How many numbers a prediction leaves to be written. */
export const residualCount = (prediction: number, count: number): number =>
  prediction === OFFSET ? count : Math.max(0, count - (prediction === DELTA || prediction === TIME_STEPS ? 1 : 2))

/** Leaves in the scratch what the prediction does not say; false when it does not fit these numbers. */
const predict = (prediction: number, scratch: Scratch, length: number, times: ReadonlyArray<number>): boolean => {
  const { leads, numbers, residuals } = scratch
  const first = numbers[0] ?? 0
  scratch.count = residualCount(prediction, length)
  scratch.leadCount = 1
  leads[0] = first
  if (prediction === LINE) return predictLine(scratch, length)
  if (prediction === DELTA_OF_DELTA) return predictSteps(scratch, length)
  if (prediction === OFFSET) {
    const reference = meanOf(numbers, length)
    for (let i = 0; i < length; i++) residuals[i] = (numbers[i] ?? 0) - reference
    leads[0] = reference
  } else if (prediction === DELTA) {
    let last = first
    for (let i = 1; i < length; i++) {
      const number = numbers[i] ?? 0
      residuals[i - 1] = number - last
      last = number
    }
  } else {
    for (let i = 1; i < length; i++) {
      residuals[i - 1] = (numbers[i] ?? 0) - ((times[i] ?? 0) - (times[i - 1] ?? 0))
    }
  }
  return true
}

const predictSteps = (scratch: Scratch, length: number): boolean => {
  const { leads, numbers, residuals } = scratch
  let last = leads[0]
  let lastStep = 0
  if (Math.abs(last) >= SECOND_DIFFERENCE_LIMIT) return false
  for (let i = 1; i < length; i++) {
    const number = numbers[i] ?? 0
    if (Math.abs(number) >= SECOND_DIFFERENCE_LIMIT) return false
    const step = number - last
    if (i === 1) leads[1] = step
    else residuals[i - 2] = step - lastStep
    last = number
    lastStep = step
  }
  scratch.leadCount = Math.min(2, length)
  return true
}

const predictLine = (scratch: Scratch, length: number): boolean => {
  const { leads, numbers, residuals } = scratch
  const steps = length - 1
  const [first] = leads
  const span = (numbers[steps] ?? 0) - first
  if (steps < 2 || Math.abs(span) >= LINE_LIMIT) return false
  for (let i = 1; i < steps; i++) residuals[i - 1] = (numbers[i] ?? 0) - first - onLine(span, i, steps)
  leads[1] = span
  scratch.leadCount = 2
  return true
}

/** How far a line of this length has come after `i` of its steps, to the nearest whole number, a half up. */
export const onLine = (length: number, i: number, steps: number): number => Math.floor((length * i) / steps + 0.5)

/** Rounded, and never beyond the numbers themselves, however long their sum. */
const meanOf = (numbers: Float64Array, length: number): number => {
  let sum = 0
  let least = Number.POSITIVE_INFINITY
  let greatest = Number.NEGATIVE_INFINITY
  for (let i = 0; i < length; i++) {
    const number = numbers[i] ?? 0
    sum += number
    if (number < least) least = number
    if (number > greatest) greatest = number
  }
  return Math.min(greatest, Math.max(least, Math.round(sum / length)))
}

/** The smallest code for what is in the scratch, with all the bytes that it takes. */
const codedBy = (scratch: Scratch): Coded => {
  let leads = 0
  for (let i = 0; i < scratch.leadCount; i++) leads += varintBytes(zigzagOf(scratch.leads[i] ?? 0))
  if (toZigzags(scratch)) {
    const { bytes, code } = smallestCode(scratch.zigzags, scratch.count)
    return { code, bytes: leads + bytes }
  }
  let bytes = leads
  for (let i = 0; i < scratch.count; i++) bytes += varintBytes(zigzagOf(scratch.residuals[i] ?? 0))
  return { code: VARINT, bytes }
}

/** Zigzags the residuals; false when one is too large for all codes but `VARINT`. */
const toZigzags = ({ count, residuals, zigzags }: Scratch): boolean => {
  let greatest = 0
  for (let i = 0; i < count; i++) {
    const residual = residuals[i] ?? 0
    const zigzag = residual < 0 ? -2 * residual - 1 : 2 * residual
    if (zigzag > greatest) greatest = zigzag
    zigzags[i] = zigzag
  }
  return greatest < NARROW
}
