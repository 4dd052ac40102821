/**
 * Plays a recording against a clock: which samples are due between two moments?
 *
 * A pure function of offsets, so that a playback has nothing to lose: a process that was killed asks again from
 * where its clock is. An *offset* counts milliseconds from the start of the playback; the recording's first
 * sample is at offset 0. A recording that is over begins again `periodMillis` later, for ever.
 *
 * @example
 * const due = Playback.samplesBetween(recording, 4_000, 5_000) // what was measured in the fifth second
 * const first = Playback.samplesBetween(recording, -1, 0)      // the very first samples
 */
import type { SensorKind } from "@paceline/core/wire"
import type { Recording, Stream } from "../files/Recording.ts"

export interface DueSample {
  readonly kind: SensorKind.SensorKind
  /** Milliseconds from the start of the playback; goes on growing when the recording repeats. */
  readonly offsetMs: number
  /** In the kind's unit. */
  readonly value: number
}

/** Between the last sample of one round and the first of the next, in milliseconds: a strap's usual second. */
export const LOOP_GAP_MILLIS = 1_000

/** How long one round of the recording takes, milliseconds. */
export const periodMillis = (recording: Recording): number => recording.durationMs + LOOP_GAP_MILLIS

/**
 * The samples due in `(fromOffsetMs, toOffsetMs]`, in order of time; at equal times in the order of the streams.
 * Adjacent intervals give each sample exactly once. Nothing is due before offset 0.
 *
 * @throws RangeError when an offset is not finite.
 */
export const samplesBetween = (recording: Recording, fromOffsetMs: number, toOffsetMs: number): Array<DueSample> => {
  if (!Number.isFinite(fromOffsetMs) || !Number.isFinite(toOffsetMs)) {
    throw new RangeError(`offsets must be finite: ${fromOffsetMs}, ${toOffsetMs}`)
  }
  if (recording.streams.length === 0) return []
  const due: Array<DueSample> = []
  const period = periodMillis(recording)
  const lastRound = Math.floor(toOffsetMs / period)
  for (let round = Math.max(0, Math.floor(fromOffsetMs / period)); round <= lastRound; round++) {
    for (const stream of recording.streams) {
      addDue(due, stream, round * period - recording.startedAtMs, fromOffsetMs, toOffsetMs)
    }
  }
  // A round ends before the next begins, and the sort is stable.
  return due.sort((a, b) => a.offsetMs - b.offsetMs)
}

/** `shift` turns a time of the recording into an offset of the playback. */
const addDue = (
  due: Array<DueSample>,
  { kind, atMillis, values }: Stream,
  shift: number,
  fromOffsetMs: number,
  toOffsetMs: number,
): void => {
  for (let i = firstAfter(atMillis, fromOffsetMs - shift); i < atMillis.length; i++) {
    const offsetMs = (atMillis[i] ?? 0) + shift
    if (offsetMs > toOffsetMs) return
    due.push({ kind, offsetMs, value: values[i] ?? Number.NaN })
  }
}

/** The index of the first time later than `moment`: times never decrease, so by bisection. */
const firstAfter = (times: ReadonlyArray<number>, moment: number): number => {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((times[middle] ?? 0) > moment) high = middle
    else low = middle + 1
  }
  return low
}
