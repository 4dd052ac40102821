/**
 * Reads out a strap or watch that remembers: every record of its log is stored once, however often it is offloaded.
 *
 *     offload(bridge, { source: "watch-3", log: watch.sessionId, records, look: { strapMillis, wallMillis: Date.now() } })
 *
 * **A record's identity is its number in the log, never its time.** Which numbers were taken is a cursor of the bridge,
 * written in the transaction that writes their samples: a crash in between repeats both or neither. Pages may overlap
 * and come in any order. Times are labels, from an estimate of how the strap's clock drifts (`DriftEstimate`); the same
 * record offloaded again under a better estimate is still the same.
 *
 * Numbers mean something within one log only: give each log that starts counting anew (another session, a strap that
 * was erased) a name of its own. Beats that were heard live are recognised by their intervals (`heard`), and only the
 * missing ones are added.
 */
import type { SampleKind } from "../bridge/Bridge.ts"
import { type Anchors, addLook, type ClockLook, rateOf, wallOf } from "./DriftEstimate.ts"
import { heardAmong, type TimedBeat } from "./HeardAmong.ts"
import type { HeardBeats } from "./HeardBeats.ts"
import * as RecordRanges from "./RecordRanges.ts"
import type { CursorBridge } from "./SourceBridge.ts"

export interface LogRecord {
  /** Its number in the log, a whole number from 0. */
  readonly index: number
  /** When it was measured, milliseconds of the strap's own clock. Of several beats: when the last one ended. */
  readonly strapMillis: number
  readonly samples: ReadonlyArray<{ readonly kind: SampleKind; readonly value: number }>
}

export interface OffloadOptions {
  /** Names the strap's memory among the cursors of this bridge. */
  readonly source: string
  /** The sensor under which samples are recorded. Default: `source`. */
  readonly sensor?: string
  /** Which of its logs this is. Default: its only one. */
  readonly log?: string
  readonly records: ReadonlyArray<LogRecord>
  /** Both clocks at the time of the offload. The first offload of a source must say it. */
  readonly look?: ClockLook
  /** What was heard of the same strap live. */
  readonly heard?: HeardBeats
}

export interface Offloaded {
  /** Records stored by this call. */
  readonly taken: number
  /** Records that had been stored by an earlier offload. */
  readonly copies: number
  /** Beats that had been heard live. */
  readonly heardLive: number
  /** Records so new that their beats may still come live (only with `heard`): offload them again later. */
  readonly later: number
  /** Records that the bridge had no room for: offload them again. */
  readonly turnedAway: number
  /** How much the strap's clock gains in an hour, in seconds, as far as is known. */
  readonly driftSecondsPerHour: number
}

/**
 * Records what is new among `records`. Nothing is awaited, so that it stays in one transaction. It is history: nothing of
 * it is sent to screens.
 *
 * @throws RangeError when a number or a time is none, or no offload of this source ever looked at the clocks: nothing
 *   has been recorded then. What `record` throws: what was recorded before that is, and counts as taken.
 */
export const offload = (bridge: CursorBridge, options: OffloadOptions): Offloaded => {
  const { source, sensor = source, log = "", records, look, heard } = options
  assertMeasured(source, records, look)
  const clockCursor = `offload/${source}`
  const rangesCursor = `offload/${source}/${log}`
  const before = parseAnchors(bridge.cursor(clockCursor))
  const anchors = look === undefined ? before : addLook(before, look)
  if (anchors.length === 0) throw new RangeError(`${source}: no clocks to go by; give the first offload a look.`)
  let ranges = RecordRanges.parse(bridge.cursor(rangesCursor) ?? "") ?? RecordRanges.empty
  const fresh = inOrder(records).filter(({ index }) => !RecordRanges.has(ranges, index))
  const items = fresh.map((record) => ({ record, samples: timed(record, anchors) }))
  // The newest beats may still be on their way through the air.
  const settled = items.filter(({ samples }) => heard === undefined || !isRecent(samples, look))
  const live = heardLive(settled, heard)
  const forgotten = new Set<number>()
  let taken = 0
  let skipped = 0
  let failure: Failure | undefined
  for (const { record, samples } of settled) {
    const { end, recorded } = recordAll(bridge, sensor, samples, live)
    if (typeof end === "object") failure = end
    // Taken as soon as one of its samples is: half a record less is better than half of it twice.
    if (end !== "all" && recorded === 0) break
    ranges = RecordRanges.add(ranges, record.index)
    taken++
    for (const sample of samples) {
      const place = live.get(sample)
      if (place === undefined) continue
      forgotten.add(place)
      skipped++
    }
    if (end !== "all") break
  }
  bridge.moveCursor(clockCursor, JSON.stringify(sharpened(anchors, settled, live, heard)))
  heard?.forget(forgotten)
  bridge.moveCursor(rangesCursor, RecordRanges.format(ranges))
  if (failure !== undefined) throw failure.thrown
  return {
    taken,
    copies: records.length - fresh.length,
    heardLive: skipped,
    later: items.length - settled.length,
    turnedAway: settled.length - taken,
    driftSecondsPerHour: 3_600 * (1 / rateOf(anchors) - 1),
  }
}

/** What `record` threw. */
interface Failure {
  readonly thrown: unknown
}

const HISTORY = { live: false } as const

/** Records the samples that were not heard live, as long as there is room. */
const recordAll = (
  bridge: CursorBridge,
  sensor: string,
  samples: ReadonlyArray<TimedSample>,
  live: ReadonlyMap<TimedSample, number>,
): { readonly recorded: number; readonly end: "all" | "full" | Failure } => {
  let recorded = 0
  try {
    for (const sample of samples) {
      if (live.has(sample)) continue
      const at = Math.round(sample.atMillis)
      if (!bridge.record(sensor, sample.kind, at, sample.value, HISTORY)) return { recorded, end: "full" }
      recorded++
    }
    return { recorded, end: "all" }
  } catch (thrown) {
    return { recorded, end: { thrown } }
  }
}

/** Before anything is recorded: what stops half way would be recorded again by the next attempt. */
const assertMeasured = (source: string, records: ReadonlyArray<LogRecord>, look: ClockLook | undefined): void => {
  for (const { index, strapMillis } of records) {
    if (!Number.isSafeInteger(index) || index < 0) throw new RangeError(`${source}: a record's index is ${index}.`)
    if (!Number.isFinite(strapMillis)) throw new RangeError(`${source}: record ${index} has the time ${strapMillis}.`)
  }
  if (look === undefined || (Number.isFinite(look.strapMillis) && Number.isFinite(look.wallMillis))) return
  throw new RangeError(`${source}: the clocks show ${look.strapMillis} (strap) and ${look.wallMillis} (wall).`)
}

/** A beat that was heard is one more look at both clocks, and from the past, which tells the drift since. */
const sharpened = (
  anchors: Anchors,
  items: ReadonlyArray<{ readonly record: LogRecord; readonly samples: ReadonlyArray<TimedSample> }>,
  live: ReadonlyMap<TimedSample, number>,
  heard: HeardBeats | undefined,
): Anchors => {
  for (const { record, samples } of items) {
    const last = samples.at(-1)
    const place = last === undefined ? undefined : live.get(last)
    const beat = place === undefined ? undefined : heard?.all()[place]
    if (beat !== undefined) return addLook(anchors, { strapMillis: record.strapMillis, wallMillis: beat.atMillis })
  }
  return anchors
}

/** How long a packet may be on its way, by far. */
const SETTLED_AFTER_MILLIS = 10_000

const isRecent = (samples: ReadonlyArray<TimedSample>, look: ClockLook | undefined): boolean =>
  look !== undefined && samples.some(({ atMillis }) => atMillis > look.wallMillis - SETTLED_AFTER_MILLIS)

interface TimedSample {
  readonly kind: SampleKind
  readonly value: number
  readonly atMillis: number
}

/** By number, each once. */
const inOrder = (records: ReadonlyArray<LogRecord>): ReadonlyArray<LogRecord> =>
  [...new Map(records.map((record) => [record.index, record])).values()].sort((a, b) => a.index - b.index)

/** The record's samples with their labels; of several beats all but the last lie before it. */
const timed = ({ strapMillis, samples }: LogRecord, anchors: Anchors): ReadonlyArray<TimedSample> => {
  const out: Array<TimedSample> = []
  let back = 0
  for (const { kind, value } of samples.toReversed()) {
    const isBeat = kind === "rrInterval"
    out.push({ kind, value, atMillis: wallOf(anchors, strapMillis - (isBeat ? back : 0)) ?? 0 })
    if (isBeat) back += 1_000 * value
  }
  return out.reverse()
}

/** The samples that are beats heard live, each with its place among what was heard. */
const heardLive = (
  items: ReadonlyArray<{ readonly samples: ReadonlyArray<TimedSample> }>,
  heard: HeardBeats | undefined,
): ReadonlyMap<TimedSample, number> => {
  const live = new Map<TimedSample, number>()
  if (heard === undefined) return live
  const beats = items.flatMap(({ samples }) => samples.filter(({ kind }) => kind === "rrInterval"))
  const log = beats.map(({ atMillis, value }): TimedBeat => ({ atMillis, rrIntervalSeconds: value }))
  for (const [place, index] of heardAmong(log, heard.all())) {
    const beat = beats[index]
    if (beat !== undefined) live.set(beat, place)
  }
  return live
}

const parseAnchors = (text: string | null): Anchors => {
  try {
    const parsed: unknown = JSON.parse(text ?? "[]")
    if (!Array.isArray(parsed)) return []
    const [first, last] = parsed.map(lookOf)
    if (first === undefined) return []
    return last === undefined ? [first] : [first, last]
  } catch {
    return []
  }
}

const lookOf = (value: unknown): ClockLook | undefined => {
  const strapMillis: unknown = Reflect.get(Object(value), "strapMillis")
  const wallMillis: unknown = Reflect.get(Object(value), "wallMillis")
  return typeof strapMillis === "number" && typeof wallMillis === "number" ? { strapMillis, wallMillis } : undefined
}
