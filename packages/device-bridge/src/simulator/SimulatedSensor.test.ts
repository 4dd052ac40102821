import { crc32 } from "@paceline/core/wire"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { streamOf } from "../files/Recording.ts"
import { parse } from "../gatt/index.ts"
import { peripheral } from "../sources/Peripheral.ts"
import { SENSOR_MODELS, type SensorModel } from "./SensorModels.ts"
import { simulateAthlete } from "./SimulatedActivity.ts"
import { type Faults, simulatedSensor } from "./SimulatedSensor.ts"

const activity = simulateAthlete({ seed: 7, seconds: 600 })
const models: ReadonlyArray<SensorModel> = Object.keys(SENSOR_MODELS).filter(
  (name): name is SensorModel => name in SENSOR_MODELS,
)

const sensor = (model: SensorModel, faults: Faults = {}, seed = 7) => simulatedSensor(activity, { model, seed, faults })

/** What a bridge records of the sensor's packets. */
const heard = (model: SensorModel, faults: Faults = {}) => {
  const samples: Array<readonly [stream: string, atMs: number, value: number]> = []
  let now = 0
  const into = peripheral(
    {
      record: (_, kind, atMillis, value) => samples.push([kind, atMillis, value]) > 0,
      stream: ({ kind }) => ({ record: (atMillis, value) => samples.push([kind, atMillis, value]) > 0 }),
    },
    { sensor: "s", clock: { steadyMillis: () => now, wallMillis: () => now } },
  )
  for (const packet of sensor(model, faults).between(-1, 600_000)) {
    now = packet.offsetMs
    if (packet._tag === "Lost") into.disconnected()
    else into.notify(packet.characteristic, packet.bytes)
  }
  const of = (stream: string) => samples.filter(([name]) => name === stream)
  return { of, status: into.status(), streams: new Set(samples.map(([name]) => name)) }
}

const valuesOf = (kind: Parameters<typeof streamOf>[1]) => streamOf(activity, kind)?.values ?? []

describe("every simulated sensor", () => {
  test("sends the same bytes at the same times for the same seed, for ever", () => {
    const sums = models.map((model) => {
      const packets = sensor(model, { lost: 0.1, truncated: 0.1, wrapping: true }).between(-1, 600_000)
      const text = packets.map((heardThen) =>
        heardThen._tag === "Packet"
          ? `${heardThen.offsetMs} ${heardThen.characteristic} ${Buffer.from(heardThen.bytes).toString("hex")}`
          : "lost",
      )
      return [model, packets.length, crc32(new TextEncoder().encode(text.join("\n")))]
    })
    expect(sums).toEqual(GOLDEN)
  })

  test.each(models)(
    "%s: without faults every packet can be read, arrives in order, and is given once however it is asked for",
    (model) => {
      const whole = sensor(model).between(-1, 600_000)
      for (const [n, packet] of whole.entries()) {
        if (packet._tag !== "Packet") throw new Error("no connection is lost without faults")
        expect(parse(packet.characteristic, packet.bytes)._tag).not.toBe("GattError")
        if (n > 0) expect(packet.offsetMs).toBeGreaterThanOrEqual(whole[n - 1]!.offsetMs)
      }
      fc.assert(
        fc.property(fc.array(fc.nat(600_000), { maxLength: 8 }), (cuts) => {
          const ends = [...cuts.toSorted((a, b) => a - b), 600_000]
          expect(ends.flatMap((end, i) => sensor(model).between(ends[i - 1] ?? -1, end))).toEqual(whole)
        }),
        { numRuns: 5 },
      )
    },
  )

  test("[bridge 36] with every fault at once: counted, never thrown, and what is recorded are numbers", () => {
    for (const model of models) {
      const { status } = heard(model, {
        lost: 0.1,
        truncated: 0.2,
        garbled: 0.2,
        flapping: { connectedSeconds: 40, awaySeconds: 5 },
      })
      expect(status.lastProblem).toBe(null)
      if (model !== "scale") expect(status.badPackets).toBeGreaterThan(20)
    }
  })
})

describe("what a bridge makes of the packets", () => {
  test("[bridge 34] a strap: its heart rates, and its beats by their intervals, to a millisecond over ten minutes", () => {
    const { of, status } = heard("heartRateStrap")
    expect(of("heartRate").map(([, , value]) => value)).toEqual(valuesOf("heartRate"))
    const truth = streamOf(activity, "rrInterval")!
    const beats = of("rrInterval")
    expect(beats.length).toBe(truth.values.length)
    const shift = beats[0]![1] - truth.atMillis[0]!
    for (const [n, [, atMs]] of beats.entries())
      expect(Math.abs(atMs - shift - truth.atMillis[n]!)).toBeLessThanOrEqual(2)
    expect(status).toMatchObject({ badPackets: 0, beatGaps: 0, contact: true, batteryPercent: 96 })
  })

  test("[bridge 35] speed and cadence over counters that wrap are those of the ride", () => {
    const plain = heard("speedCadence")
    const wrapping = heard("speedCadence", { wrapping: true })
    const mean = (samples: ReadonlyArray<readonly [string, number, number]>) =>
      samples.reduce((sum, [, , value]) => sum + value, 0) / samples.length
    for (const stream of ["cadence", "speed"]) {
      expect(wrapping.of(stream).length).toBeGreaterThan(580)
      expect(mean(wrapping.of(stream)) / mean(plain.of(stream))).toBeCloseTo(1, 2)
    }
    const ridden = valuesOf("distance").at(-1)! - valuesOf("distance")[0]!
    expect(Math.abs(wrapping.of("distance").at(-1)![2] - ridden)).toBeLessThan(5)
    const cadence = valuesOf("cadence")
    expect(mean(wrapping.of("cadence")) / (cadence.reduce((a, b) => a + b, 0) / cadence.length)).toBeCloseTo(1, 1)
  })

  test("[bridge 37] machines with records in parts and reserved bits: each quantity once a second", () => {
    for (const model of ["indoorBike", "treadmill", "rower", "crossTrainer"] as const) {
      const { of, status, streams } = heard(model)
      expect(status).toMatchObject({ badPackets: 0, lostRecords: 0 })
      for (const stream of streams) expect(of(stream).length, `${model} ${stream}`).toBe(600)
      expect(streams.size).toBeGreaterThan(3)
    }
    expect(
      heard("indoorBike")
        .of("power")
        .map(([, , value]) => value),
    ).toEqual(valuesOf("power"))
  })

  test("a power meter tells the ride's power; a pod runs; a scale weighs once", () => {
    expect(
      heard("powerMeter")
        .of("power")
        .map(([, , value]) => value),
    ).toEqual(valuesOf("power"))
    expect(heard("runningPod").of("speed").length).toBe(600)
    const scale = heard("scale")
    expect(scale.of("weight").length).toBe(1)
    expect(scale.streams).toContain("bodyFat")
  })

  test("a strap without skin for a while: the contact is told, and no heart rate is made up", () => {
    const { of } = heard("heartRateStrap", { contact: { secondsWith: 60, secondsWithout: 20 } })
    expect(of("contact").length).toBe(15)
    expect(of("heartRate").length).toBe(460)
  })

  test("a strap whose clock gains 8 s an hour is told, beat by beat in order", () => {
    const { of, status } = heard("heartRateStrap", { driftSecondsPerHour: 8 })
    expect(status.beatsAheadMillis).toBeGreaterThan(600)
    const times = of("rrInterval").map(([, atMs]) => atMs)
    expect(times.every((atMs, n) => n === 0 || atMs > times[n - 1]!)).toBe(true)
  })

  test("a fault out of its range is refused", () => {
    expect(() => sensor("scale", { lost: 2 })).toThrow(RangeError)
    expect(() => sensor("scale", { latencyMillis: 5_000 })).toThrow(RangeError)
  })
})

/** Model, packets, and the CRC-32 of all of them with their times. */
const GOLDEN: ReadonlyArray<unknown> = [
  ["heartRateStrap", 553, 1699726410],
  ["powerMeter", 551, 458922926],
  ["speedCadence", 551, 3356505847],
  ["runningPod", 551, 1332860499],
  ["treadmill", 1084, 2128968795],
  ["indoorBike", 1084, 1566523532],
  ["rower", 1084, 3757513005],
  ["crossTrainer", 1084, 2030430280],
  ["scale", 2, 1905167030],
]
