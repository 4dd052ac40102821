/**
 * Reads version 2 of the telemetry codec, from bytes that may be anything. It makes room for no more than
 * `MAX_SAMPLES`, whatever the bytes claim.
 */
import type { Block, Bundle } from "./Block.ts"
import * as Layout from "./BundleV2.ts"
import { type ByteReader, FAILED } from "./ByteReader.ts"
import { isFloatLayout, readFloats } from "./FloatColumn.ts"
import { predictionOf } from "./IntegerColumn.ts"
import { readIntegers } from "./IntegerColumnReader.ts"
import { kindOfCode, SENSOR_KINDS } from "./SensorKind.ts"
import { denominatorOf, valueOfCount, WHOLE } from "./ValueScale.ts"

/** The bundle behind the version byte. What is wrong is the reader's `problem`; then the bundle means nothing. */
export const readVersion2 = (input: ByteReader): Bundle => {
  const sensors = readSensors(input)
  const bundle: Array<Block> = []
  const state: ReadState = { axes: [], axis: -1, base: 0, sensor: 0, samples: 0 }
  const blocks = input.count(1, "blocks")
  for (let i = 0; i < blocks && input.problem === null; i++) {
    const block = readBlock(input, sensors, state)
    if (block !== null) bundle.push(block)
  }
  if (input.remaining > 0) input.fail(`${input.remaining} bytes after the last block`)
  return bundle
}

interface ReadState {
  readonly axes: Array<ReadonlyArray<number>>
  /** Of the block before. */
  axis: number
  sensor: number
  base: number
  samples: number
}

const readSensors = (input: ByteReader): ReadonlyArray<string> => {
  const sensors: Array<string> = []
  const count = input.count(1, "sensor names")
  for (let i = 0; i < count && input.problem === null; i++) sensors.push(input.text() ?? "")
  return sensors
}

const readBlock = (input: ByteReader, sensors: ReadonlyArray<string>, state: ReadState): Block | null => {
  const head = input.varint()
  if (head < 0) return null
  const code = Math.floor(head / Layout.KIND)
  const kind = kindOfCode(code)
  if (code !== Layout.CUSTOM && kind === undefined) input.fail(`unknown sensor kind ${code}`)
  const name = code === Layout.CUSTOM ? input.text() : null
  const unit = code === Layout.CUSTOM ? input.text() : null
  if ((head & Layout.OTHER_SENSOR) !== 0) state.sensor = input.varint()
  const sensor = sensors[state.sensor]
  if (sensor === undefined) input.fail(`sensor ${state.sensor} of ${sensors.length}`)
  const atMillis = readTimes(input, (head & Layout.OTHER_TIMES) !== 0, state)
  const resolution = (head & Layout.OTHER_SCALE) === 0 ? resolutionOf(kind) : readScale(input)
  if (input.problem !== null || sensor === undefined) return null
  const values = atMillis.length === 0 ? [] : readValues(input, atMillis, resolution)
  if (kind !== undefined) return { sensor, kind, atMillis, values }
  return { sensor, kind: "custom", name: name ?? "", unit: unit ?? "", atMillis, values }
}

const resolutionOf = (kind: ReturnType<typeof kindOfCode>): readonly [number, number] =>
  kind === undefined ? WHOLE : SENSOR_KINDS[kind].resolution

const readScale = (input: ByteReader): readonly [number, number] => {
  const scale = input.byte()
  const denominator = denominatorOf(scale)
  if (denominator === undefined) input.fail(`unknown scale ${scale}`)
  return [1, denominator ?? 1]
}

const readTimes = (input: ByteReader, others: boolean, state: ReadState): ReadonlyArray<number> => {
  const known = others ? input.varint() - 1 : state.axis
  if (input.problem !== null) return []
  if (others && known === FAILED) {
    const times = readAxis(input, state)
    state.axis = state.axes.length
    state.axes.push(times)
    return times
  }
  const times = state.axes[known]
  state.axis = known
  if (times === undefined) input.fail(`times ${known} of ${state.axes.length}`)
  else countSamples(input, times.length, state)
  return times ?? []
}

/** Bounds what the bytes can make a reader hold. */
const countSamples = (input: ByteReader, samples: number, state: ReadState): void => {
  state.samples += samples
  if (state.samples > Layout.MAX_SAMPLES)
    input.fail(`${state.samples} samples, where ${Layout.MAX_SAMPLES} are the most`)
}

const readAxis = (input: ByteReader, state: ReadState): ReadonlyArray<number> => {
  const count = input.varint()
  if (count > 0) countSamples(input, count, state)
  const layout = count > 0 ? input.byte() : FAILED
  if (count <= 0 || input.problem !== null) return []
  if (isFloatLayout(layout)) {
    const times = readFloats(input, layout, count)
    if (!times.every(Number.isSafeInteger)) input.fail("a time that is not a whole number")
    return times
  }
  if (!Layout.TIME_PREDICTIONS.includes(predictionOf(layout))) {
    input.fail(`unknown layout ${layout} of times`)
    return []
  }
  const times = readIntegers(input, layout, count, "a time", state.base, [])
  state.base = times[0] ?? state.base
  return times
}

const readValues = (
  input: ByteReader,
  times: ReadonlyArray<number>,
  resolution: readonly [number, number],
): ReadonlyArray<number> => {
  const layout = input.byte()
  if (layout < 0) return []
  if (isFloatLayout(layout)) return readFloats(input, layout, times.length)
  if (!Layout.INTERVAL_PREDICTIONS.includes(predictionOf(layout))) {
    input.fail(`unknown layout ${layout} of values`)
    return []
  }
  const values = readIntegers(input, layout, times.length, "a count", 0, times)
  // Whole numbers of the unit are values already.
  if (resolution[0] === 1 && resolution[1] === 1) return values
  for (let i = 0; i < values.length; i++) values[i] = valueOfCount(values[i] ?? 0, resolution)
  return values
}
