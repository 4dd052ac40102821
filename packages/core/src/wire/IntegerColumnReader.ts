/**
 * Reads back the columns of `IntegerColumn`, from bytes that may be anything: the residuals in their code, and onto them
 * what the prediction says. A number that would not be exact is refused.
 */
import { type ByteReader, unzigzag } from "./ByteReader.ts"
import { readCode } from "./IntegerCodeReader.ts"
import {
  codeOf,
  DELTA,
  DELTA_OF_DELTA,
  LINE,
  LINE_LIMIT,
  OFFSET,
  onLine,
  predictionOf,
  residualCount,
} from "./IntegerColumn.ts"

/**
 * The `count` numbers (at least one) of a column with this layout, counted from `base`. What is wrong is the reader's
 * `problem`; then the numbers mean nothing. `what` names one of them in it.
 */
export const readIntegers = (
  input: ByteReader,
  layout: number,
  count: number,
  what: string,
  base: number,
  times: ReadonlyArray<number>,
): Array<number> => {
  const prediction = predictionOf(layout)
  const first = base + unzigzag(input.varint())
  const second = count > 1 && (prediction === DELTA_OF_DELTA || prediction === LINE) ? unzigzag(input.varint()) : 0
  if (!isExact(first)) input.fail(`${what} beyond 2^53`)
  if (prediction === LINE && Math.abs(second) >= LINE_LIMIT) input.fail(`a line as long as ${second}`)
  const left = residualCount(prediction, count)
  if (residuals.length < left) residuals = new Float64Array(2 * left)
  readCode(input, left, codeOf(layout), residuals)
  if (input.problem !== null) return []
  const numbers = new Array<number>(count)
  numbers[0] = first
  const exact = addPrediction(prediction, numbers, count, second, times)
  if (exact) return numbers
  input.fail(`${what} beyond 2^53`)
  return []
}

/** Of the column that is being read; kept for the next, and never longer than twice the longest so far. */
let residuals = new Float64Array(256)

/** Of a sum of whole numbers, none of them beyond 2^53: then one that is not exact is beyond it, too. */
const isExact = (number: number): boolean => Math.abs(number) <= Number.MAX_SAFE_INTEGER

/** Lays what the prediction says onto the residuals, from the first number on. False where a number is not exact. */
const addPrediction = (
  prediction: number,
  numbers: Array<number>,
  count: number,
  second: number,
  times: ReadonlyArray<number>,
): boolean => {
  const first = numbers[0] ?? 0
  switch (prediction) {
    case OFFSET:
      return addOffsets(numbers, count, first)
    case DELTA:
      return addDeltas(numbers, count, first)
    case DELTA_OF_DELTA:
      return addSteps(numbers, count, first, second)
    case LINE:
      return addToLine(numbers, count, first, second)
    default:
      return addToTimes(numbers, count, times)
  }
}

const addOffsets = (numbers: Array<number>, count: number, reference: number): boolean => {
  let exact = true
  for (let i = 0; i < count; i++) {
    const number = reference + (residuals[i] ?? 0)
    numbers[i] = number
    exact = exact && isExact(number)
  }
  return exact
}

const addDeltas = (numbers: Array<number>, count: number, first: number): boolean => {
  let exact = true
  let number = first
  for (let i = 1; i < count; i++) {
    number += residuals[i - 1] ?? 0
    numbers[i] = number
    exact = exact && isExact(number)
  }
  return exact
}

const addSteps = (numbers: Array<number>, count: number, first: number, firstStep: number): boolean => {
  let exact = true
  let number = first
  let step = firstStep
  for (let i = 1; i < count; i++) {
    if (i > 1) step += residuals[i - 2] ?? 0
    number += step
    numbers[i] = number
    exact = exact && isExact(step) && isExact(number)
  }
  return exact
}

const addToLine = (numbers: Array<number>, count: number, first: number, length: number): boolean => {
  const last = count - 1
  let exact = true
  for (let i = 1; i < last; i++) {
    const number = first + onLine(length, i, last) + (residuals[i - 1] ?? 0)
    numbers[i] = number
    exact = exact && isExact(number)
  }
  if (last === 0) return true
  numbers[last] = first + length
  return exact && isExact(first + length)
}

const addToTimes = (numbers: Array<number>, count: number, times: ReadonlyArray<number>): boolean => {
  let exact = true
  for (let i = 1; i < count; i++) {
    const step = (times[i] ?? 0) - (times[i - 1] ?? 0)
    const number = step + (residuals[i - 1] ?? 0)
    numbers[i] = number
    exact = exact && isExact(step) && isExact(number)
  }
  return exact
}
