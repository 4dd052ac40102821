/** docs/telemetry.md is what others build their end from: here it is held to the code. */
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { describe, expect, test } from "vitest"
import * as Bundle from "./Bundle.ts"
import * as IntegerCode from "./IntegerCode.ts"
import * as IntegerColumn from "./IntegerColumn.ts"
import * as LiveFrame from "./LiveFrame.ts"
import { pack } from "./Msgpack.ts"
import { ALL_KINDS, SENSOR_KINDS } from "./SensorKind.ts"
import { denominatorOf } from "./ValueScale.ts"

const text = readFileSync(resolve(import.meta.dirname, "../../../../docs/telemetry.md"), "utf8")

/** The bytes of the fenced example with this name; what follows a # is for people. */
const example = (name: string): Uint8Array => {
  const block = text.split(`\`\`\`${name}\n`)[1]?.split("```")[0] ?? ""
  return Buffer.from(block.replaceAll(/#.*$/gm, "").replaceAll(/\s/g, ""), "hex")
}

/** The cells of all table rows from one heading to another, or to the end. */
const rowsBetween = (from: string, to?: string): ReadonlyArray<ReadonlyArray<string>> =>
  text
    .slice(text.indexOf(from), to === undefined ? undefined : text.indexOf(to))
    .split("\n")
    .filter((line) => /^\| \d/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")))

describe("docs/telemetry.md", () => {
  test("shows a bundle as it is written", () => {
    const everySecond = [0, 1, 2, 3, 4].map((second) => 1_700_000_000_000 + second * 1000)
    const shown: Bundle.Bundle = [
      { sensor: "strap-07", kind: "heartRate", atMillis: everySecond, values: [92, 93, 93, 92, 94] },
      {
        sensor: "strap-07",
        kind: "rrInterval",
        atMillis: [1_700_000_000_652, 1_700_000_001_296, 1_700_000_001_948],
        values: [0.652, 0.644, 0.652],
      },
      {
        sensor: "gps",
        kind: "latitude",
        atMillis: everySecond,
        values: [47.6062095, 47.6062741, 47.606339, 47.6064035, 47.6064683],
      },
      { sensor: "gps", kind: "speed", atMillis: everySecond, values: [7.2, 7.2, 7.2, 7.2, 7.2] },
      { sensor: "gps", kind: "altitude", atMillis: [Number.MAX_SAFE_INTEGER], values: [-0] },
      {
        sensor: "moxy",
        kind: "custom",
        name: "tHb",
        unit: "g/dL",
        atMillis: [1_700_000_000_010, 1_700_000_002_011],
        values: [12.25, 12.5],
      },
      { sensor: "strap-07", kind: "activity", atMillis: [], values: [] },
    ]
    expect(Bundle.decode(example("bundle"))).toStrictEqual(shown)
    expect(Buffer.from(Bundle.encode(shown))).toEqual(Buffer.from(example("bundle")))
  })

  test("shows a bundle of version 1 as it is read", () => {
    expect(Bundle.decode(example("bundle-1"))).toStrictEqual([
      {
        sensor: "strap-07",
        kind: "heartRate",
        atMillis: [1_700_000_000_000, 1_700_000_001_000, 1_700_000_002_000, 1_700_000_001_500],
        values: [92, 93, 93, 90],
      },
      { sensor: "strap-07", kind: "rrInterval", atMillis: [1_700_000_000_652], values: [0.652] },
      { sensor: "gps", kind: "latitude", atMillis: [1_700_000_000_000], values: [(567_890_123 * 45) / 2 ** 29] },
      { sensor: "gps", kind: "speed", atMillis: [Number.MAX_SAFE_INTEGER], values: [-0] },
      { sensor: "strap-07", kind: "activity", atMillis: [], values: [] },
    ])
  })

  test("numbers predictions, codes and scales as the code does, and knows its bounds", () => {
    const numbered = (from: string, to: string) => rowsBetween(from, to).map((row) => [Number(row[1]), row[2]])
    expect(numbered("### Predictions", "### Codes")).toEqual([
      [IntegerColumn.OFFSET, "offset"],
      [IntegerColumn.DELTA, "delta"],
      [IntegerColumn.DELTA_OF_DELTA, "delta of delta"],
      [IntegerColumn.LINE, "line"],
      [IntegerColumn.TIME_STEPS, "time steps"],
      [IntegerColumn.FLOATS, "float64"],
    ])
    expect(numbered("### Codes", "### Float64")).toEqual([
      [IntegerCode.ZERO, "zero"],
      [IntegerCode.VARINT, "varint"],
      [IntegerCode.PACKED, "packed"],
      [IntegerCode.RUNS, "runs"],
      [IntegerCode.RICE, "Rice"],
    ])
    expect(rowsBetween("### Scales", "### Sensor kinds").map((row) => row[1])).toEqual(["0 to 22", "32 to 84"])
    expect(Array.from({ length: 256 }, (_, i) => i).filter((i) => denominatorOf(i) !== undefined)).toEqual(
      Array.from({ length: 85 }, (_, i) => i).filter((i) => i <= 22 || i >= 32),
    )
    expect(text).toContain(`at most ${Bundle.MAX_SAMPLES.toLocaleString("en")} samples`)
    expect(text).toContain(`in blocks of ${IntegerCode.PACKED_BLOCK}`)
    expect(text).toContain(`Where q is ${IntegerCode.RICE_ESCAPE} or more`)
    expect(text).toContain(`up to ${IntegerCode.MAX_RICE_PARAMETER} (code 31)`)
  })

  test("lists every sensor kind, with its code, unit and resolution", () => {
    expect(rowsBetween("### Sensor kinds", "### Custom streams").map((row) => row.slice(1, 5))).toEqual(
      ALL_KINDS.map((kind) => {
        const { code, unit, resolution } = SENSOR_KINDS[kind]
        return [String(code), kind, unit, resolution.join("/")]
      }),
    )
  })

  test("numbers the live frames as the code does", () => {
    /** A decoder that knows a type finds its fields missing; one that does not says so. */
    const knows = (type: number): boolean => {
      const result = LiveFrame.decode(pack([1, type]))
      return "reason" in result && result.reason === "malformed"
    }
    const types = Array.from({ length: 100 }, (_, type) => type)
    expect(types.filter(knows)).toEqual(rowsBetween("\n## Live frames").map((row) => Number(row[1])))
  })
})
