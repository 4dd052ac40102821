/**
 * Version 2 of the telemetry codec: blocks that share sensors and times, each column in its smallest form.
 *
 * A bundle of five seconds has few samples in a block, so a block says only what differs from the one before: one
 * byte for its kind, one for its column, and its values. Blocks that were measured at the same times name them once.
 *
 * @see `docs/telemetry.md` for the layout, byte by byte.
 */
import type { Block, Bundle } from "./Block.ts"
import { type ByteReader, FAILED } from "./ByteReader.ts"
import { ByteWriter } from "./ByteWriter.ts"
import { isFloatLayout, readFloats, writeFloats } from "./FloatColumn.ts"
import * as Column from "./IntegerColumn.ts"
import { kindOfCode, SENSOR_KINDS } from "./SensorKind.ts"
import { coarsestScale, denominatorOf, fillCounts, valueOfCount, WHOLE } from "./ValueScale.ts"

/**
 * The most samples of a bundle. Samples may take no bytes at all, so the length of the bytes does not bound them:
 * this does, at one to two megabytes.
 */
export const MAX_SAMPLES = 131_072

/** The code of blocks that bring their own name and unit. */
const CUSTOM = 0

/** Bits of a block's head, below the code of its kind. */
const OTHER_SENSOR = 1
const OTHER_TIMES = 2
const OTHER_SCALE = 4
const KIND = 8

/** Within it times are predicted; the year 37,648. */
const TIME_LIMIT = 2 ** 50

/** In the order in which they are tried. */
const TIME_PREDICTIONS = [Column.LINE, Column.DELTA_OF_DELTA, Column.DELTA, Column.OFFSET]
const VALUE_PREDICTIONS = [Column.DELTA, Column.DELTA_OF_DELTA, Column.OFFSET]
const INTERVAL_PREDICTIONS = [Column.TIME_STEPS, ...VALUE_PREDICTIONS]

/** Integers beyond so many bytes a value are held against float64, which may be smaller. */
const LONG_INTEGERS = 4

/** The bytes of a bundle that is known to be one. */
export const writeVersion2 = (version: number, bundle: Bundle): Uint8Array<ArrayBuffer> => {
  let [samples, longest] = [0, 0]
  for (const { atMillis } of bundle) {
    samples += atMillis.length
    longest = Math.max(longest, atMillis.length)
  }
  if (samples > SPARE_SAMPLES) return writeIn(roomFor(samples, longest), version, bundle)
  const room = spare ?? roomFor(SPARE_SAMPLES, SPARE_SAMPLES)
  spare = null
  try {
    return writeIn(room, version, bundle)
  } finally {
    spare = room
  }
}

/** Room for bundles of the usual size is kept for the next: making it costs as much as writing five seconds. */
let spare: Room | null = null
const SPARE_SAMPLES = 1024

/** Where a bundle is written, and columns to be compared. */
interface Room {
  readonly out: ByteWriter
  readonly scratch: Column.Scratch
  best: ByteWriter
  trial: ByteWriter
}

const roomFor = (samples: number, longest: number): Room => ({
  out: new ByteWriter(64 + 2 * samples),
  scratch: new Column.Scratch(longest),
  best: new ByteWriter(2 * longest),
  trial: new ByteWriter(2 * longest),
})

const writeIn = (room: Room, version: number, bundle: Bundle): Uint8Array<ArrayBuffer> => {
  const { out } = room
  const sensors = new Map<string, number>()
  for (const { sensor } of bundle) if (!sensors.has(sensor)) sensors.set(sensor, sensors.size)
  const axes = new Axes()
  out.clear()
  out.byte(version)
  out.varint(sensors.size)
  for (const sensor of sensors.keys()) out.text(sensor)
  out.varint(bundle.length)
  let [lastSensor, lastAxis] = [0, -1]
  for (const block of bundle) {
    const sensor = sensors.get(block.sensor) ?? 0
    const known = axes.find(block.atMillis)
    const sameTimes = known >= 0 && known === lastAxis
    const scale = writeColumn(block, room)
    out.varint(
      (block.kind === "custom" ? CUSTOM : SENSOR_KINDS[block.kind].code) * KIND +
        (sensor === lastSensor ? 0 : OTHER_SENSOR) +
        (sameTimes ? 0 : OTHER_TIMES) +
        (scale === null ? 0 : OTHER_SCALE),
    )
    if (block.kind === "custom") {
      out.text(block.name)
      out.text(block.unit)
    }
    if (sensor !== lastSensor) out.varint(sensor)
    if (!sameTimes) out.varint(known + 1)
    if (known < 0) writeAxis(out, block.atMillis, axes, room.scratch)
    if (scale !== null) out.byte(scale)
    out.appendFrom(room.best)
    lastSensor = sensor
    lastAxis = known < 0 ? axes.count - 1 : known
  }
  return out.toBytes()
}

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

/** The columns of times written so far, found again by their first time. */
class Axes {
  /** What the first time of the next column is counted from. */
  base = 0
  count = 0
  private readonly byFirst = new Map<number | undefined, Array<{ index: number; times: ReadonlyArray<number> }>>()

  /** The index of these times, or -1. */
  find(times: ReadonlyArray<number>): number {
    const found = this.byFirst.get(times[0])?.find((axis) => axis.times === times || areEqual(axis.times, times))
    return found?.index ?? -1
  }

  add(times: ReadonlyArray<number>): void {
    const axis = { index: this.count++, times }
    const others = this.byFirst.get(times[0])
    if (others === undefined) this.byFirst.set(times[0], [axis])
    else others.push(axis)
  }
}

const areEqual = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

const writeAxis = (out: ByteWriter, times: ReadonlyArray<number>, axes: Axes, scratch: Column.Scratch): void => {
  axes.add(times)
  out.varint(times.length)
  const [first] = times
  if (first === undefined) return
  if (!areNearTimes(times)) {
    writeFloats(out, times)
    return
  }
  for (let i = 0; i < times.length; i++) scratch.numbers[i] = (times[i] ?? 0) - axes.base
  Column.writeIntegers(out, scratch, times.length, TIME_PREDICTIONS)
  axes.base = first
}

const areNearTimes = (times: ReadonlyArray<number>): boolean => {
  for (const time of times) if (Math.abs(time) >= TIME_LIMIT) return false
  return true
}

/** The values of a block in the scale and form that are the smallest: in `room.best`, with the scale it is in. */
const writeColumn = (block: Block, room: Room): number | null => {
  const { atMillis, kind, values } = block
  const resolution = kind === "custom" ? WHOLE : SENSOR_KINDS[kind].resolution
  room.best.clear()
  if (values.length === 0) return null
  const fits = fillCounts(room.scratch.numbers, values, resolution)
  if (fits) {
    const isInterval = kind === "rrInterval" && areNearTimes(atMillis)
    const predictions = isInterval ? INTERVAL_PREDICTIONS : VALUE_PREDICTIONS
    Column.writeIntegers(room.best, room.scratch, values.length, predictions, atMillis)
    if (resolution[1] === 1) return null
  }
  const scale = coarsestScale(values, fits ? resolution[1] / resolution[0] : undefined)
  const denominator = scale === null ? undefined : denominatorOf(scale)
  let chosen: number | null = null
  if (denominator !== undefined && fillCounts(room.scratch.numbers, values, [1, denominator])) {
    room.trial.clear()
    Column.writeIntegers(room.trial, room.scratch, values.length, VALUE_PREDICTIONS)
    // The scale takes a byte itself.
    if (room.trial.size + 1 < room.best.size || !fits) {
      keepTrial(room)
      chosen = scale
    }
  }
  if (room.best.size > 0 && room.best.size <= LONG_INTEGERS * values.length) return chosen
  room.trial.clear()
  writeFloats(room.trial, values)
  if (room.best.size > 0 && room.trial.size >= room.best.size + (chosen === null ? 0 : 1)) return chosen
  keepTrial(room)
  return null
}

const keepTrial = (room: Room): void => {
  const { best, trial } = room
  room.best = trial
  room.trial = best
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
  const code = Math.floor(head / KIND)
  const kind = kindOfCode(code)
  if (code !== CUSTOM && kind === undefined) input.fail(`unknown sensor kind ${code}`)
  const name = code === CUSTOM ? input.text() : null
  const unit = code === CUSTOM ? input.text() : null
  if ((head & OTHER_SENSOR) !== 0) state.sensor = input.varint()
  const sensor = sensors[state.sensor]
  if (sensor === undefined) input.fail(`sensor ${state.sensor} of ${sensors.length}`)
  const atMillis = readTimes(input, (head & OTHER_TIMES) !== 0, state)
  const resolution = (head & OTHER_SCALE) === 0 ? resolutionOf(kind) : readScale(input)
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
  if (state.samples > MAX_SAMPLES) input.fail(`${state.samples} samples, where ${MAX_SAMPLES} are the most`)
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
  if (!TIME_PREDICTIONS.includes(Column.predictionOf(layout))) {
    input.fail(`unknown layout ${layout} of times`)
    return []
  }
  const times = Column.readIntegers(input, layout, count, "a time", state.base, [])
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
  if (!INTERVAL_PREDICTIONS.includes(Column.predictionOf(layout))) {
    input.fail(`unknown layout ${layout} of values`)
    return []
  }
  const values = Column.readIntegers(input, layout, times.length, "a count", 0, times)
  // Whole numbers of the unit are values already.
  if (resolution[0] === 1 && resolution[1] === 1) return values
  for (let i = 0; i < values.length; i++) values[i] = valueOfCount(values[i] ?? 0, resolution)
  return values
}
