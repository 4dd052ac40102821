/**
 * What the legs and the bicycle do: power, cadence, speed, distance and the place on a loop, second by second.
 *
 * Power follows the intensity with a wander of its own. Speed is what that power buys on the flat against air and
 * rolling resistance, P = ½ ρ C_dA v³ + C_rr m g v (J. C. Martin et al., J Appl Biomech 14, 1998), reached
 * slowly, as a bicycle has mass. The place is that distance along a closed loop of straight roads.
 */
import type { Athlete } from "./Athlete.ts"
import type { SeededRandom } from "./SeededRandom.ts"

/** One value a second in each column. */
export interface Ride {
  readonly powerWatts: ReadonlyArray<number>
  readonly cadenceRpm: ReadonlyArray<number>
  readonly speedMetresPerSecond: ReadonlyArray<number>
  readonly distanceMetres: ReadonlyArray<number>
  readonly latitudeDegrees: ReadonlyArray<number>
  readonly longitudeDegrees: ReadonlyArray<number>
}

/** The share of threshold power that the legs really give: what was asked, as the athlete takes it, and unevenly. */
export const effort = (athlete: Athlete, asked: Float64Array, random: SeededRandom): Float64Array => {
  let wander = 0
  return asked.map((share) => {
    wander = 0.96 * wander + 0.008 * random.bell()
    return Math.max(0, share * athlete.ambition * (1 + wander))
  })
}

export const rideOf = (athlete: Athlete, given: Float64Array, random: SeededRandom): Ride => {
  const powerWatts: Array<number> = []
  const cadenceRpm: Array<number> = []
  const speedMetresPerSecond: Array<number> = []
  const distanceMetres: Array<number> = []
  const latitudeDegrees: Array<number> = []
  const longitudeDegrees: Array<number> = []
  const mass = athlete.weightKilograms + BICYCLE_KILOGRAMS
  let speed = 0
  // On its loop everybody starts somewhere else.
  const start = random.between(0, LOOP_METRES)
  let distance = 0
  for (const share of given) {
    const watts = Math.max(0, Math.round(athlete.thresholdWatts * share * (1 + 0.03 * random.bell())))
    const turning = athlete.cadenceRpm * (0.82 + 0.18 * Math.min(1.2, share)) + 1.2 * random.bell()
    const force = watts / Math.max(speed, 2) - ROLLING * mass * 9.81 - AIR * speed * speed
    speed = Math.max(0, speed + force / mass)
    distance += speed
    const [latitude, longitude] = placeAt((start + distance) % LOOP_METRES)
    powerWatts.push(watts)
    cadenceRpm.push(watts === 0 ? 0 : Math.round(turning))
    speedMetresPerSecond.push(Math.round(speed * 1000) / 1000)
    distanceMetres.push(Math.round(distance * 100) / 100)
    latitudeDegrees.push(toSemicircles(latitude))
    longitudeDegrees.push(toSemicircles(longitude))
  }
  return { powerWatts, cadenceRpm, speedMetresPerSecond, distanceMetres, latitudeDegrees, longitudeDegrees }
}

const BICYCLE_KILOGRAMS = 9
/** Coefficient of rolling resistance on asphalt. */
const ROLLING = 0.0045
/** ½ ρ C_dA: air of 1.2 kg/m³, hands on the hoods (0.36 m²). */
const AIR = 0.5 * 1.2 * 0.36

/** Corners of the loop in metres east and north of its first: a park of about 2.6 km around. */
const CORNERS = [
  [0, 0],
  [620, 60],
  [880, 320],
  [760, 640],
  [300, 720],
  [-60, 420],
] as const

/** Where the loop lies: the Tempelhofer Feld in Berlin. A degree of longitude is shorter there, by cos 52.47°. */
const ORIGIN = [52.47, 13.395] as const
const METRES_PER_DEGREE = 111_320
const LONGITUDE_SHRINKS = 0.609_2

const SIDES = CORNERS.map(([east, north], i) => {
  const [toEast, toNorth] = CORNERS[(i + 1) % CORNERS.length] ?? CORNERS[0]
  const alongEast = toEast - east
  const alongNorth = toNorth - north
  return { east, north, alongEast, alongNorth, metres: Math.sqrt(alongEast * alongEast + alongNorth * alongNorth) }
})

const LOOP_METRES = SIDES.reduce((sum, side) => sum + side.metres, 0)

const placeAt = (metres: number): readonly [latitude: number, longitude: number] => {
  let rest = metres
  for (const side of SIDES) {
    if (rest < side.metres) {
      const east = side.east + (side.alongEast * rest) / side.metres
      const north = side.north + (side.alongNorth * rest) / side.metres
      return [ORIGIN[0] + north / METRES_PER_DEGREE, ORIGIN[1] + east / (METRES_PER_DEGREE * LONGITUDE_SHRINKS)]
    }
    rest -= side.metres
  }
  return ORIGIN
}

/** The nearest whole semicircle (180 / 2^31 degrees), as a GPS receiver writes it. */
const toSemicircles = (degrees: number): number => (Math.round((degrees * 2 ** 29) / 45) * 45) / 2 ** 29
