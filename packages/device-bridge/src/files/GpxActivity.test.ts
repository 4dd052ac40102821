import { describe, expect, test } from "vitest"
import type { Activity } from "./Activity.ts"
import { readActivity } from "./ReadActivity.ts"
import { streamOf } from "./Recording.ts"

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

const activityIn = (text: string): Activity => {
  const activity = readActivity(utf8(text))
  if ("_tag" in activity) throw new Error(activity.message)
  return activity
}

const point = (inner: string, at = "lat='47.6' lon='8.5'"): string => `<trkpt ${at}>${inner}</trkpt>`
const gpx = (...points: ReadonlyArray<string>): string =>
  `<gpx version='1.1' creator='Test &amp; Co'><trk><type>running</type><trkseg>${points.join("")}</trkseg></trk></gpx>`

const AT = Date.UTC(2026, 2, 1, 8, 0, 0)

describe("a GPX point", () => {
  test("gives what Garmin's extension says, whatever prefix it has", () => {
    const activity = activityIn(
      gpx(
        point(`<ele>237.601</ele><time>2026-03-01T08:00:00.250Z</time><extensions><power>219</power>
          <gpxtpx:TrackPointExtension xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v2">
            <gpxtpx:atemp>19.5</gpxtpx:atemp><gpxtpx:hr>143</gpxtpx:hr><gpxtpx:cad>84</gpxtpx:cad>
            <gpxtpx:speed>4.759</gpxtpx:speed>
          </gpxtpx:TrackPointExtension></extensions>`),
      ),
    )
    expect(activity).toMatchObject({
      format: "gpx",
      sport: "running",
      creator: "Test & Co",
      records: 1,
      recordsWithoutTime: 0,
      sessions: [{ sport: "running", startedAtMs: AT + 250, endedAtMs: AT + 250 }],
      custom: [{ name: "temperature", unit: "°C", atMillis: [AT + 250], values: [19.5] }],
      warnings: [],
    })
    const one = (kind: Activity["streams"][number]["kind"], value: number) => ({
      kind,
      atMillis: [AT + 250],
      values: [value],
    })
    expect(activity.streams).toEqual([
      one("heartRate", 143),
      one("latitude", 47.6),
      one("longitude", 8.5),
      one("speed", 4.759),
      one("power", 219),
      one("cadence", 84),
      one("altitude", 237.601),
    ])
  })

  test.each([
    ["<extensions><power>250</power></extensions>"],
    ["<extensions><pwr:PowerInWatts xmlns:pwr='p'>250</pwr:PowerInWatts></extensions>"],
    ["<extensions><g:TrackPointExtension><g:power>250</g:power></g:TrackPointExtension></extensions>"],
  ])("gives power also as %s", (extensions) => {
    const activity = activityIn(gpx(point(`<time>2026-03-01T08:00:00Z</time>${extensions}`)))
    expect(streamOf(activity, "power")?.values).toEqual([250])
  })

  test.each([
    ["2026-03-01T08:00:00Z", AT],
    ["2026-03-01T08:00:00", AT],
    ["2026-03-01T10:00:00+02:00", AT],
    ["2026-03-01T03:30:00-0430", AT],
    ["2026-03-01T08:00:00.9996Z", AT + 1000],
    ["2026-03-01T08:00:00,5Z", AT + 500],
  ])("takes the time %s for what it is, in any zone of this computer", (time, atMs) => {
    expect(activityIn(gpx(point(`<time>${time}</time>`))).startedAtMs).toBe(atMs)
  })

  test.each(["yesterday", "2026-13-01T08:00:00Z", "2026-03-01", ""])("has no time when it says %j", (time) => {
    expect(readActivity(utf8(gpx(point(`<time>${time}</time>`))))).toMatchObject({
      _tag: "FileUnreadable",
      reason: "no-data",
      message: expect.stringContaining("None of the 1 points in the file carries a time"),
    })
  })

  test("outside of the world has no position, and what is no number was not measured", () => {
    const activity = activityIn(
      gpx(
        point("<time>2026-03-01T08:00:00Z</time><ele>NaN</ele>", "lat='91' lon='8'"),
        point("<time>2026-03-01T08:00:01Z</time><ele>0x10</ele>", "lat='47,6' lon='8'"),
        point("<time>2026-03-01T08:00:02Z</time><ele>12</ele>", "lat='-47.6' lon='-.5'"),
      ),
    )
    expect(streamOf(activity, "latitude")?.values).toEqual([-47.6])
    expect(streamOf(activity, "longitude")?.values).toEqual([-0.5])
    expect(streamOf(activity, "altitude")?.values).toEqual([12])
  })

  test("loses the noise of a float32 written out, and no digit of a fine latitude", () => {
    const time = "<time>2026-03-01T08:00:00Z</time>"
    const fine = "lat='46.07987117953598499298095703125' lon='14.7386186756193637847900390625'"
    const activity = activityIn(gpx(point(`<ele>230.600006103515625</ele>${time}`, fine)))
    expect(streamOf(activity, "altitude")?.values).toEqual([230.6])
    expect(streamOf(activity, "latitude")?.values).toEqual([46.079871179535985])
  })
})

describe("the tracks of a GPX file", () => {
  test("are its sessions, in order of time; points without a time are counted and left out", () => {
    const track = (type: string, ...seconds: ReadonlyArray<number>) =>
      `<trk><type>${type}</type><trkseg/><trkseg>${seconds
        .map((s) => point(`<time>${new Date(AT + 1000 * s).toISOString()}</time>`))
        .join("")}${point("")}</trkseg></trk>`
    const activity = activityIn(`<gpx>${track("run", 100, 101)}${track("swim", 1, 2)}${track("plan")}</gpx>`)
    expect(activity).toMatchObject({
      sport: "swim",
      creator: null,
      records: 7,
      recordsWithoutTime: 3,
      sessions: [
        { sport: "swim", startedAtMs: AT + 1_000, endedAtMs: AT + 2_000 },
        { sport: "run", startedAtMs: AT + 100_000, endedAtMs: AT + 101_000 },
      ],
      warnings: ["Points without a time were left out: 3 of 7."],
    })
    expect(streamOf(activity, "latitude")?.atMillis).toEqual([1, 2, 100, 101].map((s) => AT + 1000 * s))
  })

  test("may be none", () => {
    expect(readActivity(utf8("<gpx><wpt lat='1' lon='2'/><rte><rtept lat='1' lon='2'/></rte></gpx>"))).toMatchObject({
      reason: "no-data",
      message: expect.stringContaining("Waypoints and routes"),
    })
  })
})
