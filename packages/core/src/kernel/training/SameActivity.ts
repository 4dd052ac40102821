/**
 * Whether two recordings of one athlete are the same activity: the run that the watch and the phone recorded at once,
 * and that comes a third time as a file.
 *
 * One person does one thing at a time, so what decides is time. Recordings that overlap for most of the shorter one are
 * the same. Where clocks disagree (some minutes, or whole and half hours because somebody took local time for UTC) the
 * times say nothing, and the heart rate or the speed has to: if one laid over the other agrees, they are the same, with
 * less confidence. Sports that cannot be meant by each other part them.
 *
 * A verdict says why, in numbers. It is the same whichever of the two is asked first.
 *
 * @example
 * const verdict = SameActivity.compare(watch, phone)
 * if (verdict.same) console.log(verdict.reason)   // "they overlap for 44:10 of 45:00 min (98 %)"
 */
import * as Trace from "./Trace.ts"

export interface Recording {
  readonly id: string
  /** Milliseconds since the epoch, by the clock of who recorded it. */
  readonly startedAtMs: number
  readonly endedAtMs: number
  /** In whatever words; null where nobody said. */
  readonly sport: string | null
  /** Null where it was not measured. */
  readonly heartRate: Trace.Trace | null
  readonly speed: Trace.Trace | null
}

export type Verdict =
  | {
      readonly same: true
      readonly why: "overlap" | "within" | "clock" | "zone"
      /** From 0 to 1. */
      readonly confidence: number
      /** What is to be added to the second one's times to be those of the first, milliseconds. */
      readonly shiftMillis: number
      readonly reason: string
    }
  | { readonly same: false; readonly why: "sport" | "apart" | "length"; readonly reason: string }

/** Overlapping for so much of the shorter one they are the same, if they begin or end together. */
const SHARE = 0.6

/** Lying so much within the other it is a part of it, wherever it begins. */
const SHARE_WITHIN = 0.95

/** Beginning or ending together; and how far clocks that were set by hand are off. */
const CLOSE_MILLIS = 10 * 60_000

/** The shorter one is at least this share of the longer one, where nothing but the series tells that they are the same. */
const LENGTH_RATIO = 0.75

/** Zones are whole and half hours apart, up to 14 hours from UTC. */
const ZONE_MILLIS = 30 * 60_000
const ZONE_TOLERANCE_MILLIS = 5 * 60_000
export const FURTHEST_MILLIS = 14 * 3_600_000 + CLOSE_MILLIS

/** No activity is longer: that comes of a broken clock, or of a sensor that is never taken off, and has all others within. */
const LONGEST_MILLIS = 48 * 3_600_000

/** Five minutes have to agree; and 60 % of what the shorter one has. */
const COMMON_STEPS = 30
const COMMON_SHARE = 0.6
const CORRELATION = 0.85

export const compare = (a: Recording, b: Recording): Verdict => {
  if (isBefore(a, b)) return decide(a, b)
  const verdict = decide(b, a)
  return verdict.same ? { ...verdict, shiftMillis: 0 - verdict.shiftMillis } : verdict
}

const isBefore = (a: Recording, b: Recording): boolean =>
  a.startedAtMs !== b.startedAtMs ? a.startedAtMs < b.startedAtMs : a.id < b.id

const decide = (a: Recording, b: Recording): Verdict => {
  const [familyA, familyB] = [familyOf(a.sport), familyOf(b.sport)]
  if (familyA !== null && familyB !== null && familyA !== familyB) {
    return { same: false, why: "sport", reason: `one is ${a.sport}, the other ${b.sport}` }
  }
  if (isTooLong(a) || isTooLong(b)) return { same: false, why: "length", reason: "one is longer than two days" }
  return byTime(a, b) ?? bySeries(a, b) ?? apart(a, b)
}

/** Whether it is longer than any activity; then it is the same as no other. */
export const isTooLong = (one: Pick<Recording, "startedAtMs" | "endedAtMs">): boolean => lengthOf(one) > LONGEST_MILLIS

const lengthOf = ({ endedAtMs, startedAtMs }: Pick<Recording, "startedAtMs" | "endedAtMs">): number =>
  Math.max(0, endedAtMs - startedAtMs)

const overlapOf = (a: Recording, b: Recording): number =>
  Math.max(0, Math.min(a.endedAtMs, b.endedAtMs) - Math.max(a.startedAtMs, b.startedAtMs))

const byTime = (a: Recording, b: Recording): Verdict | null => {
  const shorter = Math.min(lengthOf(a), lengthOf(b))
  const overlap = overlapOf(a, b)
  if (shorter === 0 || overlap === 0) return null
  const share = overlap / shorter
  const shiftMillis = clockDifference(a, b)
  const measured = `${clock(overlap)} of ${clock(shorter)} min (${Math.round(share * 100)} %)`
  const startsTogether = Math.abs(a.startedAtMs - b.startedAtMs) <= CLOSE_MILLIS
  const endsTogether = Math.abs(a.endedAtMs - b.endedAtMs) <= CLOSE_MILLIS
  if (share >= SHARE && (startsTogether || endsTogether)) {
    return { same: true, why: "overlap", confidence: share, shiftMillis, reason: `they overlap for ${measured}` }
  }
  if (share >= SHARE_WITHIN) {
    return {
      same: true,
      why: "within",
      confidence: share,
      shiftMillis,
      reason: `one lies within the other: ${measured}`,
    }
  }
  return null
}

/** Of two that overlap: by how much their clocks differ, as far as their series tell. */
const clockDifference = (a: Recording, b: Recording): number => {
  const lag = agreeing(a, b, 0)
  return lag === undefined ? 0 : lag.lag * Trace.STEP_MILLIS
}

const bySeries = (a: Recording, b: Recording): Verdict | null => {
  const [shorter, longer] = [Math.min(lengthOf(a), lengthOf(b)), Math.max(lengthOf(a), lengthOf(b))]
  if (shorter === 0 || shorter / longer < LENGTH_RATIO) return null
  const apartMillis = a.startedAtMs - b.startedAtMs
  if (Math.abs(apartMillis) > FURTHEST_MILLIS) return null
  const lag = agreeing(a, b, Math.round(apartMillis / Trace.STEP_MILLIS))
  if (lag === undefined) return null
  const shiftMillis = lag.lag * Trace.STEP_MILLIS
  const agrees = `the ${lag.series} of both agrees (${Math.round(lag.correlation * 100)} %)`
  if (Math.abs(shiftMillis) <= CLOSE_MILLIS) {
    const reason = `${agrees} when one clock is moved by ${clock(Math.abs(shiftMillis))} min`
    return { same: true, why: "clock", confidence: 0.7 * lag.correlation, shiftMillis, reason }
  }
  const zones = Math.round(shiftMillis / ZONE_MILLIS)
  if (Math.abs(shiftMillis - zones * ZONE_MILLIS) > ZONE_TOLERANCE_MILLIS) return null
  const reason = `${agrees} when one is moved by ${Math.abs(zones) / 2} h: a fault of the time zone`
  return { same: true, why: "zone", confidence: 0.6 * lag.correlation, shiftMillis, reason }
}

const apart = (a: Recording, b: Recording): Verdict => {
  const overlap = overlapOf(a, b)
  const reason =
    overlap > 0
      ? `they overlap for ${clock(overlap)} min only`
      : `${clock(Math.max(a.startedAtMs, b.startedAtMs) - Math.min(a.endedAtMs, b.endedAtMs))} min lie between them`
  return { same: false, why: "apart", reason }
}

/** Where the series agree, if they do: the heart rate if both have it, else the speed. */
const agreeing = (a: Recording, b: Recording, around: number) => {
  const reach = CLOSE_MILLIS / Trace.STEP_MILLIS
  const pairs = [
    { series: "heart rate", one: a.heartRate, other: b.heartRate, furthest: 10 },
    { series: "speed", one: a.speed, other: b.speed, furthest: 1 },
  ]
  for (const { furthest, one, other, series } of pairs) {
    if (one === null || other === null) continue
    const atLeast = Math.max(COMMON_STEPS, Math.ceil(COMMON_SHARE * Math.min(one.means.length, other.means.length)))
    const best = Trace.bestLag(one, other, { around, reach, atLeast })
    if (best !== undefined && best.correlation >= CORRELATION && best.meanDifference <= furthest) {
      return { series, ...best }
    }
  }
  return undefined
}

const FAMILIES: ReadonlyArray<readonly [family: string, words: RegExp]> = [
  ["foot", /run|walk|hik|treadmill/i],
  ["wheel", /cycl|bik|ride|spin/i],
  ["row", /row|kayak|paddl/i],
  ["swim", /swim/i],
  ["ski", /ski|snow/i],
]

/** What sport it is, roughly; null for those that may be any, such as "training". */
const familyOf = (sport: string | null): string | null =>
  sport === null ? null : (FAMILIES.find(([, words]) => words.test(sport))?.[0] ?? null)

const clock = (millis: number): string => {
  const seconds = Math.round(millis / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`
}
