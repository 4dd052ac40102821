/**
 * An activity as streams of samples: what a file reader gives, what the simulator makes, what a playback plays.
 *
 * Each stream is one kind of measurement in columns: `values[i]` was measured at `atMillis[i]`. Times are
 * milliseconds since the epoch and never decrease within a stream; values are in the kind's unit and in whole
 * counts of its resolution (see `SENSOR_KINDS`), so the telemetry codec carries them exactly.
 */
import type { SensorKind } from "@paceline/core/wire"

export interface Stream {
  readonly kind: SensorKind.SensorKind
  readonly atMillis: ReadonlyArray<number>
  readonly values: ReadonlyArray<number>
}

export interface Recording {
  /** The time of the first sample, milliseconds since the epoch. */
  readonly startedAtMs: number
  /** From the first sample to the last, milliseconds. */
  readonly durationMs: number
  /** At most one for each kind, none of them empty. */
  readonly streams: ReadonlyArray<Stream>
}

/** How many samples the recording holds, over all its streams. */
export const sampleCount = (recording: Recording): number =>
  recording.streams.reduce((sum, stream) => sum + stream.values.length, 0)

/** The stream of one kind, or undefined when nothing measured it. */
export const streamOf = (recording: Recording, kind: SensorKind.SensorKind): Stream | undefined =>
  recording.streams.find((stream) => stream.kind === kind)

/** A recording of these streams: empty ones are left out, each is put in order of time (equal times stay as they are). */
export const fromStreams = (streams: ReadonlyArray<Stream>): Recording => {
  const ordered = streams.filter((stream) => stream.values.length > 0).map(inOrder)
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  for (const { atMillis } of ordered) {
    first = Math.min(first, atMillis[0] ?? first)
    last = Math.max(last, atMillis.at(-1) ?? last)
  }
  return ordered.length === 0
    ? { startedAtMs: 0, durationMs: 0, streams: [] }
    : { startedAtMs: first, durationMs: last - first, streams: ordered }
}

/** The same columns in order of time; equal times stay as they are. */
export const inOrder = <Columns extends Pick<Stream, "atMillis" | "values">>(columns: Columns): Columns => {
  const { atMillis, values } = columns
  if (atMillis.every((at, i) => i === 0 || at >= (atMillis[i - 1] ?? at))) return columns
  const order = atMillis.map((at, i) => ({ at, value: values[i] ?? Number.NaN }))
  order.sort((a, b) => a.at - b.at)
  return { ...columns, atMillis: order.map(({ at }) => at), values: order.map(({ value }) => value) }
}
