import { SeriesAnswer, type SeriesBuckets, type SeriesList, type SeriesSamples } from "@paceline/core/contract"
import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { createClient, UnexpectedAnswer } from "./index.ts"

/** What a server answers, as its own contract has it. */
const encoded = (answer: SeriesAnswer): unknown => Schema.encodeSync(SeriesAnswer)(answer)
const decoded = (json: unknown): SeriesAnswer => Schema.decodeUnknownSync(SeriesAnswer)(json)

const source = { deviceId: "bridge-1", deviceName: "Studio", sensor: "strap-01", source: "strap", unit: "bpm" }
const range = {
  athleteId: "anna",
  kind: "heartRate",
  fromMs: 0,
  toMs: 60_000,
  sources: [source],
  gaps: [],
  computing: false,
}
const columns = { source: 0, unit: "bpm", atMs: [0], samples: [2], min: [100], max: [102], mean: [101] }
const run = {
  ...{ source: 0, incarnation: "run-1", n: 1, receivedAtMs: 5, arrival: "live", codec: 2, clock: "ok" },
  ...{ atMs: [0, 1], values: [100, null] },
}

const answers = {
  list: decoded({ _tag: "List", athleteId: "anna", series: [], computing: false }),
  buckets: decoded({ _tag: "Buckets", ...range, resolution: "1min", series: [columns] }),
  samples: decoded({ _tag: "Samples", ...range, resolution: "raw", runs: [run], next: "abc" }),
}

/** A client whose server always answers this, and the addresses that it asked for. */
const answering = (body: unknown) => {
  const asked: Array<string> = []
  const client = createClient({
    url: "http://gym.example/paceline",
    key: "pl_key",
    fetch: async (url) => {
      asked.push(url)
      return Response.json(body)
    },
  })
  return { series: client.series("anna"), asked }
}

describe("client.series", () => {
  it("asks for the list, for buckets and for samples, and gives what the server answers", async () => {
    const list: SeriesList = await answering(encoded(answers.list)).series.list()
    expect(list).toEqual(answers.list)

    const { asked, series } = answering(encoded(answers.buckets))
    const buckets: SeriesBuckets = await series.buckets({
      kind: "custom:tHb",
      from: 0,
      to: 9,
      resolution: "1min",
      source: "best",
    })
    expect(buckets).toEqual(answers.buckets)
    expect(asked).toEqual([
      "http://gym.example/paceline/v1/athletes/anna/series?kind=custom%3AtHb&from=0&to=9&resolution=1min&source=best",
    ])

    const page = answering(encoded(answers.samples))
    const samples: SeriesSamples = await page.series.samples({ kind: "heartRate", limit: 2, after: "abc" })
    expect(samples).toEqual(answers.samples)
    expect(page.asked[0]).toMatch(/\?kind=heartRate&limit=2&after=abc&resolution=raw$/)
  })

  it("refuses columns that do not belong together", async () => {
    for (const broken of [
      { ...columns, mean: [] },
      { ...columns, samples: undefined },
      { ...columns, min: ["100"] },
    ]) {
      const { series } = answering({ _tag: "Buckets", ...range, resolution: "1min", series: [broken] })
      await expect(series.buckets({ kind: "heartRate" })).rejects.toBeInstanceOf(UnexpectedAnswer)
    }
    const { series } = answering({
      _tag: "Samples",
      ...range,
      resolution: "raw",
      runs: [{ ...run, values: [1] }],
      next: null,
    })
    await expect(series.samples({ kind: "heartRate" })).rejects.toBeInstanceOf(UnexpectedAnswer)
    await expect(answering(encoded(answers.samples)).series.list()).rejects.toBeInstanceOf(UnexpectedAnswer)
  })
})
