/**
 * What a chunk holds of whom: its samples sorted out into streams, and those into hours.
 *
 * A stream is what one sensor of one device said of one athlete, of one kind: the unit of which series are kept. A chunk
 * is found again by the hours that it has samples in; a `Run` is what it has of a stream in one hour, so each sample of
 * a chunk is in exactly one run, whatever its times are.
 */
import type { AthleteId, DeviceId } from "@paceline/core/contract"
import { Rollup, TimeWindows } from "@paceline/core/kernel"
import { type Bundle, SensorKind } from "@paceline/core/wire"

const { HOUR, MINUTE } = TimeWindows

/** What a stream is known by. */
export interface StreamKey {
  readonly athleteId: AthleteId
  /** `heartRate`, or `custom:` and the name that the maker gave. */
  readonly kind: string
  readonly unit: string
  readonly deviceId: DeviceId
  readonly sensor: string
}

/** A chunk's samples of one stream in one hour. Never empty. */
export interface Run {
  /** Hours since the epoch. */
  readonly hour: number
  readonly firstAtMs: number
  readonly lastAtMs: number
  readonly samples: number
  /** By the minute. */
  readonly minutes: Rollup.Buckets
}

const CUSTOM = "custom:"

/** The name of a block's kind in series. */
export const kindOf = (block: Bundle.Block): string => (block.kind === "custom" ? CUSTOM + block.name : block.kind)

export const unitOf = (block: Bundle.Block): string =>
  block.kind === "custom" ? block.unit : SensorKind.SENSOR_KINDS[block.kind].unit

/** What the blocks of a chunk hold, by stream, which has a name of its own; of nobody what a sensor said that nobody wore. */
export const streamsOf = (
  deviceId: DeviceId,
  bundle: Bundle.Bundle,
  wearerOf: (sensor: string) => AthleteId | undefined,
): ReadonlyArray<{ readonly name: string; readonly key: StreamKey; readonly runs: ReadonlyArray<Run> }> => {
  const streams = new Map<string, { readonly key: StreamKey; readonly runs: Map<number, Run> }>()
  for (const block of bundle) {
    const athleteId = wearerOf(block.sensor)
    if (athleteId === undefined || block.atMillis.length === 0) continue
    const key: StreamKey = { athleteId, kind: kindOf(block), unit: unitOf(block), deviceId, sensor: block.sensor }
    const name = nameOf(key)
    const stream = streams.get(name) ?? { key, runs: new Map<number, Run>() }
    streams.set(name, stream)
    addRuns(stream.runs, block)
  }
  return Array.from(streams, ([name, { key, runs }]) => ({ name, key, runs: Array.from(runs.values()) }))
}

/** One text for each stream: names may be any text, so their lengths say where each ends. */
const nameOf = ({ athleteId, deviceId, kind, sensor, unit }: StreamKey): string =>
  `${athleteId.length} ${deviceId.length} ${sensor.length} ${kind.length} ${athleteId}${deviceId}${sensor}${kind}${unit}`

const addRuns = (runs: Map<number, Run>, { atMillis, values }: Bundle.Block): void => {
  let from = 0
  while (from < atMillis.length) {
    const hour = Rollup.numberOf(atMillis[from] ?? 0, HOUR)
    const [startMs, endMs] = [hour * HOUR, (hour + 1) * HOUR]
    let [firstAtMs, lastAtMs] = [endMs, startMs]
    let to = from
    for (; to < atMillis.length; to++) {
      const at = atMillis[to] ?? 0
      if (at < startMs || at >= endMs) break
      if (at < firstAtMs) firstAtMs = at
      if (at > lastAtMs) lastAtMs = at
    }
    const before = runs.get(hour)
    const minutes = before?.minutes ?? new Map()
    const whole = from === 0 && to === atMillis.length
    Rollup.add(minutes, MINUTE, whole ? atMillis : atMillis.slice(from, to), whole ? values : values.slice(from, to))
    runs.set(hour, {
      hour,
      firstAtMs: Math.min(firstAtMs, before?.firstAtMs ?? firstAtMs),
      lastAtMs: Math.max(lastAtMs, before?.lastAtMs ?? lastAtMs),
      samples: to - from + (before?.samples ?? 0),
      minutes,
    })
    from = to
  }
}
