/**
 * Plays straps against the wall clock, and survives being killed: what is due is a pure function of how far the
 * playback has got, and that is kept as a cursor, in the same transaction as the samples themselves.
 *
 * So the mark that ends an activity is recorded exactly once however often the process dies around that moment:
 * either the mark and "it has been said" are both on disk, or neither is. What the straps measured while no
 * process was there is heard as far as they remember it, as with real straps (most remember nothing); the playback
 * goes on where the clock is.
 *
 * An offset counts milliseconds of the straps' clock from the start of the playback. One that runs faster than time is
 * dated back, so that its end is now and nothing in it lies in the future, where a server would not count it.
 */
import { SensorKind } from "@paceline/core/wire"
import { Playback } from "../simulator/index.ts"
import type { HeardSample } from "./RadioStrap.ts"
import { type Strap, strapName } from "./Straps.ts"

export interface Plan {
  readonly startedAtMs: number
  readonly speed: number
  /** Real seconds; null: without end, every round of a recording being an activity of its own. */
  readonly seconds: number | null
  readonly straps: ReadonlyArray<Strap>
  /** So much of what nobody heard the straps remember, in milliseconds of their clock. */
  readonly memoryMs: number
}

/** How far a playback has got; kept as a cursor of the buffer. */
export interface Progress {
  readonly startedAtMs: number
  /** The date of offset 0. */
  readonly datedFromMs: number
  readonly straps: number
  /** All up to and with this offset has been recorded, or went unheard. */
  readonly playedMs: number
  /** Every activity has been ended. */
  readonly ended: boolean
}

export interface PlayedSample {
  readonly sensor: string
  readonly kind: HeardSample["kind"]
  readonly atMillis: number
  readonly value: number
}

export interface Played {
  readonly samples: ReadonlyArray<PlayedSample>
  readonly progress: Progress
}

/** Readings may be so old, in milliseconds of the straps' clock at the speed of time, and still be the present. */
const PRESENT_MILLIS = 5_000

/** From which date on samples are the present at this moment; what is dated before comes from the straps' memory. */
export const presentFrom = (plan: Plan, nowMs: number): number =>
  datedFrom(plan) + offsetAt(plan, nowMs) - PRESENT_MILLIS * Math.max(1, plan.speed)

/** The date of offset 0, milliseconds since the epoch. A playback without end that is faster than time runs ahead of it. */
export const datedFrom = ({ seconds, speed, startedAtMs }: Pick<Plan, "startedAtMs" | "speed" | "seconds">): number =>
  seconds === null || speed <= 1 ? startedAtMs : startedAtMs - Math.round(seconds * (speed - 1) * 1_000)

/** Where the straps' clock is; before the start below 0, after the end at the end. */
const offsetAt = ({ startedAtMs, speed, seconds }: Plan, nowMs: number): number =>
  Math.min(Math.floor((nowMs - startedAtMs) * speed), endOf({ speed, seconds }))

/**
 * What to record when a process begins to play: the activities that are open from before and are over by now,
 * and the start of those that are new.
 */
export const begin = (plan: Plan, before: Progress | null, nowMs: number): Played => {
  // Intervals are open at their beginning, the first sample is at offset 0, and the end must still be played.
  const playedMs = Math.max(-1, Math.min(offsetAt(plan, nowMs) - plan.memoryMs, endOf(plan) - 1))
  const { startedAtMs } = plan
  const progress = { startedAtMs, datedFromMs: datedFrom(plan), straps: plan.straps.length, playedMs, ended: false }
  if (before === null || before.startedAtMs !== plan.startedAtMs) {
    return { samples: [...endings(before), ...plan.straps.map((strap) => started(plan, strap, playedMs))], progress }
  }
  if (before.ended) return { samples: [], progress: before }
  // A clock that was set back must not play anything twice.
  const from = Math.max(before.playedMs, playedMs)
  const samples = plan.straps.flatMap((strap) => missed(plan, strap, before.playedMs, from))
  return { samples, progress: { ...progress, playedMs: from } }
}

/** What to record of the time from `before` until now. */
export const play = (plan: Plan, before: Progress, nowMs: number): Played => {
  const to = offsetAt(plan, nowMs)
  if (before.ended || to <= before.playedMs) return { samples: [], progress: before }
  const ended = to >= endOf(plan)
  const samples = plan.straps.flatMap((strap) => {
    const due = strap.heard?.(before.playedMs, to) ?? Playback.samplesBetween(strap.recording, before.playedMs, to)
    const played = due.map(({ kind, offsetMs, value }) => sample(plan, strap, kind, offsetMs, value))
    if (plan.seconds === null) return withRounds(plan, strap, played, before.playedMs, to)
    return ended ? [...played, mark(plan, strap, SensorKind.ACTIVITY_ENDED, to)] : played
  })
  return { samples, progress: { ...before, playedMs: to, ended } }
}

/** The cursor's text. */
export const format = (progress: Progress): string => JSON.stringify(progress)

/** Null when the text is none of this program's; then nothing is known of a former playback. */
export const parse = (text: string | null): Progress | null => {
  if (text === null) return null
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof value !== "object" || value === null) return null
  const startedAtMs: unknown = Reflect.get(value, "startedAtMs")
  const datedFromMs: unknown = Reflect.get(value, "datedFromMs") ?? startedAtMs
  const straps: unknown = Reflect.get(value, "straps")
  const playedMs: unknown = Reflect.get(value, "playedMs")
  const ended: unknown = Reflect.get(value, "ended")
  if (!isWhole(startedAtMs) || !isWhole(datedFromMs) || !isWhole(straps)) return null
  if (!isWhole(playedMs) || typeof ended !== "boolean") return null
  return { startedAtMs, datedFromMs, straps, playedMs, ended }
}

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value)

const endOf = ({ speed, seconds }: Pick<Plan, "speed" | "seconds">): number =>
  seconds === null ? Number.POSITIVE_INFINITY : Math.round(seconds * speed * 1_000)

const sample = (
  plan: Plan,
  { sensor }: Strap,
  kind: HeardSample["kind"],
  offsetMs: number,
  value: number,
): PlayedSample => ({ sensor, kind, atMillis: datedFrom(plan) + offsetMs, value })

const mark = (plan: Plan, strap: Strap, value: number, offsetMs: number): PlayedSample =>
  sample(plan, strap, "activity", offsetMs, value)

const started = (plan: Plan, strap: Strap, playedMs: number): PlayedSample =>
  mark(plan, strap, SensorKind.ACTIVITY_STARTED, Math.max(0, playedMs))

/** The ends of another playback's activities, at the last moment that was heard of them. */
const endings = (other: Progress | null): ReadonlyArray<PlayedSample> =>
  other === null || other.ended
    ? []
    : Array.from({ length: other.straps }, (_, i) => ({
        sensor: strapName(i),
        kind: "activity" as const,
        atMillis: other.datedFromMs + Math.max(0, other.playedMs),
        value: SensorKind.ACTIVITY_ENDED,
      }))

const roundOf = (strap: Strap, offsetMs: number): number =>
  Math.floor(Math.max(0, offsetMs) / Playback.periodMillis(strap.recording))

const endOfRound = (strap: Strap, round: number): number =>
  round * Playback.periodMillis(strap.recording) + strap.recording.durationMs

/** The marks that fell into the time without a process: the end of the round then, the start of the one now. */
const missed = (plan: Plan, strap: Strap, from: number, to: number): ReadonlyArray<PlayedSample> => {
  const round = roundOf(strap, from)
  if (plan.seconds !== null) return []
  const endedAt = endOfRound(strap, round)
  const marks: Array<PlayedSample> = []
  if (from < endedAt && endedAt <= to) marks.push(mark(plan, strap, SensorKind.ACTIVITY_ENDED, endedAt))
  if (roundOf(strap, to) > round) marks.push(started(plan, strap, to))
  return marks
}

/** Puts the marks of rounds that end and begin in `(from, to]` where they belong among the samples. */
const withRounds = (
  plan: Plan,
  strap: Strap,
  played: ReadonlyArray<PlayedSample>,
  from: number,
  to: number,
): ReadonlyArray<PlayedSample> => {
  const out: Array<PlayedSample> = []
  let next = 0
  const upTo = (offsetMs: number): void => {
    for (; next < played.length; next++) {
      const due = played[next]
      if (due === undefined || due.atMillis - datedFrom(plan) > offsetMs) return
      out.push(due)
    }
  }
  for (let round = roundOf(strap, from); round <= roundOf(strap, to); round++) {
    const start = round * Playback.periodMillis(strap.recording)
    if (round > 0 && from < start && start <= to) out.push(mark(plan, strap, SensorKind.ACTIVITY_STARTED, start))
    const end = endOfRound(strap, round)
    upTo(end)
    if (from < end && end <= to) out.push(mark(plan, strap, SensorKind.ACTIVITY_ENDED, end))
  }
  return out
}
