/** Where packets come from: a strap by Web Bluetooth, or a simulated one that sends the same bytes. */
import { simulateAthlete, simulatedSensor } from "@paceline/device-bridge/simulator"
import { type SensorLink, type WebBluetoothDevice, webBluetoothLink } from "@paceline/device-bridge/sources"

/** The part of Web Bluetooth that is used; the types of browsers do not know it yet. */
declare global {
  interface Navigator {
    readonly bluetooth?: {
      requestDevice(options: {
        readonly filters: ReadonlyArray<{ readonly services: ReadonlyArray<string> }>
        readonly optionalServices: ReadonlyArray<string>
      }): Promise<WebBluetoothDevice & { readonly name?: string }>
    }
  }
}

export interface NamedLink {
  readonly name: string
  readonly link: SensorLink
}

/** Lets the person choose a strap. Call it from a click: browsers show the list only then. */
export const chooseStrap = async (): Promise<NamedLink> => {
  if (navigator.bluetooth === undefined) {
    throw new Error("This browser has no Web Bluetooth. Chrome and Edge have it; on iPhones, Bluefy.")
  }
  const device = await navigator.bluetooth.requestDevice({
    filters: [{ services: ["heart_rate"] }],
    optionalServices: ["battery_service"],
  })
  return { name: device.name ?? "Heart-rate strap", link: webBluetoothLink(device) }
}

const HOUR_SECONDS = 3_600
/** Warm-ups are slow; who tries the page wants to see something. */
const BEGIN_MILLIS = 15 * 60_000
const TICK_MILLIS = 100

/** An hour of the training of somebody who does not exist, heard as if from their strap. */
export const simulatedStrap = (seed: number): NamedLink => {
  const activity = simulateAthlete({ seed, seconds: HOUR_SECONDS })
  const strap = simulatedSensor(activity, { model: "heartRateStrap", seed })
  let timer: ReturnType<typeof setInterval> | undefined
  return {
    name: `Simulated strap ${seed}`,
    link: {
      connect: async (_, onPacket) => {
        const began = performance.now() - BEGIN_MILLIS
        let heardUntil = BEGIN_MILLIS
        timer = setInterval(() => {
          const now = performance.now() - began
          for (const heard of strap.between(heardUntil, now)) {
            if (heard._tag === "Packet") onPacket(heard.characteristic, heard.bytes)
          }
          heardUntil = now
        }, TICK_MILLIS)
      },
      disconnect: () => clearInterval(timer),
    },
  }
}
