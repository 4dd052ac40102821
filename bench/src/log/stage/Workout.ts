/** What every row publishes, on both sides: an event of about 200 bytes as JSON. */
import { EventLog } from "@paceline/core/messaging"
import { Schema } from "effect"

export const Workout = Schema.Struct({
  athleteId: Schema.String,
  workoutId: Schema.String,
  startedAt: Schema.String,
  durationMs: Schema.Number,
  distanceMetres: Schema.Number,
  meanHeartRateBpm: Schema.Number,
  meanPowerWatts: Schema.Number,
  class: Schema.String,
})
export type Workout = typeof Workout.Type

/** A thousand athletes ride in turn; each is a key. */
const ATHLETES = 1_000

export const workout = (n: number): Workout => ({
  athleteId: `athlete-${n % ATHLETES}`,
  workoutId: `workout-${n}`,
  startedAt: "2026-11-20T18:30:00.000Z",
  durationMs: 2_700_000 + (n % 977),
  distanceMetres: 24_000 + (n % 1_009),
  meanHeartRateBpm: 120 + (n % 60),
  meanPowerWatts: 150 + (n % 150),
  class: "friday-evening",
})

export const topicNamed = (name: string) => EventLog.topic(name, Workout)

export const eventOf = (n: number): EventLog.NewEvent<Workout> => {
  const event = workout(n)
  return { key: event.athleteId, event }
}

export const workouts = (count: number): ReadonlyArray<Workout> => Array.from({ length: count }, (_, n) => workout(n))
