/** A sensor that is heard by a bridge which keeps what it is given, with clocks that stand still until they are moved. */
import { encode, type MeasurementOf } from "../src/gatt/index.ts"
import { type PeripheralOptions, peripheral } from "../src/sources/Peripheral.ts"
import type { SourceBridge } from "../src/sources/SourceBridge.ts"

export const START = 1_763_600_000_000

export const world = (options: Partial<PeripheralOptions> = {}) => {
  const samples: Array<readonly [stream: string, atMs: number, value: number]> = []
  const raw: Array<readonly [format: string, bytes: Uint8Array]> = []
  const clock = { steady: 5_000, wall: START }
  const bridge: SourceBridge = {
    record: (_, kind, atMillis, value) => samples.push([kind, atMillis - START, value]) > 0,
    stream: ({ kind, unit }) => ({
      record: (atMillis, value) => samples.push([`${kind} ${unit}`, atMillis - START, value]) > 0,
    }),
    recordRaw: ({ source, bytes }) => raw.push([source, bytes]) > 0,
  }
  const sensor = peripheral(bridge, {
    sensor: "strap-07",
    clock: { steadyMillis: () => clock.steady, wallMillis: () => clock.wall },
    ...options,
  })
  const pass = (millis: number): void => {
    clock.steady += millis
    clock.wall += millis
  }
  const of = (stream: string) => samples.filter(([name]) => name === stream).map(([, atMs, value]) => [atMs, value])
  return { sensor, samples, raw, clock, pass, of }
}

/** A packet of a strap with these intervals, in seconds. */
export const heart = (rr: ReadonlyArray<number>, more: Partial<MeasurementOf<"2A37">> = {}): Uint8Array =>
  encode("2A37", {
    _tag: "HeartRate",
    contactDetected: true,
    contactSupported: true,
    heartRateBpm: 120,
    ...(rr.length === 0 ? {} : { rrIntervalsSeconds: rr }),
    ...more,
  })
