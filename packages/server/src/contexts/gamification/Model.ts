/**
 * Points, and why: a minute in zone z earns z points, counted once per completed session.
 *
 * An award keeps the times it was computed from, so that every point can be explained and computed again.
 */
import {
  type ActivitiesMerged,
  type AthleteId,
  type ClassId,
  type PointsAward,
  SessionId,
  type Standing,
  type WorkoutCompleted,
} from "@paceline/core/contract"
import { EffortPoints } from "@paceline/core/kernel"

export interface Award {
  readonly sessionId: SessionId
  readonly athleteId: AthleteId
  readonly classId: ClassId
  readonly points: number
  readonly zoneMillis: EffortPoints.ZoneMillis
  readonly endedAtMs: number
  /** The recordings that it stands for, where it is that of a merge; their own awards do not count meanwhile. */
  readonly mergedFrom: ReadonlyArray<SessionId>
}

export const award = (workout: WorkoutCompleted): Award => ({
  sessionId: workout.sessionId,
  athleteId: workout.athleteId,
  classId: workout.classId,
  points: EffortPoints.points(workout.zoneMillis),
  zoneMillis: workout.zoneMillis,
  endedAtMs: workout.endedAtMs,
  mergedFrom: [],
})

/** The award of an activity that several sources recorded, in place of those of its recordings. */
export const awardMerged = (merged: ActivitiesMerged): Award => ({
  sessionId: SessionId.make(merged.mergeId),
  athleteId: merged.athleteId,
  classId: merged.classId,
  points: EffortPoints.points(merged.zoneMillis),
  zoneMillis: merged.zoneMillis,
  endedAtMs: merged.endedAtMs,
  mergedFrom: merged.sessions,
})

const clock = (millis: number): string => {
  const seconds = Math.floor(millis / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`
}

/** The award in words, such as `10:00 min in zone 2 (× 2), 4:30 min in zone 4 (× 4): 38 points`. */
export const explain = (zoneMillis: EffortPoints.ZoneMillis): string => {
  const parts = zoneMillis.flatMap((millis, zone) =>
    millis === 0 || zone === 0 ? [] : [`${clock(millis)} min in zone ${zone} (× ${zone})`],
  )
  const points = EffortPoints.points(zoneMillis)
  const sum = parts.length === 0 ? "No time in a zone" : parts.join(", ")
  return `${sum}: ${points} ${points === 1 ? "point" : "points"}`
}

export const explained = (award: Award): PointsAward => ({
  sessionId: award.sessionId,
  classId: award.classId,
  points: award.points,
  zoneMillis: award.zoneMillis,
  ...(award.mergedFrom.length === 0
    ? { explanation: explain(award.zoneMillis) }
    : {
        explanation: `${explain(award.zoneMillis)}. One activity, recorded ${award.mergedFrom.length} times: it counts once`,
        mergedFrom: award.mergedFrom,
      }),
})

/** Best first; equal points by alias, so that places do not jump. */
export const inOrder = (standings: ReadonlyArray<Standing>): ReadonlyArray<Standing> =>
  standings.toSorted(
    (a, b) => b.points - a.points || a.alias.localeCompare(b.alias) || (a.athleteId < b.athleteId ? -1 : 1),
  )
