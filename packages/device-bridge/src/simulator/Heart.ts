/**
 * A heart that follows the load: how fast it beats, and the time of each beat.
 *
 * The steady heart rate rises linearly with intensity (as it does up to the threshold); the heart goes there with
 * first-order kinetics, quicker up than down; cardiac drift lifts it as the work adds up. Beat by beat the RR
 * interval breathes (respiratory sinus arrhythmia) and wanders, widely at rest and hardly at all near the maximum.
 * What a strap would show is the mean over its last beats, so the heart rate and the RR intervals of a recording
 * always agree.
 */
import type { Athlete } from "./Athlete.ts"
import type { SeededRandom } from "./SeededRandom.ts"

export interface Beats {
  /** When each beat fell, milliseconds from the start, whole numbers. */
  readonly atMs: ReadonlyArray<number>
  /** The interval that the beat ended: exactly the time since the beat before. */
  readonly intervalsMs: ReadonlyArray<number>
}

/** The heart rate that the body goes towards, second by second, in beats a minute, not rounded. */
export const heartRateCurve = (athlete: Athlete, intensity: Float64Array): Float64Array => {
  const { restingHeartRateBpm: rest, maxHeartRateBpm: max } = athlete
  const reserve = max - rest
  const curve = new Float64Array(intensity.length)
  let heartRate = rest + athlete.arrival * reserve
  let drift = 0
  for (let second = 0; second < intensity.length; second++) {
    const load = intensity[second] ?? 0
    const target = rest + (0.16 + 0.7 * load) * reserve + drift
    const capped = Math.min(target, max - 1)
    const timeConstant = capped > heartRate ? athlete.riseSeconds : athlete.fallSeconds
    heartRate += (capped - heartRate) / timeConstant
    drift += (load * athlete.driftBpmPerHour) / 3600
    curve[second] = heartRate
  }
  return curve
}

/** Beats whose rate follows `curve`, one value a second. */
export const beatsOf = (athlete: Athlete, curve: Float64Array, random: SeededRandom): Beats => {
  const { restingHeartRateBpm: rest, maxHeartRateBpm: max, restingVariabilityMillis } = athlete
  const atMs: Array<number> = []
  const intervalsMs: Array<number> = []
  // The last second is measured when it begins.
  const endMs = (curve.length - 1) * 1000
  let now = 0
  let wander = 0
  let breath = random.between(0, 1)
  for (;;) {
    const heartRate = curve[Math.min(curve.length - 1, Math.floor(now / 1000))] ?? rest
    const mean = 60_000 / heartRate
    const reserveLeft = Math.max(0, (max - heartRate) / (max - rest))
    // Variability vanishes faster than the reserve does; a few milliseconds of strap noise always remain.
    const deviation = 2 + restingVariabilityMillis * reserveLeft * reserveLeft
    wander = 0.8 * wander + 0.6 * random.bell()
    const interval = Math.max(SHORTEST_INTERVAL, Math.round(mean + deviation * (0.6 * wander + 0.8 * wave(breath))))
    // A breath takes about 4 s at rest and 1.5 s near the maximum.
    breath = (breath + interval / (1500 + 2500 * reserveLeft)) % 1
    now += interval
    if (now > endMs) return { atMs, intervalsMs }
    atMs.push(now)
    intervalsMs.push(interval)
  }
}

/** What a strap shows at each whole second: the mean rate of its last eight beats, rounded. */
export const shownHeartRate = (beats: Beats, seconds: number, first: number): Array<number> => {
  const shown: Array<number> = []
  let beat = 0
  let sum = 0
  for (let second = 0; second < seconds; second++) {
    while (beat < beats.atMs.length && (beats.atMs[beat] ?? 0) <= second * 1000) {
      sum += beats.intervalsMs[beat] ?? 0
      if (beat >= SHOWN_BEATS) sum -= beats.intervalsMs[beat - SHOWN_BEATS] ?? 0
      beat++
    }
    const counted = Math.min(beat, SHOWN_BEATS)
    shown.push(Math.round(counted === 0 ? first : (60_000 * counted) / sum))
  }
  return shown
}

const SHOWN_BEATS = 8

/** No heart beats faster than 240 a minute, in milliseconds. */
const SHORTEST_INTERVAL = 250

/** A sine-like wave of period 1 between -1 and 1, made of two parabolas: the same in every engine. */
const wave = (phase: number): number => {
  const x = 2 * phase - 1
  return 4 * x * (1 - Math.abs(x))
}
