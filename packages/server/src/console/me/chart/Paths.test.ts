import { expect, it } from "vitest"
import { bandPath, dotPath, meanPath, scales, zoneBands } from "./Paths.ts"
import type { TracePoint } from "./Trace.ts"

const frame = { left: 40, top: 10, width: 100, height: 80 }
const ranges = { fromMs: 1_000, toMs: 11_000, lowBpm: 100, highBpm: 180 }
const scale = scales(frame, ranges)

const point = (seconds: number, bpm: number): TracePoint => ({
  atMs: 1_000 + seconds * 1_000,
  samples: 1,
  min: bpm - 10,
  mean: bpm,
  max: bpm + 10,
})

it("the scales fill the frame, time from the left and beats from below, and lead back", () => {
  expect([scale.x(1_000), scale.x(11_000)]).toEqual([40, 140])
  expect([scale.y(100), scale.y(180)]).toEqual([90, 10])
  expect([40, 90, 140].map(scale.timeAt)).toEqual([1_000, 6_000, 11_000])
  // Beside the frame it is the nearest that is in it.
  expect([0, 500].map(scale.timeAt)).toEqual([1_000, 11_000])
})

it("the line is lifted over a hole, and a single point is a dot", () => {
  const trace = [[point(0, 140), point(1, 150)], [point(5, 120)]]
  expect([meanPath(trace, scale), dotPath(trace, scale)]).toEqual(["M40 50L50 40", "M90 70h0"])
})

it("the band goes there by the greatest, and back by the least", () => {
  expect(bandPath([[point(0, 140), point(1, 150)], [point(5, 120)]], scale)).toBe("M40 40L50 30L50 50L40 60Z")
})

it("nothing is drawn of nothing", () => {
  expect([meanPath([], scale), dotPath([], scale), bandPath([], scale)]).toEqual(["", "", ""])
})

it("zones are cut to what the picture shows, and meet", () => {
  const bands = zoneBands([95, 114, 133, 152, 171], ranges, scale.y)
  expect(bands.map(({ zone }) => zone)).toEqual([1, 2, 3, 4, 5])
  expect(bands[0]).toEqual({ zone: 1, top: scale.y(114), height: 14 })
  expect(bands[4]).toEqual({ zone: 5, top: 10, height: 9 })
  for (const [i, band] of bands.slice(1).entries()) expect(band.top + band.height).toBeCloseTo(bands[i]!.top)
  expect(zoneBands([200, 210, 220, 230, 240], ranges, scale.y)).toEqual([])
  // Below zone 1 there is no zone.
  expect(zoneBands([120, 130, 140, 150, 160], ranges, scale.y)[0]).toMatchObject({ zone: 1, height: 10 })
})
