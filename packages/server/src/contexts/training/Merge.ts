/**
 * What an activity comes to that several sources recorded.
 *
 * The recordings are laid over each other by the clock of the best source. Its heart rate counts, and where it says
 * nothing the next best speaks (`FilledSeries`); zones and points are computed from that, so no minute counts twice. The
 * zones are measured against the maximum that the best source's session began with.
 *
 * The id is made of the recordings' ids: the same recordings are the same merge, in whatever order they arrived.
 */
import {
  ActivitiesMerged,
  type AthleteId,
  type Merge,
  type MergedRecording,
  MergeId,
  SessionId,
  type Workout,
} from "@paceline/core/contract"
import {
  type ActivityGroups,
  EffortPoints,
  FilledSeries,
  Murmur3,
  SameActivity,
  SourceRank,
  Trace,
} from "@paceline/core/kernel"
import { type HeartRates, mean, points, type Speeds, sportOf, type TrainingSession } from "./Model.ts"

/** A completed session with all that was counted of it. */
export interface Recorded {
  readonly session: TrainingSession
  readonly heartRates: HeartRates
  readonly speeds: Speeds
}

export const recordingOf = ({ heartRates, session, speeds }: Recorded): SameActivity.Recording => ({
  id: session.sessionId,
  startedAtMs: session.startedAtMs,
  endedAtMs: session.endedAtMs ?? session.startedAtMs,
  sport: sportOf(session.source),
  heartRate: heartRates.heartRateAtMs.length === 0 ? null : Trace.of(heartRates.heartRateAtMs, heartRates.heartRateBpm),
  speed: speeds.atMs.length === 0 ? null : Trace.of(speeds.atMs, speeds.metresPerSecond),
})

const idOf = (members: ReadonlyArray<string>): MergeId =>
  MergeId.make(`merge-${Murmur3.hexOf(Murmur3.ofText(JSON.stringify(members.toSorted()))).slice(0, 24)}`)

const kindOf = ({ source }: TrainingSession): SourceRank.Source => source?.kind ?? "unknown"

/** The recordings as one activity. At least one of them. */
export const merge = (
  athleteId: AthleteId,
  members: ReadonlyArray<Recorded>,
  links: ReadonlyArray<ActivityGroups.Link>,
): Merge => {
  const ranked = bestFirst(members)
  const [best] = ranked
  if (best === undefined) throw new Error("A merge has at least one recording")
  const clock = recordingOf(best)
  const shifted = ranked.map((one) => ({ ...one, shiftMillis: one === best ? 0 : shiftOf(clock, recordingOf(one)) }))
  const filled = FilledSeries.of(shifted.map(seriesOf), EffortPoints.HOLD_MILLIS)
  return {
    mergeId: idOf(members.map(({ session }) => session.sessionId)),
    athleteId,
    classId: best.session.classId,
    startedAtMs: Math.min(...shifted.map(({ session, shiftMillis }) => session.startedAtMs + shiftMillis)),
    endedAtMs: Math.max(
      ...shifted.map(({ session, shiftMillis }) => (session.endedAtMs ?? session.startedAtMs) + shiftMillis),
    ),
    ...figuresOf(best.session, filled),
    recordings: shifted.map(({ session, shiftMillis }) => recordingIn(session, shiftMillis)),
    streams: filled.parts.map(({ fromMs, samples, source, toMs }) => ({
      kind: "heartRate" as const,
      sessionId: SessionId.make(source),
      fromMs,
      toMs,
      samples,
      fillsGap: source !== best.session.sessionId,
    })),
    reasons: links.map(({ a, b, confidence, reason }) => ({
      a: SessionId.make(a),
      b: SessionId.make(b),
      confidence,
      reason,
    })),
  }
}

/** By rank of source; of the same rank what has more, then by id, so that it is the same always. */
const bestFirst = (members: ReadonlyArray<Recorded>): ReadonlyArray<Recorded> =>
  SourceRank.sorted(
    SourceRank.standard,
    "heartRate",
    members.toSorted(
      (a, b) =>
        Number(b.heartRates.heartRateAtMs.length > 0) - Number(a.heartRates.heartRateAtMs.length > 0) ||
        b.session.heartRateSamples - a.session.heartRateSamples ||
        (a.session.sessionId < b.session.sessionId ? -1 : 1),
    ),
    ({ session }) => kindOf(session),
  )

const shiftOf = (clock: SameActivity.Recording, other: SameActivity.Recording): number => {
  const verdict = SameActivity.compare(clock, other)
  return verdict.same ? verdict.shiftMillis : 0
}

/** What a source says, moved to the common clock. A strap without contact says 0: that is nothing, and others fill it. */
const seriesOf = ({ heartRates, session, shiftMillis }: Recorded & { readonly shiftMillis: number }) => {
  const kept = heartRates.heartRateAtMs.map((_, i) => i).filter((i) => (heartRates.heartRateBpm[i] ?? 0) > 0)
  return {
    source: session.sessionId,
    atMillis: kept.map((i) => (heartRates.heartRateAtMs[i] ?? 0) + shiftMillis),
    values: kept.map((i) => heartRates.heartRateBpm[i] ?? 0),
  }
}

const figuresOf = (best: TrainingSession, { atMillis, values }: FilledSeries.FilledSeries) => {
  // Recorded before series were kept: what the best one came to is all that is known.
  if (atMillis.length === 0) {
    return {
      zoneMillis: best.effort.zoneMillis,
      effortPoints: points(best),
      heartRateSamples: best.heartRateSamples,
      meanHeartRateBpm: mean(best),
      highestHeartRateBpm: best.highestHeartRateBpm,
    }
  }
  let effort = EffortPoints.empty
  let [sum, highest] = [0, 0]
  for (const [i, atMs] of atMillis.entries()) {
    const bpm = values[i] ?? 0
    effort = EffortPoints.add(effort, atMs, bpm, best.maxHeartRateBpm)
    sum += bpm
    highest = Math.max(highest, bpm)
  }
  return {
    zoneMillis: effort.zoneMillis,
    effortPoints: EffortPoints.points(effort.zoneMillis),
    heartRateSamples: atMillis.length,
    meanHeartRateBpm: mean({ heartRateSamples: atMillis.length, heartRateSumBpm: sum }),
    highestHeartRateBpm: highest,
  }
}

const recordingIn = (session: TrainingSession, shiftMillis: number): MergedRecording => ({
  sessionId: session.sessionId,
  deviceId: session.source?.deviceId ?? null,
  sensor: session.source?.sensor ?? null,
  source: kindOf(session),
  classId: session.classId,
  startedAtMs: session.startedAtMs,
  endedAtMs: session.endedAtMs ?? session.startedAtMs,
  effortPoints: points(session),
  shiftMillis,
})

const sessionsOf = (merged: Merge): ReadonlyArray<SessionId> => merged.recordings.map(({ sessionId }) => sessionId)

/** What others hear of it. */
export const told = (merged: Merge): ActivitiesMerged =>
  new ActivitiesMerged({
    mergeId: merged.mergeId,
    athleteId: merged.athleteId,
    classId: merged.classId,
    startedAtMs: merged.startedAtMs,
    endedAtMs: merged.endedAtMs,
    zoneMillis: merged.zoneMillis,
    heartRateSamples: merged.heartRateSamples,
    meanHeartRateBpm: merged.meanHeartRateBpm,
    highestHeartRateBpm: merged.highestHeartRateBpm,
    sessions: sessionsOf(merged),
  })

/** The activity as its athlete sees it among their workouts. */
export const workout = (merged: Merge): Workout => ({
  sessionId: SessionId.make(merged.mergeId),
  athleteId: merged.athleteId,
  classId: merged.classId,
  startedAtMs: merged.startedAtMs,
  endedAtMs: merged.endedAtMs,
  zoneMillis: merged.zoneMillis,
  effortPoints: merged.effortPoints,
  heartRateSamples: merged.heartRateSamples,
  meanHeartRateBpm: merged.meanHeartRateBpm,
  highestHeartRateBpm: merged.highestHeartRateBpm,
  mergedFrom: sessionsOf(merged),
})
