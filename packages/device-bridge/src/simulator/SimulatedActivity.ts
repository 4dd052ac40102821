/**
 * A plausible activity where no file is at hand: warm-up, intervals, drift and recovery, made from a seed.
 *
 * The same seed and length always give the same recording, in every JavaScript engine: the model uses only
 * arithmetic that IEEE 754 rounds in one way. Once a second it measures heart rate, power, cadence, speed,
 * distance and position, and every beat its RR interval.
 *
 * @example
 * const { athlete, streams } = simulateAthlete({ seed: 7, seconds: 1800 })
 */
import { fromStreams, type Recording } from "../files/Recording.ts"
import { type Athlete, athleteOf } from "./Athlete.ts"
import { beatsOf, heartRateCurve, shownHeartRate } from "./Heart.ts"
import { effort, rideOf } from "./Ride.ts"
import { seededRandom } from "./SeededRandom.ts"
import { intensities, type WorkoutKind, workoutKinds } from "./Workout.ts"

export interface SimulationOptions {
  /** Any whole number. It fixes who the athlete is and how the training goes. */
  readonly seed: number
  /** Length of the recording, a whole number from 1. */
  readonly seconds: number
  /** The time of the first sample, milliseconds since the epoch. Default 0. */
  readonly startedAtMs?: number
}

export interface SimulatedActivity extends Recording {
  readonly athlete: Athlete
  readonly workout: WorkoutKind
}

/** @throws RangeError when `seed`, `seconds` or `startedAtMs` is not a whole number in its range. */
export const simulateAthlete = ({ seed, seconds, startedAtMs = 0 }: SimulationOptions): SimulatedActivity => {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`seed must be a whole number, not ${seed}`)
  if (!Number.isSafeInteger(seconds) || seconds < 1) throw new RangeError(`seconds must be 1 or more, not ${seconds}`)
  if (!Number.isSafeInteger(startedAtMs)) throw new RangeError(`startedAtMs must be a whole number, not ${startedAtMs}`)
  const athlete = athleteOf(seed)
  // A second stream of numbers: a longer training must not change who trains.
  const random = seededRandom(seed, 1)
  const workout = random.pick(workoutKinds)
  // Nobody's intervals begin in the same second.
  const longestWarmUp = Math.round(random.between(180, 480))
  const given = effort(athlete, intensities(workout, seconds, longestWarmUp), random)
  const curve = heartRateCurve(athlete, given)
  const beats = beatsOf(athlete, curve, random)
  const ride = rideOf(athlete, given, random)
  // One column of times for all that is measured every second.
  const atMillis = Array.from({ length: seconds }, (_, second) => startedAtMs + second * 1000)
  return {
    ...fromStreams([
      { kind: "heartRate", atMillis, values: shownHeartRate(beats, seconds, curve[0] ?? 0) },
      {
        kind: "rrInterval",
        atMillis: beats.atMs.map((beatAtMs) => startedAtMs + beatAtMs),
        values: beats.intervalsMs.map((interval) => interval / 1000),
      },
      { kind: "latitude", atMillis, values: ride.latitudeDegrees },
      { kind: "longitude", atMillis, values: ride.longitudeDegrees },
      { kind: "speed", atMillis, values: ride.speedMetresPerSecond },
      { kind: "power", atMillis, values: ride.powerWatts },
      { kind: "cadence", atMillis, values: ride.cadenceRpm },
      { kind: "distance", atMillis, values: ride.distanceMetres },
    ]),
    athlete,
    workout,
  }
}
