/**
 * Version 1 of the telemetry codec, which is only read: its bytes lie in buffers and databases, and are understood
 * for ever. Columns of differences, each a varint, or float64; at least two bytes a sample.
 *
 * @see `docs/telemetry.md` for the layout, byte by byte.
 */
import type { Block, Bundle } from "./Block.ts"
import { type ByteReader, unzigzag } from "./ByteReader.ts"
import { kindOfCode, SENSOR_KINDS, type SensorKindInfo } from "./SensorKind.ts"

/** Bits of the byte that says how the columns of a block are laid down. */
const RAW_TIMES = 1
const RAW_VALUES = 2

/** The smallest block: sensor, kind, count and layout, a byte each. */
const MIN_BLOCK_BYTES = 4

/** The bundle behind the version byte. What is wrong is the reader's `problem`; then the bundle means nothing. */
export const readVersion1 = (input: ByteReader): Bundle => {
  const sensors: Array<string> = []
  const sensorCount = input.count(1, "sensor names")
  for (let i = 0; i < sensorCount; i++) {
    const sensor = input.text()
    if (sensor === null) return []
    sensors.push(sensor)
  }
  const bundle: Array<Block> = []
  const blockCount = input.count(MIN_BLOCK_BYTES, "blocks")
  let base = 0
  for (let i = 0; i < blockCount && input.problem === null; i++) {
    const block = readBlock(input, sensors, base)
    if (block === null) break
    bundle.push(block.block)
    base = block.base
  }
  if (input.remaining > 0) input.fail(`${input.remaining} bytes after the last block`)
  return bundle
}

/** The block, and the base of the times of the next; null when there is a problem. */
const readBlock = (
  input: ByteReader,
  sensors: ReadonlyArray<string>,
  base: number,
): { readonly block: Block; readonly base: number } | null => {
  const index = input.varint()
  const code = input.varint()
  // Every sample takes at least a byte of time and a byte of value.
  const count = input.count(2, "samples")
  const layout = input.byte()
  if (input.problem !== null) return null
  const sensor = sensors[index]
  const kind = kindOfCode(code)
  if (sensor === undefined) input.fail(`sensor ${index} of ${sensors.length}`)
  if (kind === undefined) input.fail(`unknown sensor kind ${code}`)
  if (layout > (RAW_TIMES | RAW_VALUES)) input.fail(`unknown column layout ${layout}`)
  if (sensor === undefined || kind === undefined) return null
  const rawTimes = (layout & RAW_TIMES) !== 0
  const atMillis = rawTimes ? readRawTimes(input, count) : readTimes(input, count, base)
  const values =
    (layout & RAW_VALUES) === 0 ? readCounts(input, count, SENSOR_KINDS[kind]) : readRawValues(input, count)
  return { block: { sensor, kind, atMillis, values }, base: rawTimes ? base : (atMillis[0] ?? base) }
}

const readTimes = (input: ByteReader, count: number, base: number): Array<number> => {
  const times: Array<number> = []
  let time = 0
  let step = 0
  for (let i = 0; i < count; i++) {
    const coded = input.varint()
    if (coded < 0) break
    // The first is the distance from the base, the second a step, all others the change of the step.
    if (i > 0) step += unzigzag(coded)
    time = i > 0 ? time + step : base + unzigzag(coded)
    if (!Number.isSafeInteger(step) || !Number.isSafeInteger(time)) {
      input.fail("a time beyond 2^53")
      break
    }
    times.push(time)
  }
  return times
}

const readRawTimes = (input: ByteReader, count: number): Array<number> => {
  const times = readRawValues(input, count)
  if (!times.every(Number.isSafeInteger)) input.fail("a time that is not a whole number")
  return times
}

const readCounts = (input: ByteReader, count: number, info: SensorKindInfo): Array<number> => {
  const [numerator, denominator] = info.resolution
  const values: Array<number> = []
  let last = 0
  for (let i = 0; i < count; i++) {
    const coded = input.varint()
    if (coded < 0) break
    last += unzigzag(coded)
    if (!Number.isSafeInteger(last)) {
      input.fail("a count beyond 2^53")
      break
    }
    values.push((last * numerator) / denominator)
  }
  return values
}

const readRawValues = (input: ByteReader, count: number): Array<number> => {
  const values: Array<number> = []
  for (let i = 0; i < count; i++) {
    const value = input.float64()
    if (input.problem !== null) break
    values.push(value)
  }
  return values
}
