/** docs/telemetry.md is what others build their end from: here it is held to the code. */
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { describe, expect, test } from "vitest"
import * as Bundle from "./Bundle.ts"
import * as LiveFrame from "./LiveFrame.ts"
import { pack } from "./Msgpack.ts"
import { ALL_KINDS, SENSOR_KINDS } from "./SensorKind.ts"
import * as TelemetryFrame from "./TelemetryFrame.ts"

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
    const shown: Bundle.Bundle = [
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
    ]
    expect(Bundle.decode(example("bundle"))).toStrictEqual(shown)
    expect(Buffer.from(Bundle.encode(shown))).toEqual(Buffer.from(example("bundle")))
  })

  test("shows a frame as it is written", () => {
    expect(TelemetryFrame.decode(example("frame"))).toMatchObject({
      _tag: "Chunk",
      incarnation: "c0ffee",
      n: 300,
      crc: 0xcbf43926,
    })
  })

  test("lists every sensor kind, with its code, unit and resolution", () => {
    expect(rowsBetween("### Sensor kinds", "### Errors").map((row) => row.slice(1, 5))).toEqual(
      ALL_KINDS.map((kind) => {
        const { code, unit, resolution } = SENSOR_KINDS[kind]
        return [String(code), kind, unit, resolution.join("/")]
      }),
    )
  })

  test("numbers the frames as the code does", () => {
    /** A decoder that knows a type finds its fields missing; one that does not says so. */
    const knows = (decode: typeof TelemetryFrame.decode | typeof LiveFrame.decode, type: number): boolean => {
      const result = decode(pack([1, type]))
      return "reason" in result && result.reason === "malformed"
    }
    const types = Array.from({ length: 100 }, (_, type) => type)
    const listed = (from: string, to?: string) => rowsBetween(from, to).map((row) => Number(row[1]))
    expect(types.filter((type) => knows(TelemetryFrame.decode, type))).toEqual(
      listed("\n## Telemetry frames", "\n## Live frames"),
    )
    expect(types.filter((type) => knows(LiveFrame.decode, type))).toEqual(listed("\n## Live frames"))
  })
})
