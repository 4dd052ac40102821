/** What the gateway asks of a radio: to say which sensors are around. `NobleRadio` has real ones, `SimulatedRadio` makes them up. */
import type { SensorLink } from "@paceline/device-bridge/sources"

export interface GatewayRadio {
  /** Looks for sensors until stopped; each is told once, under a name that stays the same from day to day. */
  start(onFound: (sensor: string, link: SensorLink) => void): Promise<void>
  stop(): Promise<void>
}

/** Heart rate, running and cycling speed and cadence, cycling power, fitness machines, weight, body composition. */
export const FITNESS_SERVICES: ReadonlyArray<string> = ["180d", "1814", "1816", "1818", "1826", "181d", "181b"]
