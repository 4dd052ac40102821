/**
 * An activity second by second, as the sensors on a body and under it feel it: what `SensorModels` make packets of.
 *
 * Columns of the recording that tick otherwise are read as their last value; what it does not have is 0.
 */
import { type Recording, streamOf } from "../files/Recording.ts"

export interface Second {
  readonly heartRateBpm: number
  readonly powerWatts: number
  readonly cadenceRpm: number
  readonly speedMetresPerSecond: number
  /** From the start. */
  readonly distanceMetres: number
  /** The time from beat to beat of the beats that fell into the second that ends now, in 1/1024 s. */
  readonly rrTicks: ReadonlyArray<number>
  /** Mechanical work from the start. */
  readonly workKilojoules: number
}

export interface Body {
  /** One for the first moment, and one for each second after it. */
  readonly seconds: number
  readonly at: (second: number) => Second
}

export const bodyOf = (recording: Recording): Body => {
  const seconds = Math.floor(recording.durationMs / 1000) + 1
  const column = (kind: Parameters<typeof streamOf>[1]): Float64Array => {
    const out = new Float64Array(seconds)
    const stream = streamOf(recording, kind)
    let next = 0
    let last = stream?.values[0] ?? 0
    for (let second = 0; second < seconds; second++) {
      const moment = recording.startedAtMs + second * 1000
      while (stream !== undefined && (stream.atMillis[next] ?? Number.POSITIVE_INFINITY) <= moment) {
        last = stream.values[next++] ?? last
      }
      out[second] = last
    }
    return out
  }
  const heartRate = column("heartRate")
  const power = column("power")
  const cadence = column("cadence")
  const speed = column("speed")
  const distance = column("distance")
  const work = new Float64Array(seconds)
  for (let second = 1; second < seconds; second++) work[second] = (work[second - 1] ?? 0) + (power[second] ?? 0) / 1000
  const beats = beatsBySecond(recording, seconds)
  return {
    seconds,
    at: (second) => ({
      heartRateBpm: heartRate[second] ?? 0,
      powerWatts: power[second] ?? 0,
      cadenceRpm: cadence[second] ?? 0,
      speedMetresPerSecond: speed[second] ?? 0,
      distanceMetres: distance[second] ?? 0,
      rrTicks: beats[second] ?? [],
      workKilojoules: work[second] ?? 0,
    }),
  }
}

const TICKS_PER_MILLI = 1.024

const beatsBySecond = (recording: Recording, seconds: number): ReadonlyArray<ReadonlyArray<number>> => {
  const out: Array<Array<number>> = Array.from({ length: seconds }, () => [])
  const stream = streamOf(recording, "rrInterval")
  let before: number | undefined
  for (const [n, atMs] of (stream?.atMillis ?? []).entries()) {
    const offset = atMs - recording.startedAtMs
    // Beats are placed on the strap's ticks, so that roundings of many intervals do not add up.
    const tick = Math.round(offset * TICKS_PER_MILLI)
    const interval = Math.round((stream?.values[n] ?? 0) * 1024)
    const follows = before !== undefined && Math.abs(tick - before - interval) <= 2
    out[Math.ceil(offset / 1000)]?.push(follows && before !== undefined ? tick - before : interval)
    before = tick
  }
  return out
}
