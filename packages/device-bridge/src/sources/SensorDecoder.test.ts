/** What is made of packets that only mean something one after the other: wheels, cranks, and machines that speak in parts. */
import { describe, expect, test } from "vitest"
import { world } from "../../test/HeardSensor.ts"
import { encode } from "../gatt/index.ts"

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
