/** Bytes that must be read and written so, by everybody, for ever. */
import { Bundle, TelemetryFrame } from "@paceline/core/wire"
import { CHARACTERISTICS, characteristicOf, encode, parse } from "../../gatt/index.ts"
import { type Check, must } from "../Check.ts"
import { bundleFixtures } from "../fixtures/Bundles.ts"
import { frameFixtures } from "../fixtures/Frames.ts"
import { packetFixtures } from "../fixtures/Packets.ts"

/** Packets of noise for each characteristic. */
const NOISE_PACKETS = 2_000
const LONGEST_PACKET = 48

const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))

const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

/** A bundle as the fixtures have it: plain numbers, and −0 as a text. */
const textOf = (bundle: Bundle.Bundle): string =>
  JSON.stringify(bundle, (_key, value: unknown) => {
    if (ArrayBuffer.isView(value) && value instanceof Float64Array) return Array.from(value)
    return Object.is(value, -0) ? "-0" : value
  })

export const byteChecks: ReadonlyArray<Check> = [
  {
    name: "bytes/packets",
    promise: "Packets of each Bluetooth characteristic say what the specifications and real machines mean by them.",
    run: async () => {
      for (const { characteristic, hex, says, shows } of packetFixtures) {
        const read = JSON.stringify(parse(characteristic, bytesOf(hex)))
        must(read === says, `${characteristic}, ${shows}: ${hex} was read as ${read}, and says ${says}`)
      }
      const kinds = new Set(packetFixtures.map(({ characteristic }) => characteristic)).size
      return `${packetFixtures.length} packets of ${kinds} characteristics`
    },
  },
  {
    name: "bytes/cut-packets",
    promise: "Any beginning of a packet, and any noise, is a measurement or a typed error, and never a crash.",
    run: async (bench) => {
      let read = 0
      for (const { characteristic, hex } of packetFixtures) {
        const whole = bytesOf(hex)
        for (let length = 0; length < whole.length; length++, read++) parse(characteristic, whole.subarray(0, length))
      }
      for (const name of Object.keys(CHARACTERISTICS)) {
        const characteristic = characteristicOf(name)
        if (characteristic === undefined) continue
        for (let packet = 0; packet < NOISE_PACKETS; packet++, read++) {
          const noise = Uint8Array.from(
            { length: Math.floor(bench.random() * LONGEST_PACKET) },
            () => bench.random() * 256,
          )
          const measurement = parse(characteristic, noise)
          // What was read must be sayable again, or it was read wrong.
          if (measurement._tag !== "GattError" && packet % 50 === 0) tryToSay(characteristic, measurement)
        }
      }
      return `${read} packets cut short or made of noise`
    },
  },
  {
    name: "bytes/bundles",
    promise: "Bundles of each version are read as they were written, and version 2 is written byte for byte the same.",
    run: async () => {
      for (const { hex, says, shows } of bundleFixtures) {
        const bundle = Bundle.decode(bytesOf(hex))
        if ("_tag" in bundle) throw new Error(`${shows}: ${bundle.detail}`)
        must(textOf(bundle) === says, `${shows}: it was read as ${textOf(bundle)}`)
        if (!shows.startsWith("version 2") || hex.length > 100) continue
        const written = hexOf(Bundle.encode(bundle))
        must(written === hex, `${shows}: it was written as ${written}, and is ${hex}`)
      }
      return `${bundleFixtures.length} bundles`
    },
  },
  {
    name: "bytes/frames",
    promise: "Frames of each type are read and written byte for byte as every other bridge and server does it.",
    run: async () => {
      for (const { hex, says } of frameFixtures) {
        const written = hexOf(TelemetryFrame.encode(says))
        must(written === hex, `${says._tag} was written as ${written}, and is ${hex}`)
        const read = TelemetryFrame.decode(bytesOf(hex))
        must(read._tag === says._tag && hexOf(TelemetryFrame.encode(says)) === hex, `${hex} was read as ${read._tag}`)
        if (read._tag !== "FrameError")
          must(hexOf(TelemetryFrame.encode(read)) === hex, `${says._tag} was read as another`)
      }
      return `${frameFixtures.length} frames`
    },
  },
]

const tryToSay = (characteristic: Parameters<typeof encode>[0], measurement: Parameters<typeof encode>[1]): void => {
  try {
    encode(characteristic, measurement)
  } catch (thrown) {
    // Noise may say what no sensor would: a reserved value is refused in words.
    if (!(thrown instanceof RangeError)) throw thrown
  }
}
