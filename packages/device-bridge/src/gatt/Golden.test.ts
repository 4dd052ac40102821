import { describe, expect, test } from "vitest"
import { type Characteristic, encode, parse } from "./Characteristic.ts"

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"))

/** Packets put together by hand from the specification: what they say, and what says it. */
const golden = (characteristic: Characteristic, hex: string, says: object): void => {
  const read = parse(characteristic, bytes(hex))
  expect(read).toEqual(says)
  if (read._tag === "GattError") throw new Error(read.message)
  expect(encode(characteristic, read)).toEqual(bytes(hex))
}

describe("sensors", () => {
  test("2A37: contact, energy and two intervals beside an 8-bit heart rate", () => {
    golden("2A37", "1e 48 0a00 0004 0003", {
      _tag: "HeartRate",
      contactDetected: true,
      contactSupported: true,
      heartRateBpm: 72,
      energyExpendedKilojoules: 10,
      rrIntervalsSeconds: [1, 0.75],
    })
  })

  test("2A37: a heart rate of 16 bits", () => {
    golden("2A37", "01 2c01", { _tag: "HeartRate", contactDetected: false, contactSupported: false, heartRateBpm: 300 })
  })

  test("2A37: a packet that a strap sent, published by ActiGraph", () => {
    golden("2A37", "16 42 1804 7001", {
      _tag: "HeartRate",
      contactDetected: true,
      contactSupported: true,
      heartRateBpm: 66,
      rrIntervalsSeconds: [1048 / 1024, 368 / 1024],
    })
  })

  test("2A53: running with stride length and distance", () => {
    golden("2A53", "07 8003 b4 7800 10270000", {
      _tag: "RunningSpeedAndCadence",
      gait: "running",
      speedMetresPerSecond: 3.5,
      cadenceStepsPerMinute: 180,
      strideLengthMetres: 1.2,
      totalDistanceMetres: 1000,
    })
  })

  test("2A5B: wheel and crank, both times in 1/1024 s", () => {
    golden("2A5B", "03 00000100 0004 0200 0002", {
      _tag: "CyclingSpeedAndCadence",
      cumulativeWheelRevolutions: 65_536,
      lastWheelEventSeconds: 1,
      cumulativeCrankRevolutions: 2,
      lastCrankEventSeconds: 0.5,
    })
  })

  test("2A63: the torque source is bit 3 and adds no bytes, accumulated energy is bit 11", () => {
    golden("2A63", "0c08 fa00 4000 0500", {
      _tag: "CyclingPower",
      balanceReference: "unknown",
      torqueSource: "crank",
      offsetCompensation: false,
      powerWatts: 250,
      accumulatedTorqueNewtonMetres: 2,
      accumulatedEnergyKilojoules: 5,
    })
  })

  test("2A63: every field; wheel time in 1/2048 s, angles of 12 bits in three bytes", () => {
    golden("2A63", "ff1f ffff 65 2000 01000000 0008 0300 0004 0a00 f6ff 4000 c0ff bc3a12 5a00 0e01 0700", {
      _tag: "CyclingPower",
      balanceReference: "left",
      torqueSource: "crank",
      offsetCompensation: true,
      powerWatts: -1,
      pedalBalancePercent: 50.5,
      accumulatedTorqueNewtonMetres: 1,
      cumulativeWheelRevolutions: 1,
      lastWheelEventSeconds: 1,
      cumulativeCrankRevolutions: 3,
      lastCrankEventSeconds: 1,
      maximumForceNewtons: 10,
      minimumForceNewtons: -10,
      maximumTorqueNewtonMetres: 2,
      minimumTorqueNewtonMetres: -2,
      // The specification's own example: a maximum of 0xABC and a minimum of 0x123 travel as 0x123ABC.
      maximumAngleDegrees: 0xabc,
      minimumAngleDegrees: 0x123,
      topDeadSpotAngleDegrees: 90,
      bottomDeadSpotAngleDegrees: 270,
      accumulatedEnergyKilojoules: 7,
    } as const)
  })

  test("2A19: a level in percent; more than 100 is an error", () => {
    golden("2A19", "64", { _tag: "Battery", levelPercent: 100 })
    expect(parse("2A19", bytes("65"))).toMatchObject({
      _tag: "GattError",
      reason: "out-of-range",
      field: "levelPercent",
    })
  })
})

describe("scales", () => {
  const measuredAt = { year: 2026, month: 11, day: 20, hours: 7, minutes: 30, seconds: 5 }

  test("2A9D: kilograms, time, user, body mass index and height", () => {
    golden("2A9D", "0e 983a ea07 0b 14 07 1e 05 01 e700 0807", {
      _tag: "Weight",
      wireUnits: "si",
      weightKilograms: 75,
      measuredAt,
      userId: 1,
      bodyMassIndex: 23.1,
      heightMetres: 1.8,
    })
  })

  test("2A9D: pounds and inches become kilograms and metres; 0xFFFF could not be measured, 0xFF is unknown", () => {
    golden("2A9D", "09 983a e700 bc02", {
      _tag: "Weight",
      wireUnits: "imperial",
      weightKilograms: 68.0388555,
      bodyMassIndex: 23.1,
      heightMetres: 1.778,
    })
    golden("2A9D", "04 ffff ff", { _tag: "Weight", wireUnits: "si", weightKilograms: null, userId: null })
  })

  test("2A9C: every field", () => {
    golden("2A9C", "fe0f c800 ea07 0b 14 07 1e 05 02 401f 9001 7017 e02e c82d f023 8813 983a 0807", {
      _tag: "BodyComposition",
      wireUnits: "si",
      multiplePackets: false,
      bodyFatPercent: 20,
      measuredAt,
      userId: 2,
      basalMetabolismKilojoules: 8000,
      musclePercent: 40,
      muscleMassKilograms: 30,
      fatFreeMassKilograms: 60,
      softLeanMassKilograms: 58.6,
      bodyWaterMassKilograms: 46,
      impedanceOhms: 500,
      weightKilograms: 75,
      heightMetres: 1.8,
    })
  })
})

describe("fitness machines", () => {
  test("2ACD: every field of a treadmill", () => {
    golden("2ACD", "fe1f a005 b004 e80300 0f00 ffff 6400 3200 7800 8200 2c01 5802 0a 96 55 3c00 7800 e7ff c800", {
      _tag: "Treadmill",
      moreData: false,
      speedMetresPerSecond: 4,
      averageSpeedMetresPerSecond: 1200 / 360,
      totalDistanceMetres: 1000,
      inclinationPercent: 1.5,
      rampAngleDegrees: -0.1,
      positiveElevationGainMetres: 10,
      negativeElevationGainMetres: 5,
      paceSecondsPer500Metres: 120,
      averagePaceSecondsPer500Metres: 130,
      totalEnergyKilocalories: 300,
      energyKilocaloriesPerHour: 600,
      energyKilocaloriesPerMinute: 10,
      heartRateBpm: 150,
      metabolicEquivalent: 8.5,
      elapsedSeconds: 60,
      remainingSeconds: 120,
      forceOnBeltNewtons: -25,
      powerWatts: 200,
    })
  })

  test("2ACD: what a machine cannot calculate is null", () => {
    golden("2ACD", "8810 0000 ff7f ff7f ffff ffff ff ff7f ff7f", {
      _tag: "Treadmill",
      moreData: false,
      speedMetresPerSecond: 0,
      inclinationPercent: null,
      rampAngleDegrees: null,
      totalEnergyKilocalories: null,
      energyKilocaloriesPerHour: null,
      energyKilocaloriesPerMinute: null,
      forceOnBeltNewtons: null,
      powerWatts: null,
    })
  })

  test("[bridge 37] 2ACD: a treadmill that sets reserved bit 13 and appends its steps keeps its known fields", () => {
    expect(parse("2ACD", bytes("8424 a005 640000 0c00 ffff ff 3c00 7b00 00"))).toEqual({
      _tag: "Treadmill",
      moreData: false,
      speedMetresPerSecond: 4,
      totalDistanceMetres: 100,
      totalEnergyKilocalories: 12,
      energyKilocaloriesPerHour: null,
      energyKilocaloriesPerMinute: null,
      elapsedSeconds: 60,
    })
  })

  test("2ACE: every field of a cross trainer, behind three bytes of flags", () => {
    golden(
      "2ACE",
      "feff00 a005 b004 e80300 6400 5a00 d204 0a00 0500 0f00 ffff 3200 c800 b400 2c01 5802 0a 96 55 3c00 7800",
      {
        _tag: "CrossTrainer",
        moreData: false,
        direction: "backward",
        speedMetresPerSecond: 4,
        averageSpeedMetresPerSecond: 1200 / 360,
        totalDistanceMetres: 1000,
        stepsPerMinute: 100,
        averageStepsPerMinute: 90,
        strideCount: 123.4,
        positiveElevationGainMetres: 10,
        negativeElevationGainMetres: 5,
        inclinationPercent: 1.5,
        rampAngleDegrees: -0.1,
        resistanceLevel: 5,
        powerWatts: 200,
        averagePowerWatts: 180,
        totalEnergyKilocalories: 300,
        energyKilocaloriesPerHour: 600,
        energyKilocaloriesPerMinute: 10,
        heartRateBpm: 150,
        metabolicEquivalent: 8.5,
        elapsedSeconds: 60,
        remainingSeconds: 120,
      },
    )
  })

  test("2AD1: every field of a rower", () => {
    golden("2AD1", "fe1f 37 6400 38 e80300 7800 7d00 c800 b400 0500 2c01 5802 0a 96 55 3c00 7800", {
      _tag: "Rower",
      moreData: false,
      strokesPerMinute: 27.5,
      strokeCount: 100,
      averageStrokesPerMinute: 28,
      totalDistanceMetres: 1000,
      paceSecondsPer500Metres: 120,
      averagePaceSecondsPer500Metres: 125,
      powerWatts: 200,
      averagePowerWatts: 180,
      resistanceLevel: 5,
      totalEnergyKilocalories: 300,
      energyKilocaloriesPerHour: 600,
      energyKilocaloriesPerMinute: 10,
      heartRateBpm: 150,
      metabolicEquivalent: 8.5,
      elapsedSeconds: 60,
      remainingSeconds: 120,
    })
  })

  test("2AD1: a packet that a rower sent, published by Huawei's developers, is read to its last byte", () => {
    golden("2AD1", "7e19002700d69c0000000061000000e4000d0000000024000000", {
      _tag: "Rower",
      moreData: false,
      strokesPerMinute: 0,
      strokeCount: 39,
      averageStrokesPerMinute: 107,
      totalDistanceMetres: 156,
      paceSecondsPer500Metres: 0,
      averagePaceSecondsPer500Metres: 97,
      powerWatts: 0,
      averagePowerWatts: 228,
      totalEnergyKilocalories: 13,
      energyKilocaloriesPerHour: 0,
      energyKilocaloriesPerMinute: 0,
      elapsedSeconds: 36,
      remainingSeconds: 0,
    })
  })

  test("2AD2: every field of an indoor bike", () => {
    golden("2AD2", "fe1f a005 b004 b500 b400 e80300 f6ff c800 b400 2c01 5802 0a 96 55 3c00 7800", {
      _tag: "IndoorBike",
      moreData: false,
      speedMetresPerSecond: 4,
      averageSpeedMetresPerSecond: 1200 / 360,
      cadenceRpm: 90.5,
      averageCadenceRpm: 90,
      totalDistanceMetres: 1000,
      resistanceLevel: -10,
      powerWatts: 200,
      averagePowerWatts: 180,
      totalEnergyKilocalories: 300,
      energyKilocaloriesPerHour: 600,
      energyKilocaloriesPerMinute: 10,
      heartRateBpm: 150,
      metabolicEquivalent: 8.5,
      elapsedSeconds: 60,
      remainingSeconds: 120,
    })
  })

  test("2AD2: a packet that a trainer sent (Zwift Hub) has a resistance of two bytes", () => {
    golden("2AD2", "fe02 990b c707 b200 7200 f70000 1400 4600 5d00 00", {
      _tag: "IndoorBike",
      moreData: false,
      speedMetresPerSecond: 2969 / 360,
      averageSpeedMetresPerSecond: 1991 / 360,
      cadenceRpm: 89,
      averageCadenceRpm: 57,
      totalDistanceMetres: 247,
      resistanceLevel: 20,
      powerWatts: 70,
      averagePowerWatts: 93,
      heartRateBpm: 0,
    })
  })

  test("More Data is inverted: while it is set the speed is absent", () => {
    golden("2AD2", "4100 c800", { _tag: "IndoorBike", moreData: true, powerWatts: 200 })
  })
})

describe("what the wire cannot say is refused by name", () => {
  const still = { _tag: "IndoorBike", moreData: false, speedMetresPerSecond: 0 } as const

  test.each([
    ["powerWatts", { ...still, powerWatts: 40_000 }],
    ["powerWatts", { ...still, powerWatts: Number.NaN }],
    ["totalDistanceMetres", { ...still, totalDistanceMetres: -1 }],
    ["energyKilocaloriesPerHour", { ...still, totalEnergyKilocalories: 5 }],
    [
      "energyKilocaloriesPerMinute",
      { ...still, totalEnergyKilocalories: 5, energyKilocaloriesPerHour: 5, energyKilocaloriesPerMinute: 255 },
    ],
    ["speedMetresPerSecond", { ...still, moreData: true }],
    ["speedMetresPerSecond", { _tag: "IndoorBike", moreData: false } as const],
  ])("%s in %o", (field, measurement) => {
    expect(() => encode("2AD2", measurement)).toThrow(new RegExp(field))
    expect(() => encode("2AD2", measurement)).toThrow(RangeError)
  })

  test("a battery above 100 percent, an empty list of intervals", () => {
    expect(() => encode("2A19", { _tag: "Battery", levelPercent: 101 })).toThrow(RangeError)
    const beat = { _tag: "HeartRate", contactDetected: true, contactSupported: true, heartRateBpm: 60 } as const
    expect(() => encode("2A37", { ...beat, rrIntervalsSeconds: [] })).toThrow(RangeError)
  })
})
