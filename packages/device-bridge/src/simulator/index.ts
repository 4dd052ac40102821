/** Athletes, activities and sensors where no device is at hand, and the clock that plays any recording. */
export * as Athlete from "./Athlete.ts"
export * as Playback from "./Playback.ts"
export type { SensorModel } from "./SensorModels.ts"
export { type SimulatedActivity, type SimulationOptions, simulateAthlete } from "./SimulatedActivity.ts"
export {
  type ConnectionLost,
  type Faults,
  type PacketHeard,
  type SensorOptions,
  type SimulatedSensor,
  simulatedSensor,
} from "./SimulatedSensor.ts"
