/** What a wall shows: the values of the live channels, as they travel. */
import { Context, Schema } from "effect"
import { EpochMillis } from "./Events.ts"
import { AthleteId, ClassId } from "./Ids.ts"

/** One athlete on the wall. */
export const Tile = Schema.Struct({
  athleteId: AthleteId,
  alias: Schema.String,
  /** Null when there is no reading, or when the athlete does not show it. */
  heartRateBpm: Schema.NullOr(Schema.Int),
  /** Percent of the greatest heart rate; null exactly when `heartRateBpm` is. */
  percentOfMax: Schema.NullOr(Schema.Int),
  /** 0 below 50 %, then 1 to 5; null when there is no reading or the athlete does not show it. */
  zone: Schema.NullOr(Schema.Literal(0, 1, 2, 3, 4, 5)),
  heartRateVisible: Schema.Boolean,
  effortPoints: Schema.Int,
  contact: Schema.Literal("live", "stale", "lost", "finished"),
  /** The bridge's wall clock at the reading shown; null before the first. */
  sensedAtMs: Schema.NullOr(EpochMillis),
}).annotations({ identifier: "Tile", description: "One athlete on the wall." })
export type Tile = typeof Tile.Type

/** One place on a class's leaderboard. */
export const Standing = Schema.Struct({
  athleteId: AthleteId,
  alias: Schema.String,
  points: Schema.Int,
  workouts: Schema.Int,
}).annotations({ identifier: "Standing", description: "One place on a class's leaderboard." })
export type Standing = typeof Standing.Type

/** The channel whose keys are athlete ids and whose values are `Tile`s. */
export const tilesChannel = (classId: ClassId): string => `classes/${classId}/tiles`

/** The channel whose keys are athlete ids and whose values are `Standing`s. */
export const leaderboardChannel = (classId: ClassId): string => `classes/${classId}/leaderboard`

const CHANNEL = /^classes\/([^/]+)\/(tiles|leaderboard)$/

/** Whether a name is that of a live channel. A class nobody has trained in yet has its channels too: empty ones. */
export const isLiveChannel = (channel: string): boolean => {
  const classId = CHANNEL.exec(channel)?.[1]
  return classId !== undefined && Schema.is(ClassId)(classId)
}

/** A heart rate as it happens, before it is durable. For the screen only: points come from the log. */
export interface HeartRateReading {
  readonly athleteId: AthleteId
  readonly classId: ClassId
  readonly heartRateBpm: number
  readonly sensedAtMs: number
}

/** Port: heart rates as they happen, from the door they come in by to whoever shows them. Synchronous, in process. */
export class HeartRates extends Context.Tag("@paceline/core/contract/HeartRates")<
  HeartRates,
  {
    readonly publish: (reading: HeartRateReading) => void
    /** Returns what ends the subscription. */
    readonly subscribe: (receive: (reading: HeartRateReading) => void) => () => void
  }
>() {}
