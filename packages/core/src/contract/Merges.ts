/**
 * One activity out of several recordings: what was merged, from which sources, and why.
 *
 * A recording is a session of one source. Recordings that are the same activity count once: the best source counts, the
 * others fill its gaps, and every stretch says where it came from.
 */
import { Schema } from "effect"
import * as SourceRank from "../kernel/training/SourceRank.ts"
import { ActivityFigures, EpochMillis } from "./Events.ts"
import { AthleteId, ClassId, DeviceId, MergeId, SensorName, SessionId } from "./Ids.ts"

/** A recording that is part of a merge. */
export const MergedRecording = Schema.Struct({
  sessionId: SessionId,
  /** Null for what was recorded before sources were kept. */
  deviceId: Schema.NullOr(DeviceId),
  sensor: Schema.NullOr(SensorName),
  source: Schema.Literal(...SourceRank.SOURCES),
  classId: ClassId,
  startedAtMs: EpochMillis,
  endedAtMs: EpochMillis,
  /** What it would be worth by itself. */
  effortPoints: Schema.Int,
  /** What was added to its times to be those of the best source, milliseconds. */
  shiftMillis: Schema.Int,
}).annotations({ identifier: "MergedRecording" })
export type MergedRecording = typeof MergedRecording.Type

/** A stretch of a stream, and which recording it came from. */
export const MergedStretch = Schema.Struct({
  kind: Schema.Literal("heartRate"),
  sessionId: SessionId,
  fromMs: EpochMillis,
  toMs: EpochMillis,
  samples: Schema.Int,
  /** False for the best source, true where another one fills its gap. */
  fillsGap: Schema.Boolean,
}).annotations({ identifier: "MergedStretch" })
export type MergedStretch = typeof MergedStretch.Type

/** Why two recordings are the same activity. */
export const MergeReason = Schema.Struct({
  a: SessionId,
  b: SessionId,
  /** From 0 to 1; 2 where a person said so. */
  confidence: Schema.Number,
  reason: Schema.String,
}).annotations({ identifier: "MergeReason" })

export const Merge = Schema.Struct({
  mergeId: MergeId,
  athleteId: AthleteId,
  /** The class of the best source: where its points count. */
  classId: ClassId,
  ...ActivityFigures,
  effortPoints: Schema.Int,
  /** The best source first. */
  recordings: Schema.Array(MergedRecording),
  /** In the order of time. */
  streams: Schema.Array(MergedStretch),
  reasons: Schema.Array(MergeReason),
}).annotations({ identifier: "Merge", description: "Recordings that are one activity, and count once." })
export type Merge = typeof Merge.Type
