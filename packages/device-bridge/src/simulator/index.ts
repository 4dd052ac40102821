/** Athletes and activities where no device is at hand, and the clock that plays any recording. */
export * as Athlete from "./Athlete.ts"
export * as Playback from "./Playback.ts"
export { type SimulatedActivity, type SimulationOptions, simulateAthlete } from "./SimulatedActivity.ts"
