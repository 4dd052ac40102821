import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { heart, START, world } from "../../test/HeardSensor.ts"
import { encode, type MeasurementOf } from "../gatt/index.ts"
import { peripheral } from "./Peripheral.ts"
import type { SourceBridge } from "./SourceBridge.ts"

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
