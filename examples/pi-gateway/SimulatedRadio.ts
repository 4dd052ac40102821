/**
 * A room full of sensors that do not exist: straps, bikes and a power meter, whose packets come in real time, get lost,
 * and one of which is at the edge of its range.
 */
import { type SensorModel, simulateAthlete, simulatedSensor } from "@paceline/device-bridge/simulator"
import type { SensorLink } from "@paceline/device-bridge/sources"
import type { GatewayRadio } from "./GatewayRadio.ts"

const ROOM: ReadonlyArray<{ readonly sensor: string; readonly model: SensorModel; readonly flaps?: true }> = [
  { sensor: "HRM-1a2b", model: "heartRateStrap" },
  { sensor: "HRM-3c4d", model: "heartRateStrap", flaps: true },
  { sensor: "HRM-5e6f", model: "heartRateStrap" },
  { sensor: "BIKE-0001", model: "indoorBike" },
  { sensor: "ROWER-0001", model: "rower" },
  { sensor: "POWER-0001", model: "powerMeter" },
]

export const SIMULATED_SENSORS: ReadonlyArray<string> = ROOM.map(({ sensor }) => sensor)

const LOOK_MILLIS = 50

export const simulatedRadio = (seed: number): GatewayRadio => {
  const startedAt = performance.now()
  const links: Array<SensorLink> = []
  return {
    start: async (onFound) => {
      for (const [n, { sensor, model, flaps = false }] of ROOM.entries()) {
        const link = simulatedLink(model, seed + n, flaps, startedAt)
        links.push(link)
        onFound(sensor, link)
      }
    },
    stop: async () => {
      for (const link of links) link.disconnect()
    },
  }
}

const simulatedLink = (model: SensorModel, seed: number, flaps: boolean, startedAt: number): SensorLink => {
  const sensor = simulatedSensor(simulateAthlete({ seed, seconds: 3_600 }), {
    model,
    seed,
    faults: { lost: 0.02, ...(flaps ? { flapping: { connectedSeconds: 3, awaySeconds: 1 } } : {}) },
  })
  let looking: ReturnType<typeof setInterval> | undefined
  return {
    connect: async (uuids, onPacket, onGone) => {
      let heardUpTo = performance.now() - startedAt
      looking = setInterval(() => {
        const now = performance.now() - startedAt
        for (const heard of sensor.between(heardUpTo, now)) {
          if (heard._tag === "Packet") {
            const uuid = heard.characteristic.toLowerCase()
            if (uuids.includes(uuid)) onPacket(uuid, heard.bytes)
          } else {
            clearInterval(looking)
            onGone()
            return
          }
        }
        heardUpTo = now
      }, LOOK_MILLIS)
    },
    disconnect: () => clearInterval(looking),
  }
}
