/**
 * A stream that no profile covers: a name, a unit, and how often it ticks. Its samples travel like all others and come
 * back to the bit; the name and the unit go with them, so that nothing has to be declared to the server first.
 *
 * @example
 * const core = bridge.stream({ kind: "skinTemperature", unit: "°C", hz: 4, sensor: "patch-1" })
 * core.record(Date.now(), 33.4)
 * core.recordAll(packetAtMillis, [33.4, 33.5, 33.5, 33.6]) // one packet of a sensor that ticks evenly
 */
import { SensorKind } from "@paceline/core/wire"
import { StreamRefused } from "../buffer/Errors.ts"
import { assertSensor } from "../buffer/Pending.ts"

export interface StreamOptions {
  /** What is measured: a letter, then letters, digits, `.`, `_` or `-`; at most 64 in all. */
  readonly kind: string
  /** Its unit: 1 to 16 characters, such as `°C`, `%` or `g/dL`; `1` for a plain number. */
  readonly unit: string
  /** How many samples a second `recordAll` spaces apart; above 0, at most 1000. */
  readonly hz?: number
  /** The sensor's name on this device. Default: the kind. */
  readonly sensor?: string
}

export interface SampleStream {
  readonly kind: string
  readonly unit: string
  readonly sensor: string
  /** Takes one sample, as `Bridge.record` does. False when neither disk nor memory has room. */
  record(atMillis: number, value: number): boolean
  /**
   * Takes samples that were measured at the stream's rate, the first at `firstAtMillis`. Gives back how many there was
   * room for. The time of each is rounded to a whole millisecond by itself, so that errors do not add up.
   *
   * @throws StreamRefused when the stream was opened without `hz`; SampleRefused, BufferClosed
   */
  recordAll(firstAtMillis: number, values: ArrayLike<number>): number
}

/** How one sample of the stream is taken. */
export type Take = (sensor: string, atMillis: number, value: number) => boolean

/**
 * The stream, with what takes its samples: `ofKind` where every side knows the kind, `custom` elsewhere.
 *
 * @throws StreamRefused when the kind, unit, rate or sensor cannot be
 */
export const sampleStream = (
  options: StreamOptions,
  ofKind: (kind: SensorKind.SensorKind) => Take,
  custom: (stream: { readonly name: string; readonly unit: string }) => Take,
): SampleStream => {
  const { hz, kind, sensor = kind, unit } = options
  assertStream(options, sensor)
  const take = SensorKind.isSensorKind(kind) ? ofKind(kind) : custom({ name: kind, unit })
  return {
    kind,
    unit,
    sensor,
    record: (atMillis, value) => take(sensor, atMillis, value),
    recordAll: (firstAtMillis, values) => {
      if (hz === undefined) throw new StreamRefused("hz", `${kind}: recordAll needs a stream that was opened with hz.`)
      let taken = 0
      for (let i = 0; i < values.length; i++) {
        if (take(sensor, firstAtMillis + Math.round((i * 1000) / hz), values[i] ?? Number.NaN)) taken++
      }
      return taken
    },
  }
}

const KIND = /^[A-Za-z][A-Za-z0-9._-]{0,63}$/

/** Characters that people see, and single spaces between them. */
const UNIT = /^[^\p{C}\p{Z}]+( [^\p{C}\p{Z}]+)*$/u
const LONGEST_UNIT = 16

const MAX_HZ = 1_000

const assertStream = ({ hz, kind, unit }: StreamOptions, sensor: string): void => {
  if (!KIND.test(kind)) {
    throw new StreamRefused(
      "kind",
      `${JSON.stringify(kind)} is no kind of stream: a letter, then letters, digits, ".", "_" or "-", at most 64.`,
    )
  }
  if (kind === "custom" || (kind === "activity" && unit !== "mark")) {
    throw new StreamRefused("kind", `"${kind}" has a meaning of its own: choose another name for the stream.`)
  }
  if (!UNIT.test(unit) || [...unit].length > LONGEST_UNIT) {
    throw new StreamRefused(
      "unit",
      `${JSON.stringify(unit)} is no unit: 1 to ${LONGEST_UNIT} characters that can be seen.`,
    )
  }
  if (SensorKind.isSensorKind(kind) && SensorKind.SENSOR_KINDS[kind].unit !== unit) {
    const { unit: known } = SensorKind.SENSOR_KINDS[kind]
    throw new StreamRefused("unit", `${kind} is always in ${known}. Convert it, or give the stream another name.`)
  }
  if (hz !== undefined && !(hz > 0 && hz <= MAX_HZ)) {
    throw new StreamRefused("hz", `${hz} samples a second: more than 0 and at most ${MAX_HZ} can be.`)
  }
  try {
    assertSensor(sensor)
  } catch (thrown) {
    throw new StreamRefused("sensor", thrown instanceof Error ? thrown.message : String(thrown))
  }
}
