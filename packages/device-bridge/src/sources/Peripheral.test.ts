import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { encode, type MeasurementOf } from "../gatt/index.ts"
import { type PeripheralOptions, peripheral } from "./Peripheral.ts"
import type { SourceBridge } from "./SourceBridge.ts"

const START = 1_763_600_000_000

/** A bridge that keeps what it is given, and clocks that stand still until they are moved. */
const world = (options: Partial<PeripheralOptions> = {}) => {
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

const heart = (rr: ReadonlyArray<number>, more: Partial<MeasurementOf<"2A37">> = {}): Uint8Array =>
  encode("2A37", {
    _tag: "HeartRate",
    contactDetected: true,
    contactSupported: true,
    heartRateBpm: 120,
    ...(rr.length === 0 ? {} : { rrIntervalsSeconds: rr }),
    ...more,
  })

describe("a heart-rate strap", () => {
  test("[bridge 34] beats are recorded at the sums of their intervals, however late the radio brings them", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            ticks: fc.array(fc.integer({ min: 307, max: 1536 }), { minLength: 1, maxLength: 4 }),
            late: fc.nat(900),
          }),
          { minLength: 2, maxLength: 40 },
        ),
        (packets) => {
          const { sensor, clock, of } = world()
          let beatAtMs = 0
          for (const { ticks, late } of packets) {
            const rr = ticks.map((count) => count / 1024)
            beatAtMs += 1_000 * rr.reduce((sum, interval) => sum + interval, 0)
            clock.steady = Math.max(clock.steady, 5_000 + beatAtMs + late)
            clock.wall = START + clock.steady - 5_000
            sensor.notify("2a37", heart(rr))
          }
          const beats = of("rrInterval")
          expect(beats.length).toBe(packets.flatMap(({ ticks }) => ticks).length)
          let sum = 0
          for (const [atMs, interval] of beats.slice(1)) {
            sum += 1_000 * interval!
            expect(Math.abs(atMs! - beats[0]![0]! - sum)).toBeLessThanOrEqual(1)
          }
        },
      ),
    )
  })

  test("[bridge 31] the wall clock set back an hour in mid-stream: nothing is dropped, and labels stay in order", () => {
    const { sensor, clock, pass, of } = world()
    for (let second = 1; second <= 60; second++) {
      pass(1_000)
      if (second === 30) clock.wall -= 3_600_000
      sensor.notify("2a37", heart([1]))
    }
    expect(of("rrInterval").map(([atMs]) => atMs)).toEqual(Array.from({ length: 60 }, (_, n) => 1_000 * (n + 1)))
    expect(of("heartRate").length).toBe(60)
    expect(sensor.status()).toMatchObject({ clockSteps: 1, clockAheadMillis: 3_600_000, beatGaps: 0 })
    sensor.disconnected()
    pass(1_000)
    sensor.notify("2a37", heart([1]))
    expect(of("heartRate").at(-1)?.[0]).toBe(61_000 - 3_600_000)
    expect(sensor.status().clockAheadMillis).toBe(0)
  })

  test("[bridge 31] the wall clock set forward, as on a gateway that learns the time: labels follow, no beat is lost", () => {
    const { sensor, clock, pass, of } = world()
    const months = 200 * 86_400_000
    for (let second = 1; second <= 10; second++) {
      pass(1_000)
      if (second === 6) clock.wall += months
      sensor.notify("2a37", heart([1]))
    }
    expect(of("rrInterval").map(([atMs]) => atMs)).toEqual(
      Array.from({ length: 10 }, (_, n) => 1_000 * (n + 1) + (n < 5 ? 0 : months)),
    )
    expect(sensor.status()).toMatchObject({ clockSteps: 1, beatGaps: 0 })
  })

  test("[bridge 31] a clock in the far future that is put right is followed back; what was recorded stays in its order", () => {
    const { sensor, clock, pass, of } = world()
    clock.wall += 365 * 86_400_000
    sensor.notify("2a37", heart([1]))
    pass(1_000)
    clock.wall -= 365 * 86_400_000
    sensor.notify("2a37", heart([1]))
    expect(of("rrInterval").map(([atMs]) => atMs)).toEqual([365 * 86_400_000, 1_000])
  })

  test("contact is said when it changes; a heart rate without contact, or of 0, is none", () => {
    const { sensor, pass, of } = world()
    for (const [contactDetected, heartRateBpm] of [
      [true, 120],
      [true, 121],
      [false, 121],
      [false, 121],
      [true, 0],
      [true, 122],
    ] as const) {
      pass(1_000)
      sensor.notify("2a37", heart([], { contactDetected, heartRateBpm }))
    }
    expect(of("contact 1")).toEqual([
      [1_000, 1],
      [3_000, 0],
      [5_000, 1],
    ])
    expect(of("heartRate")).toEqual([
      [1_000, 120],
      [2_000, 121],
      [6_000, 122],
    ])
    expect(sensor.status().contact).toBe(true)
  })

  test("a strap that cannot feel skin is believed", () => {
    const { sensor, of } = world()
    sensor.notify("2a37", heart([], { contactDetected: false, contactSupported: false }))
    expect(of("heartRate")).toEqual([[0, 120]])
  })

  test("energy counts from the first packet, across the strap's resets, and from an activity's beginning", () => {
    const { sensor, of, samples } = world()
    for (const energyExpendedKilojoules of [500, 510, 3]) sensor.notify("2a37", heart([], { energyExpendedKilojoules }))
    expect(of("energy kJ").map(([, value]) => value)).toEqual([0, 10, 13])
    sensor.beginActivity()
    sensor.notify("2a37", heart([], { energyExpendedKilojoules: 5 }))
    sensor.endActivity()
    expect(of("energy kJ").at(-1)?.[1]).toBe(2)
    expect(samples.filter(([stream]) => stream === "activity").map(([, , value]) => value)).toEqual([1, 0])
  })
})

describe("wheels, cranks and machines", () => {
  test("[bridge 35] counts and times that wrap under a rider at 90 rpm leave cadence, speed and distance steady", () => {
    const { sensor, pass, of } = world({ wheelCircumferenceMetres: 2 })
    for (let second = 0; second < 200; second++) {
      pass(1_000)
      sensor.notify(
        0x2a5b,
        encode("2A5B", {
          _tag: "CyclingSpeedAndCadence",
          cumulativeWheelRevolutions: (2 ** 32 - 300 + 4 * second) % 2 ** 32,
          lastWheelEventSeconds: second % 64,
          cumulativeCrankRevolutions: (65_400 + Math.floor(1.5 * second)) % 65_536,
          lastCrankEventSeconds: (Math.floor(1.5 * second) / 1.5) % 64,
        }),
      )
    }
    const cadence = of("cadence").map(([, value]) => value!)
    expect(cadence.length).toBe(199)
    // The sensor's clock has 1/1024 s.
    for (const rpm of cadence) expect(Math.abs(rpm - 90)).toBeLessThan(0.2)
    expect(new Set(of("speed").map(([, value]) => value))).toEqual(new Set([8]))
    expect(of("distance").at(-1)?.[1]).toBe(199 * 4 * 2)
  })

  test("[bridge 37] a bike's record in three parts with reserved bits becomes one reading of each quantity", () => {
    const { sensor, of } = world()
    const parts = [
      { moreData: true, powerWatts: 210, heartRateBpm: 0 },
      { moreData: true, totalDistanceMetres: 70, resistanceLevel: 5 },
      { moreData: false, speedMetresPerSecond: 10, cadenceRpm: 90 },
    ] as const
    for (const part of parts) {
      const bytes = encode("2AD2", { _tag: "IndoorBike", ...part })
      bytes[1] = bytes[1]! | 0xe0
      sensor.notify("00002ad2-0000-1000-8000-00805f9b34fb", bytes)
    }
    expect(of("power")).toEqual([[0, 210]])
    expect(of("speed")).toEqual([[0, 10]])
    expect(of("cadence")).toEqual([[0, 90]])
    expect(of("distance")).toEqual([[0, 0]])
    expect(of("resistance level")).toEqual([[0, 5]])
    expect(of("heartRate")).toEqual([])
    expect(sensor.status()).toMatchObject({ packets: 3, samples: 5, lostRecords: 0 })
  })

  test("[bridge 37] a part that stays alone for long, or over a lost connection, does not pass into the next record", () => {
    const { sensor, pass, of } = world()
    const first = encode("2AD2", { _tag: "IndoorBike", moreData: true, powerWatts: 400 })
    const last = encode("2AD2", { _tag: "IndoorBike", moreData: false, speedMetresPerSecond: 10 })
    sensor.notify("2ad2", first)
    pass(10_000)
    sensor.notify("2ad2", last)
    sensor.notify("2ad2", first)
    sensor.disconnected()
    sensor.notify("2ad2", last)
    expect(of("power")).toEqual([])
    expect(of("speed").length).toBe(2)
    expect(sensor.status().lostRecords).toBe(2)
  })

  test("a trainer that tells its power twice is recorded once: as the power meter has it, while that is heard", () => {
    const { sensor, pass, of } = world()
    const meter = (powerWatts: number) =>
      encode("2A63", {
        _tag: "CyclingPower",
        balanceReference: "unknown",
        torqueSource: "crank",
        offsetCompensation: false,
        powerWatts,
      })
    const bike = encode("2AD2", { _tag: "IndoorBike", moreData: false, speedMetresPerSecond: 8, powerWatts: 199 })
    sensor.notify("2ad2", bike)
    sensor.notify("2a63", meter(200))
    sensor.notify("2ad2", bike)
    pass(1_000)
    sensor.notify("2ad2", bike)
    sensor.notify("2a63", meter(201))
    pass(6_000)
    sensor.notify("2ad2", bike)
    expect(of("power")).toEqual([
      [0, 199],
      [0, 200],
      [1_000, 201],
      [7_000, 199],
    ])
    expect(of("speed").length).toBe(4)
  })

  test("a runner's cadence is in strides, a rower's speed comes from its pace", () => {
    const { sensor, of } = world()
    sensor.notify(
      "2a53",
      encode("2A53", {
        _tag: "RunningSpeedAndCadence",
        gait: "running",
        speedMetresPerSecond: 3.5,
        cadenceStepsPerMinute: 175,
      }),
    )
    expect(of("cadence")).toEqual([[0, 87.5]])
    expect(of("speed")).toEqual([[0, 3.5]])
    const rower = world()
    rower.sensor.notify(
      "2ad1",
      encode("2AD1", {
        _tag: "Rower",
        moreData: false,
        strokesPerMinute: 27.5,
        strokeCount: 3,
        paceSecondsPer500Metres: 125,
      }),
    )
    expect(rower.of("speed")).toEqual([[0, 4]])
    expect(rower.of("strokeRate 1/min")).toEqual([[0, 27.5]])
  })
})

describe("scales and batteries", () => {
  const weight = (more: Partial<MeasurementOf<"2A9D">>) =>
    encode("2A9D", { _tag: "Weight", wireUnits: "si", weightKilograms: 75, ...more })

  test("a measurement that the scale remembered has its own time; one from its future, or without a date, has ours", () => {
    const { sensor, of } = world()
    const past = new Date(START - 86_400_000)
    const at = (date: Date) => ({
      year: date.getFullYear(),
      month: date.getMonth() + 1,
      day: date.getDate(),
      hours: date.getHours(),
      minutes: date.getMinutes(),
      seconds: date.getSeconds(),
    })
    sensor.notify("2a9d", weight({ measuredAt: at(past) }))
    sensor.notify("2a9d", weight({ measuredAt: at(new Date(START + 86_400_000)) }))
    sensor.notify("2a9d", weight({ measuredAt: { ...at(past), year: 0 } }))
    expect(of("weight kg").map(([atMs]) => Math.round(atMs! / 1_000))).toEqual([-86_400, 0, 0])
  })

  test("of a scale that several people use, only one's measurements are taken", () => {
    const { sensor, of } = world({ userId: 2 })
    for (const userId of [1, 2, null]) sensor.notify("2a9d", weight({ userId }))
    expect(of("weight kg").length).toBe(1)
  })

  test("the battery is recorded and shown", () => {
    const { sensor, of } = world()
    sensor.notify("2a19", Uint8Array.of(80))
    expect(of("battery %")).toEqual([[0, 80]])
    expect(sensor.status().batteryPercent).toBe(80)
  })
})

describe("what cannot be used", () => {
  test("[bridge 36] any bytes of any characteristic: recorded, or counted with their error; never thrown", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.constantFrom(
              "2a37",
              "2a53",
              "2a5b",
              "2a63",
              "2acd",
              "2ace",
              "2ad2",
              "2ad1",
              "2a19",
              "2a9c",
              "2a9d",
              "2a00",
              "x",
            ),
            fc.uint8Array({ maxLength: 40 }),
          ),
          { maxLength: 60 },
        ),
        (packets) => {
          const { sensor, pass, samples } = world()
          for (const [uuid, bytes] of packets) {
            pass(250)
            sensor.notify(uuid, bytes)
          }
          const { packets: read, badPackets, unknownPackets, lastProblem } = sensor.status()
          expect(read + badPackets + unknownPackets).toBe(packets.length)
          expect(lastProblem).toBe(null)
          for (const [, atMs, value] of samples) {
            expect(Number.isSafeInteger(atMs)).toBe(true)
            expect(Number.isFinite(value)).toBe(true)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test("[bridge 36] a packet that was cut is counted, named, and changes nothing", () => {
    const { sensor, of } = world()
    sensor.notify("2a37", heart([1]))
    sensor.notify("2a37", Uint8Array.of(0x10, 60, 1))
    sensor.notify("2a37", heart([1]))
    expect(of("rrInterval").length).toBe(2)
    expect(sensor.status()).toMatchObject({
      packets: 2,
      badPackets: 1,
      lastBad: { _tag: "GattError", characteristic: "2A37", reason: "cut-short", field: "rrIntervalsSeconds" },
    })
  })

  test("on request every packet is handed over as it came, also those that cannot be read", () => {
    const { sensor, raw } = world({ raw: true })
    const packets = [heart([1]), Uint8Array.of(0x10), Uint8Array.of(1, 2, 3)]
    for (const [n, bytes] of packets.entries()) sensor.notify(n === 2 ? "2aff" : "2a37", bytes)
    expect(raw).toEqual([
      ["2A37", packets[0]],
      ["2A37", packets[1]],
      ["2aff", packets[2]],
    ])
  })

  test("a bridge that was closed is told in the status, not thrown into a callback of the radio", () => {
    const closed: SourceBridge = {
      record: () => {
        throw new Error("The bridge is closed.")
      },
    }
    const strap = peripheral(closed, { sensor: "s" })
    strap.notify("2a37", heart([1]))
    expect(strap.status()).toMatchObject({ turnedAway: 2, unsupported: 1, lastProblem: "The bridge is closed." })
  })

  test("a DataView in the middle of a buffer, as browsers give it, and an ArrayBuffer are read too", () => {
    const { sensor, of } = world()
    const bytes = heart([1])
    const buffer = new Uint8Array([9, 9, ...bytes, 9]).buffer
    sensor.notify("2a37", new DataView(buffer, 2, bytes.length))
    sensor.notify("2a37", Uint8Array.from(bytes).buffer)
    expect(of("rrInterval").map(([, value]) => value)).toEqual([1, 1])
  })
})
