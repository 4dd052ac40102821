/** Streams that no profile covers, from the call to the server and through a restart. */

import { Bundle } from "@paceline/core/wire"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { open, serve, server } from "../../test/Delivering.ts"
import { type Bridge, type StreamOptions, StreamRefused } from "../index.ts"

const blocks = (): Array<Bundle.Block> =>
  server.stored.flatMap(({ payload }) => {
    const bundle = Bundle.decode(payload)
    if ("_tag" in bundle) throw new Error(bundle.detail)
    return bundle
  })

describe("a custom stream", () => {
  test("its name, its unit and its values arrive, to the bit, in the order recorded", async () => {
    serve()
    const bridge = open()
    const skin = bridge.stream({ kind: "skinTemperature", unit: "°C", hz: 4, sensor: "patch-1" })
    const oxygen = bridge.stream({ kind: "muscleOxygen", unit: "%" })
    const values = [33.4, -0, 0.1 + 0.2, Number.NaN, Number.NEGATIVE_INFINITY, 5e-324, Number.MAX_VALUE]
    for (const [i, value] of values.entries()) expect(skin.record(1_000 + i, value)).toBe(true)
    expect(oxygen.record(1_000, 61.5)).toBe(true)
    bridge.record("patch-1", "heartRate", 1_000, 60)
    await bridge.drained()
    expect(blocks()).toStrictEqual([
      {
        sensor: "patch-1",
        kind: "custom",
        name: "skinTemperature",
        unit: "°C",
        atMillis: values.map((_, i) => 1_000 + i),
        values,
      },
      { sensor: "muscleOxygen", kind: "custom", name: "muscleOxygen", unit: "%", atMillis: [1_000], values: [61.5] },
      { sensor: "patch-1", kind: "heartRate", atMillis: [1_000], values: [60] },
    ])
    expect(bridge.status()).toMatchObject({ recordedSamples: 9, droppedSamples: 0 })
  })

  test("what waits when the bridge closes is delivered by the next, with its name and unit", async () => {
    serve()
    const before = open({ url: "ws://127.0.0.1:9" })
    before.stream({ kind: "tHb", unit: "g/dL" }).record(5, 12.25)
    await before.close()
    const after = open()
    after.stream({ kind: "tHb", unit: "g/dL" }).record(6, 12.5)
    await after.drained()
    expect(blocks()).toMatchObject([
      { kind: "custom", name: "tHb", unit: "g/dL", atMillis: [5], values: [12.25] },
      { kind: "custom", name: "tHb", unit: "g/dL", atMillis: [6], values: [12.5] },
    ])
  })

  test("samples of one packet are spaced by the rate, each time rounded by itself", async () => {
    serve()
    const bridge = open()
    expect(bridge.stream({ kind: "ecg", unit: "mV", hz: 130 }).recordAll(1_000, new Float32Array(131))).toBe(131)
    await bridge.drained()
    const [block] = blocks()
    expect(block?.atMillis.slice(0, 4)).toEqual([1_000, 1_008, 1_015, 1_023])
    expect(block?.atMillis.at(-1)).toBe(2_000)
  })

  test("two streams of one sensor that differ in the unit only are two", async () => {
    serve()
    const bridge = open()
    bridge.stream({ kind: "temperature", unit: "°C", sensor: "t" }).record(1, 20)
    bridge.stream({ kind: "temperature", unit: "K", sensor: "t" }).record(1, 293)
    await bridge.drained()
    expect(blocks()).toMatchObject([
      { unit: "°C", values: [20] },
      { unit: "K", values: [293] },
    ])
  })

  test("a kind that every side knows is that kind", async () => {
    serve()
    const bridge = open()
    bridge.stream({ kind: "accelerationX", unit: "g", hz: 50, sensor: "pod" }).recordAll(0, [1, 2])
    await bridge.drained()
    expect(blocks()).toEqual([{ sensor: "pod", kind: "accelerationX", atMillis: [0, 20], values: [1, 2] }])
  })
})

describe("a stream that cannot be", () => {
  const refusal = (bridge: Bridge, options: StreamOptions): unknown => {
    try {
      bridge.stream(options)
    } catch (thrown) {
      return thrown
    }
    throw new Error("it was taken")
  }

  test.each<readonly [string, StreamOptions, StreamRefused["field"]]>([
    ["no kind", { kind: "", unit: "%" }, "kind"],
    ["a kind with a space", { kind: "muscle oxygen", unit: "%" }, "kind"],
    ["a kind of 65 characters", { kind: "x".repeat(65), unit: "%" }, "kind"],
    ["the name of all custom streams", { kind: "custom", unit: "%" }, "kind"],
    ["a mark as a number", { kind: "activity", unit: "%" }, "kind"],
    ["no unit", { kind: "tHb", unit: "" }, "unit"],
    ["a unit with a line break", { kind: "tHb", unit: "g\n" }, "unit"],
    ["a unit with half a surrogate pair", { kind: "tHb", unit: "\ud800" }, "unit"],
    ["a unit of 17 characters", { kind: "tHb", unit: "x".repeat(17) }, "unit"],
    ["a known kind in another unit", { kind: "speed", unit: "km/h" }, "unit"],
    ["a rate of nothing", { kind: "tHb", unit: "%", hz: 0 }, "hz"],
    ["a rate that is none", { kind: "tHb", unit: "%", hz: Number.NaN }, "hz"],
    ["a rate beyond a sample a millisecond", { kind: "tHb", unit: "%", hz: 1_001 }, "hz"],
    ["a sensor with a line break", { kind: "tHb", unit: "%", sensor: "a\nb" }, "sensor"],
  ])("%s", (_, options, field) => {
    serve()
    expect(refusal(open(), options)).toMatchObject({ _tag: "StreamRefused", field })
  })

  test("recordAll without a rate says so", () => {
    serve()
    expect(() => open().stream({ kind: "tHb", unit: "%" }).recordAll(0, [1])).toThrow(StreamRefused)
  })

  test("whatever a maker calls it, a stream is refused or comes back as it was named", async () => {
    serve()
    const bridge = open()
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }), async (kind, unit) => {
        server.stored.length = 0
        try {
          bridge.stream({ kind: `k${kind}`, unit, sensor: "s" }).record(1, 1)
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(StreamRefused)
          return
        }
        await bridge.drained()
        expect(blocks()).toMatchObject([{ kind: "custom", name: `k${kind}`, unit }])
      }),
      { seed: 20_261_120, numRuns: 60 },
    )
  })
})
