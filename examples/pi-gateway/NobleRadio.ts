/**
 * The Bluetooth radio of this machine, through noble (`npm install @abandonware/noble`; not a dependency of this
 * example, so that it also runs where there is no radio).
 *
 * A sensor is named after what it calls itself and its address, such as `HRM-Dual-a1b2`.
 */
import { type NoblePeripheral, nobleLink } from "@paceline/device-bridge/sources"
import { FITNESS_SERVICES, type GatewayRadio } from "./GatewayRadio.ts"

interface FoundPeripheral extends NoblePeripheral {
  readonly id: string
  readonly address?: string
  readonly advertisement: { readonly localName?: string }
}

/** The part of noble that is used. */
interface Noble {
  readonly state?: string
  on(event: "discover", listener: (peripheral: FoundPeripheral) => void): unknown
  on(event: "stateChange", listener: (state: string) => void): unknown
  startScanningAsync(services: Array<string>, allowDuplicates: boolean): Promise<unknown>
  stopScanningAsync(): Promise<unknown>
}

/** On Linux a radio stops scanning when it connects: it is asked again so often. */
const SCAN_AGAIN_MILLIS = 10_000

/** @throws Error when noble is not installed */
export const nobleRadio = async (): Promise<GatewayRadio> => {
  const noble = await loadNoble()
  const found = new Set<string>()
  let scanning: ReturnType<typeof setInterval> | undefined
  return {
    start: async (onFound) => {
      noble.on("discover", (peripheral) => {
        if (found.has(peripheral.id)) return
        found.add(peripheral.id)
        onFound(nameOf(peripheral), nobleLink(peripheral))
      })
      const scan = (): void => {
        noble.startScanningAsync([...FITNESS_SERVICES], false).catch((error) => console.warn("No scan:", error))
      }
      noble.on("stateChange", (state) => {
        if (state === "poweredOn") scan()
        else console.warn(`The Bluetooth radio is ${state}.`)
      })
      if (noble.state === "poweredOn") scan()
      scanning = setInterval(() => noble.state === "poweredOn" && scan(), SCAN_AGAIN_MILLIS)
    },
    stop: async () => {
      clearInterval(scanning)
      await noble.stopScanningAsync()
    },
  }
}

const loadNoble = async (): Promise<Noble> => {
  // Not written out, so that nothing looks for it before it is wanted.
  const name = ["@abandonware", "noble"].join("/")
  let loaded: unknown
  try {
    loaded = await import(name)
  } catch (cause) {
    throw new Error("Install the radio first: npm install @abandonware/noble", { cause })
  }
  const noble: unknown = Reflect.get(Object(loaded), "default") ?? loaded
  if (!isNoble(noble)) throw new Error("This version of @abandonware/noble has no startScanningAsync.")
  return noble
}

const isNoble = (value: unknown): value is Noble =>
  ["on", "startScanningAsync", "stopScanningAsync"].every(
    (name) => typeof Reflect.get(Object(value), name) === "function",
  )

/** Printable ASCII, at most 64 characters, the same every day. */
const nameOf = ({ id, address, advertisement }: FoundPeripheral): string => {
  const own = (advertisement.localName ?? "sensor").replaceAll(/[^\x20-\x7e]/g, "").trim() || "sensor"
  const tail = (address || id)
    .replaceAll(/[^0-9a-z]/gi, "")
    .slice(-4)
    .toLowerCase()
  return `${own.slice(0, 59)}-${tail}`
}
