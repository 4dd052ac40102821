import { describe, expect, test } from "vitest"
import { ALL_KINDS, isSensorKind, kindOfCode, SENSOR_KINDS } from "./SensorKind.ts"

describe("a sensor kind", () => {
  test("is found by its number on the wire, and no two share one", () => {
    for (const kind of ALL_KINDS) expect(kindOfCode(SENSOR_KINDS[kind].code)).toBe(kind)
    expect(new Set(ALL_KINDS.map((kind) => SENSOR_KINDS[kind].code)).size).toBe(ALL_KINDS.length)
    expect(kindOfCode(0)).toBeUndefined()
  })

  test("keeps its number and resolution for ever: stored chunks depend on them", () => {
    expect(ALL_KINDS.map((kind) => [kind, SENSOR_KINDS[kind].code, ...SENSOR_KINDS[kind].resolution])).toEqual([
      ["heartRate", 1, 1, 1],
      ["rrInterval", 2, 1, 1000],
      ["latitude", 3, 45, 2 ** 29],
      ["longitude", 4, 45, 2 ** 29],
      ["speed", 5, 1, 1000],
      ["power", 6, 1, 1],
      ["cadence", 7, 1, 128],
      ["altitude", 8, 1, 5],
      ["distance", 9, 1, 100],
      ["accelerationX", 10, 1, 1000],
      ["accelerationY", 11, 1, 1000],
      ["accelerationZ", 12, 1, 1000],
      ["steps", 13, 1, 1],
      ["activity", 100, 1, 1],
    ])
  })

  test("is told apart from any other name, also from what every object has", () => {
    expect(isSensorKind("heartRate")).toBe(true)
    expect(isSensorKind("toString")).toBe(false)
  })
})
