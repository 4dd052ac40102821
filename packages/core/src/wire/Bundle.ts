/**
 * The telemetry codec: some seconds of many sensors as one compact byte string.
 *
 * Columns, not rows: the times of a block, then its values, each as small differences that fit mostly into
 * one byte. A steady heart-rate strap costs two bytes a sample. Nothing is rounded: what does not fit the
 * resolution of its kind travels as float64, so every value comes back as the same number, to the bit.
 *
 * `decode` is total. Any bytes give a bundle or a `BundleError`; it never throws, and it allocates no more than
 * a fixed multiple of the bytes it was given, whatever counts they claim.
 *
 * @example
 * const bytes = Bundle.encode([{ sensor: "strap-07", kind: "heartRate", atMillis: [t, t + 1000], values: [92, 93] }])
 * const bundle = Bundle.decode(bytes)
 * if ("_tag" in bundle) console.error(bundle.detail)
 *
 * @see `docs/telemetry.md` for the layout, byte by byte.
 */
import { ByteReader, unzigzag } from "./ByteReader.ts"
import { ByteWriter } from "./ByteWriter.ts"
import { kindOfCode, SENSOR_KINDS, type SensorKind, type SensorKindInfo } from "./SensorKind.ts"

/** The first byte of every bundle. */
export const VERSION = 1

/** Samples of one kind from one sensor. `atMillis` (ms since the epoch, whole numbers) and `values` (in the kind's unit) have the same length. */
export interface Block {
  /** The sensor's name on its device, such as `strap-07`. */
  readonly sensor: string
  readonly kind: SensorKind
  readonly atMillis: ReadonlyArray<number>
  readonly values: ReadonlyArray<number>
}

export type Bundle = ReadonlyArray<Block>

export interface BundleError {
  readonly _tag: "BundleError"
  readonly reason: "unknown-version" | "malformed"
  readonly detail: string
}

/** How many samples the bundle holds, over all its blocks. */
export const sampleCount = (bundle: Bundle): number => {
  let samples = 0
  for (const block of bundle) samples += block.atMillis.length
  return samples
}

/**
 * The bytes of a bundle. The same bundle always gives the same bytes.
 *
 * @throws RangeError when a block is none: its times and values differ in length, a time is not a whole number,
 * or the sensor's name has half a surrogate pair. Values may be any number, NaN and infinities too.
 */
export const encode = (bundle: Bundle): Uint8Array<ArrayBuffer> => {
  const sensors = new Map<string, number>()
  for (const block of bundle) {
    assertBlock(block)
    if (!sensors.has(block.sensor)) sensors.set(block.sensor, sensors.size)
  }
  const out = new ByteWriter(64 + 4 * sampleCount(bundle))
  out.byte(VERSION)
  out.varint(sensors.size)
  for (const sensor of sensors.keys()) out.text(sensor)
  out.varint(bundle.length)
  let base = 0
  for (const block of bundle) {
    const info = SENSOR_KINDS[block.kind]
    const rawTimes = !block.atMillis.every(fitsTimeColumn)
    const counts = countsOf(block.values, info)
    out.varint(sensors.get(block.sensor) ?? 0)
    out.varint(info.code)
    out.varint(block.atMillis.length)
    out.byte((rawTimes ? RAW_TIMES : 0) | (counts === null ? RAW_VALUES : 0))
    if (rawTimes) writeRaw(out, block.atMillis)
    else base = writeTimes(out, block.atMillis, base)
    if (counts === null) writeRaw(out, block.values)
    else writeCounts(out, counts)
  }
  return out.toBytes()
}

/** The bundle, or a `BundleError` that says why the bytes are none. Total: never throws. */
export const decode = (bytes: Uint8Array): Bundle | BundleError => {
  const input = new ByteReader(bytes)
  const version = input.byte()
  if (version >= 0 && version !== VERSION) {
    return {
      _tag: "BundleError",
      reason: "unknown-version",
      detail: `bundle version ${version}, this side reads ${VERSION}`,
    }
  }
  const bundle = readSensors(input)
  return input.problem === null ? bundle : { _tag: "BundleError", reason: "malformed", detail: input.problem }
}

/** Bits of the byte that says how the columns of a block are laid down. */
const RAW_TIMES = 1
const RAW_VALUES = 2

/** The smallest block: sensor, kind, count and layout, a byte each. */
const MIN_BLOCK_BYTES = 4

/** Within it the second difference of any times is below 2^52, which zigzag can carry. The year 37,648. */
const TIME_COLUMN_LIMIT = 2 ** 50

/** Within it the first difference of any counts is below 2^52. */
const COUNT_LIMIT = 2 ** 51

const fitsTimeColumn = (atMillis: number): boolean => Math.abs(atMillis) < TIME_COLUMN_LIMIT

const assertBlock = (block: Block): void => {
  if (block.atMillis.length !== block.values.length) {
    throw new RangeError(`${block.sensor}: ${block.atMillis.length} times, but ${block.values.length} values`)
  }
  const odd = block.atMillis.find((atMillis) => !Number.isSafeInteger(atMillis))
  if (odd !== undefined) throw new RangeError(`${block.sensor}: the time ${odd} is not a whole number of milliseconds`)
  if (!block.sensor.isWellFormed()) throw new RangeError(`the sensor name "${block.sensor}" has half a surrogate pair`)
}

/** The values as counts of the kind's resolution, or null when one of them would not come back the same. */
const countsOf = (values: ReadonlyArray<number>, info: SensorKindInfo): Float64Array | null => {
  const [numerator, denominator] = info.resolution
  const counts = new Float64Array(values.length)
  let i = 0
  for (const value of values) {
    const count = Math.round((value * denominator) / numerator)
    // Object.is, and + 0: a count cannot tell -0 from 0, so -0 is not one. NaN and infinities fail the bound.
    if (!(Math.abs(count) < COUNT_LIMIT) || !Object.is((count * numerator) / denominator + 0, value)) return null
    counts[i++] = count
  }
  return counts
}

/** Writes the first time as its distance from `base`, the first time of the block before; gives the next base. */
const writeTimes = (out: ByteWriter, times: ReadonlyArray<number>, base: number): number => {
  const first = times[0]
  if (first === undefined) return base
  out.zigzag(first - base)
  let last = first
  let lastStep = 0
  for (let i = 1; i < times.length; i++) {
    const time = times[i] ?? 0
    const step = time - last
    out.zigzag(step - lastStep)
    last = time
    lastStep = step
  }
  return first
}

const writeCounts = (out: ByteWriter, counts: Float64Array): void => {
  let last = 0
  for (const count of counts) {
    out.zigzag(count - last)
    last = count
  }
}

const writeRaw = (out: ByteWriter, column: ReadonlyArray<number>): void => {
  for (const value of column) out.float64(value)
}

const readSensors = (input: ByteReader): Bundle => {
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
