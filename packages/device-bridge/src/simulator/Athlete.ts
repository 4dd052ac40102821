/**
 * Who trains: a made-up athlete with a name and a body, drawn from a seed.
 *
 * The spread is that of a mixed class: young and old, first-timers and racers. Sources of the figures:
 * maximum heart rate 208 - 0.7 × age, standard deviation 10 cut to 7 (H. Tanaka et al., J Am Coll Cardiol 37,
 * 2001); resting heart rate falls with fitness; heart rate follows the load with a time constant of 20 to 45 s
 * on the way up and 35 to 90 s on the way down, the fit being quicker (first-order kinetics of heart rate at
 * the onset and the end of exercise).
 */
import { type SeededRandom, seededRandom } from "./SeededRandom.ts"

export interface Athlete {
  readonly alias: string
  readonly restingHeartRateBpm: number
  readonly maxHeartRateBpm: number
  /** The power that the athlete can hold for an hour. */
  readonly thresholdWatts: number
  readonly weightKilograms: number
  /** Time constants of the heart's answer to more load, and to less. */
  readonly riseSeconds: number
  readonly fallSeconds: number
  /** How much the heart rate creeps up in an hour at threshold (cardiac drift). */
  readonly driftBpmPerHour: number
  /** Standard deviation of the RR interval at rest. */
  readonly restingVariabilityMillis: number
  /** How hard the athlete takes the class: 1 is as the coach says. */
  readonly ambition: number
  /** The share of the heart-rate reserve already in use when the class begins: some come by bicycle. */
  readonly arrival: number
  /** Pedal revolutions a minute that the athlete likes at threshold. */
  readonly cadenceRpm: number
}

/** Aliases that could stand on a gym's wall; all different, all short. */
export const aliases: ReadonlyArray<string> = (
  "Ada Anton Aylin Bea Ben Bruno Carla Cem Chloé Dana Dario Didi " +
  "Edda Eli Emre Enzo Fee Finn Frida Gita Gus Hana Hugo Ida " +
  "Ines Ivo Jana Jonas Juno Kai Kata Kofi Lale Leo Lina Lotte " +
  "Malik Mara Mats Mina Nala Nico Noor Olga Omar Otto Paula Pia " +
  "Quinn Rafa Ravi Rosa Sami Selma Sven Tara Theo Tilda Uma Uwe " +
  "Vera Vito Wanda Xaver Yara Yuki Zara Zeno"
).split(" ")

/** The alias of the athlete with this index (from 0) in a class: different for each, however many there are. */
export const aliasOf = (index: number): string => {
  const round = Math.floor(index / aliases.length)
  const alias = aliases[index % aliases.length] ?? "Ada"
  return round === 0 ? alias : `${alias} ${round + 1}`
}

/** The athlete that belongs to `seed`, a whole number. As many neighbouring seeds as there are `aliases` have different ones. */
export const athleteOf = (seed: number): Athlete => {
  const index = seed % aliases.length
  return draw(seededRandom(seed), aliasOf(index < 0 ? index + aliases.length : index))
}

const draw = (random: SeededRandom, alias: string): Athlete => {
  /** 0 comes for the first time, 1 races. Two draws: most are in between. */
  const fitness = (random.between(0, 1) + random.between(0, 1)) / 2
  const age = random.between(19, 64)
  const weight = Math.round(random.between(52, 96))
  return {
    alias,
    restingHeartRateBpm: clamp(40, 86, Math.round(between(76, 44, fitness) + 3 * random.bell())),
    maxHeartRateBpm: clamp(150, 208, Math.round(208 - 0.7 * age + 7 * random.bell())),
    thresholdWatts: Math.round(weight * between(1.6, 4.4, fitness) * random.between(0.93, 1.07)),
    weightKilograms: weight,
    riseSeconds: between(45, 20, fitness) * random.between(0.9, 1.1),
    fallSeconds: between(90, 35, fitness) * random.between(0.9, 1.1),
    driftBpmPerHour: between(14, 5, fitness) * random.between(0.8, 1.2),
    restingVariabilityMillis: between(28, 62, fitness) * random.between(0.8, 1.2),
    ambition: random.between(0.82, 1.08),
    arrival: random.between(0.08, 0.45),
    cadenceRpm: random.between(78, 96),
  }
}

/** From `low` at 0 to `high` at 1. */
const between = (low: number, high: number, share: number): number => low + (high - low) * share

const clamp = (low: number, high: number, value: number): number => Math.min(high, Math.max(low, value))
