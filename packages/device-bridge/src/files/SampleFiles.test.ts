/**
 * Every real file beside the repository, against somebody who knows: FIT against Garmin's own decoder, read apart from
 * ours and with its standard options; GPX and TCX against the number of points that stand in their text.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { Decoder, type RecordMesg, Stream } from "@garmin/fitsdk"
import { describe, expect, test } from "vitest"
import type { Activity } from "./Activity.ts"
import { readActivity } from "./ReadActivity.ts"
import { streamOf } from "./Recording.ts"

const folder = process.env["PACELINE_SAMPLES"] ?? resolve(import.meta.dirname, "../../../../../shared/samples")
const present = existsSync(join(folder, "fit"))

test("the real files are there when CI runs", () => {
  expect(present || !process.env["CI"], `CI is set, but ${folder} has no real files`).toBe(true)
})

const namesIn = (kind: string): ReadonlyArray<string> => (present ? readdirSync(join(folder, kind)).toSorted() : [])

const read = (path: string): Activity => {
  const activity = readActivity(readFileSync(join(folder, path)))
  if ("_tag" in activity) throw new Error(activity.message)
  return activity
}

/** What Garmin's decoder gives a field, by time, in the order of time. */
const garmin = (records: ReadonlyArray<RecordMesg>, value: (record: RecordMesg) => unknown) =>
  records
    .flatMap((record) => {
      const is = value(record)
      return record.timestamp instanceof Date && typeof is === "number"
        ? [[record.timestamp.getTime(), is] as const]
        : []
    })
    .toSorted(([a], [b]) => a - b)

const SEMICIRCLE = 180 / 2 ** 31
const both = (record: RecordMesg): boolean =>
  typeof record.positionLat === "number" && typeof record.positionLong === "number"

const FIELDS = {
  heartRate: (record) => (record.heartRate === 0 ? undefined : record.heartRate),
  latitude: (record) => (both(record) ? Number(record.positionLat) * SEMICIRCLE : undefined),
  longitude: (record) => (both(record) ? Number(record.positionLong) * SEMICIRCLE : undefined),
  speed: (record) => record.enhancedSpeed ?? record.speed,
  power: (record) => record.power,
  cadence: (record) => (record.cadence === undefined ? undefined : record.cadence + (record.fractionalCadence ?? 0)),
  altitude: (record) => record.enhancedAltitude ?? record.altitude,
  distance: (record) => record.distance,
} as const satisfies Record<string, (record: RecordMesg) => unknown>

type Field = keyof typeof FIELDS
const isField = (name: string): name is Field => Object.hasOwn(FIELDS, name)

if (present) {
  describe("each FIT file is read as Garmin's decoder reads it", () => {
    test.each(namesIn("fit"))("%s: as many records, and every field of each at its time", (name) => {
      const { messages, errors } = new Decoder(Stream.fromBuffer(readFileSync(join(folder, "fit", name)))).read()
      expect(errors).toEqual([])
      const records = messages.recordMesgs ?? []
      const activity = read(`fit/${name}`)
      expect(activity).toMatchObject({ records: records.length, recordsWithoutTime: 0 })
      expect(activity.sessions).toHaveLength(messages.sessionMesgs?.length ?? 0)
      expect(activity.laps).toHaveLength(messages.lapMesgs?.length ?? 0)
      for (const field of Object.keys(FIELDS).filter(isField)) {
        const theirs = garmin(records, FIELDS[field])
        const stream = streamOf(activity, field)
        expect(stream?.atMillis ?? []).toEqual(theirs.map(([at]) => at))
        // Ours are brought to the resolution of the field, which takes the SDK's rounding error of 1e-12 away.
        const furthest = theirs.reduce(
          (most, [, is], i) => Math.max(most, Math.abs(is - (stream?.values[i] ?? Number.NaN))),
          0,
        )
        expect(furthest).toBeLessThan(1e-6)
      }
      const intervals = (messages.hrvMesgs ?? []).flatMap(({ time }) =>
        (Array.isArray(time) ? time : [time]).filter((seconds) => typeof seconds === "number" && seconds > 0),
      )
      expect(streamOf(activity, "rrInterval")?.values ?? []).toEqual(intervals)
      expect(activity.custom.find((stream) => stream.name === "temperature")?.values ?? []).toEqual(
        garmin(records, ({ temperature }) => temperature).map(([, is]) => is),
      )
    })

    test.each(namesIn("fit-invalid"))("%s: refused, as by Garmin's check of the integrity of its parts", (name) => {
      const bytes = readFileSync(join(folder, "fit-invalid", name))
      const { errors } = new Decoder(Stream.fromBuffer(bytes)).read()
      expect(errors).not.toEqual([])
      expect(readActivity(bytes)).toMatchObject({
        _tag: "FileUnreadable",
        reason: expect.stringMatching(/^(damaged|cut-short)$/),
        message: expect.stringContaining("nothing was read"),
      })
    })
  })

  describe("each point of a GPX or TCX file is read", () => {
    const count = (text: string, tag: RegExp): number => text.match(tag)?.length ?? 0

    test.each(namesIn("gpx").filter((name) => name !== "unicode_with_bom.gpx"))("%s", (name) => {
      const text = readFileSync(join(folder, "gpx", name), "utf8")
      const points = text.match(/<trkpt\b[^>]*?(?:\/>|>[\s\S]*?<\/trkpt>)/g) ?? []
      const timed = points.filter((point) => point.includes("<time>"))
      const activity = read(`gpx/${name}`)
      expect(activity.records).toBe(points.length)
      expect(activity.recordsWithoutTime).toBe(points.length - timed.length)
      expect(streamOf(activity, "latitude")?.values.length).toBe(timed.length)
      expect(streamOf(activity, "altitude")?.values.length ?? 0).toBe(
        timed.filter((point) => point.includes("<ele>")).length,
      )
      expect(streamOf(activity, "heartRate")?.values.length ?? 0).toBe(count(text, /<ns3:hr>/g))
      expect(points.length).toBeGreaterThan(0)
    })

    test("unicode_with_bom.gpx: it has a place, but no track", () => {
      expect(readActivity(readFileSync(join(folder, "gpx", "unicode_with_bom.gpx")))).toMatchObject({
        reason: "no-data",
      })
    })

    test.each(namesIn("tcx"))("%s", (name) => {
      const text = readFileSync(join(folder, "tcx", name), "utf8")
      const activity = read(`tcx/${name}`)
      expect(activity).toMatchObject({ records: count(text, /<Trackpoint>/g), recordsWithoutTime: 0 })
      expect(activity.laps).toHaveLength(count(text, /<Lap /g))
      const inPoints = (text.match(/<Trackpoint>[\s\S]*?<\/Trackpoint>/g) ?? []).join("")
      const values = (kind: Activity["streams"][number]["kind"]) => streamOf(activity, kind)?.values.length ?? 0
      expect(values("latitude")).toBe(count(inPoints, /<LatitudeDegrees>/g))
      expect(values("distance")).toBe(count(inPoints, /<DistanceMeters>/g))
      expect(values("heartRate")).toBe(count(inPoints, /<HeartRateBpm>/g))
      expect(values("speed")).toBe(count(inPoints, /<ns3:Speed>/g))
      expect(activity.streams.length).toBeGreaterThan(1)
    })
  })
}
