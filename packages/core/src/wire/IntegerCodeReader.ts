/**
 * Reads back the codes of `IntegerCode`, from bytes that may be anything.
 *
 * A server reads every sample that it is sent, so this is among its hottest loops: numbers go straight into an array of
 * floats that the caller keeps.
 */
import { BitReader, GREATEST_RICE } from "./BitReader.ts"
import { type ByteReader, unzigzag } from "./ByteReader.ts"
import { PACKED, PACKED_BLOCK, RICE, RICE_ESCAPE, RUNS, VARINT, ZERO } from "./IntegerCode.ts"

/**
 * Reads `count` numbers, no longer zigzagged, to the beginning of `numbers`, which has room for them. What is wrong is
 * the reader's `problem`; then they mean nothing.
 */
export const readCode = (input: ByteReader, count: number, code: number, numbers: Float64Array): void => {
  // What takes at least a bit each is checked before anybody goes through it.
  if (code !== ZERO && code !== RUNS && code !== PACKED && count > 8 * input.remaining) {
    input.fail(`${count} numbers in ${input.remaining} bytes`)
  } else if (code === ZERO) {
    numbers.fill(0, 0, count)
  } else if (code === VARINT) {
    for (let i = 0; i < count && input.problem === null; i++) numbers[i] = unzigzag(input.varint())
  } else if (code === PACKED) {
    readPacked(input, numbers, count)
  } else if (code === RUNS) {
    readRuns(input, numbers, count)
  } else {
    readRice(input, numbers, count, code - RICE)
  }
}

const readRice = (input: ByteReader, numbers: Float64Array, count: number, k: number): void => {
  const bits = new BitReader(input)
  const scale = 2 ** k
  for (let i = 0; i < count && input.problem === null; i++) {
    if (k <= GREATEST_RICE) i = bits.rice(numbers, i, count, k, RICE_ESCAPE)
    if (i === count) break
    const quotient = bits.ones(RICE_ESCAPE)
    numbers[i] = unzigzag(quotient < RICE_ESCAPE ? quotient * scale + bits.get(k) : bits.get(32))
  }
  bits.finish()
}

const readPacked = (input: ByteReader, numbers: Float64Array, count: number): void => {
  for (let from = 0; from < count && input.problem === null; from += PACKED_BLOCK) {
    const to = Math.min(count, from + PACKED_BLOCK)
    const least = unzigzag(input.varint())
    const width = input.byte()
    if (width > 32) input.fail(`packed in ${width} bits`)
    const bits = new BitReader(input)
    for (let i = from; i < to && input.problem === null; i++) numbers[i] = least + bits.get(width)
    bits.finish()
  }
}

const readRuns = (input: ByteReader, numbers: Float64Array, count: number): void => {
  let read = 0
  while (read < count && input.problem === null) {
    const zeros = input.varint()
    if (read + zeros > count) {
      input.fail(`a run of ${zeros} zeros beyond the end of the column`)
      return
    }
    if (zeros < 0) return
    numbers.fill(0, read, read + zeros)
    read += zeros
    if (read < count) numbers[read++] = unzigzag(input.varint())
  }
}
