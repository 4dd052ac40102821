/**
 * Writes version 2 of the telemetry codec: each column is tried in every scale, prediction and code that fits it, and
 * takes the smallest.
 */
import type { Block, Bundle } from "./Block.ts"
import * as Layout from "./BundleV2.ts"
import { ByteWriter } from "./ByteWriter.ts"
import { writeFloats } from "./FloatColumn.ts"
import { Scratch, writeIntegers } from "./IntegerColumn.ts"
import { SENSOR_KINDS } from "./SensorKind.ts"
import { coarsestScale, denominatorOf, fillCounts, WHOLE } from "./ValueScale.ts"

/** Within it times are predicted; the year 37,648. */
const TIME_LIMIT = 2 ** 50

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
  readonly scratch: Scratch
  best: ByteWriter
  trial: ByteWriter
}

const roomFor = (samples: number, longest: number): Room => ({
  out: new ByteWriter(64 + 2 * samples),
  scratch: new Scratch(longest),
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
      (block.kind === "custom" ? Layout.CUSTOM : SENSOR_KINDS[block.kind].code) * Layout.KIND +
        (sensor === lastSensor ? 0 : Layout.OTHER_SENSOR) +
        (sameTimes ? 0 : Layout.OTHER_TIMES) +
        (scale === null ? 0 : Layout.OTHER_SCALE),
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

const writeAxis = (out: ByteWriter, times: ReadonlyArray<number>, axes: Axes, scratch: Scratch): void => {
  axes.add(times)
  out.varint(times.length)
  const [first] = times
  if (first === undefined) return
  if (!areNearTimes(times)) {
    writeFloats(out, times)
    return
  }
  for (let i = 0; i < times.length; i++) scratch.numbers[i] = (times[i] ?? 0) - axes.base
  writeIntegers(out, scratch, times.length, Layout.TIME_PREDICTIONS)
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
    const predictions = isInterval ? Layout.INTERVAL_PREDICTIONS : Layout.VALUE_PREDICTIONS
    writeIntegers(room.best, room.scratch, values.length, predictions, atMillis)
    if (resolution[1] === 1) return null
  }
  const scale = coarsestScale(values, fits ? resolution[1] / resolution[0] : undefined)
  const denominator = scale === null ? undefined : denominatorOf(scale)
  let chosen: number | null = null
  if (denominator !== undefined && fillCounts(room.scratch.numbers, values, [1, denominator])) {
    room.trial.clear()
    writeIntegers(room.trial, room.scratch, values.length, Layout.VALUE_PREDICTIONS)
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
