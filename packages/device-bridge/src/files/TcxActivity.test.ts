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

const AT = Date.UTC(2026, 2, 1, 8, 0, 0)
const iso = (second: number): string => new Date(AT + 1000 * second).toISOString()

const trackpoint = (second: number, inner: string): string =>
  `<Trackpoint><Time>${iso(second)}</Time>${inner}</Trackpoint>`
const lap = (second: number, seconds: number, ...points: ReadonlyArray<string>): string =>
  `<Lap StartTime="${iso(second)}"><TotalTimeSeconds>${seconds}</TotalTimeSeconds><Track>${points.join("")}</Track></Lap>`
const activity = (sport: string, ...laps: ReadonlyArray<string>): string =>
  `<Activity Sport="${sport}"><Id>${iso(0)}</Id>${laps.join("")}<Creator><Name>Edge 530</Name></Creator></Activity>`
const tcx = (...inner: ReadonlyArray<string>): string =>
  `<TrainingCenterDatabase><Activities>${inner.join("")}</Activities></TrainingCenterDatabase>`

const extension = (inner: string): string =>
  `<Extensions><ns3:TPX xmlns:ns3="http://www.garmin.com/xmlschemas/ActivityExtension/v2">${inner}</ns3:TPX></Extensions>`

describe("a TCX activity", () => {
  test("indoors, without a position, is one like any other; white space before its declaration is overlooked", () => {
    const read = activityIn(
      `\n   <?xml version="1.0" encoding="UTF-8"?>\n${tcx(
        activity(
          "Biking",
          lap(
            0,
            60.5,
            trackpoint(0, "<HeartRateBpm><Value>0</Value></HeartRateBpm><Cadence>80</Cadence>"),
            trackpoint(
              1,
              `<DistanceMeters>8.609999656677246</DistanceMeters><HeartRateBpm xsi:type="x"><Value>143</Value></HeartRateBpm>${extension(
                "<ns3:Speed>8.61</ns3:Speed><ns3:Watts>219</ns3:Watts>",
              )}`,
            ),
          ),
        ),
      )}`,
    )
    expect(read).toMatchObject({
      format: "tcx",
      sport: "Biking",
      creator: "Edge 530",
      records: 2,
      sessions: [{ sport: "Biking", startedAtMs: AT, endedAtMs: AT + 1_000 }],
      laps: [{ startedAtMs: AT, endedAtMs: AT + 60_500 }],
      warnings: [],
    })
    expect(read.streams).toEqual([
      { kind: "heartRate", atMillis: [AT + 1_000], values: [143] },
      { kind: "speed", atMillis: [AT + 1_000], values: [8.61] },
      { kind: "power", atMillis: [AT + 1_000], values: [219] },
      { kind: "cadence", atMillis: [AT], values: [80] },
      { kind: "distance", atMillis: [AT + 1_000], values: [8.61] },
    ])
  })

  test("outdoors has positions, altitudes and a runner's cadence", () => {
    const position =
      "<Position><LatitudeDegrees>47.6</LatitudeDegrees><LongitudeDegrees>-8.5</LongitudeDegrees></Position>"
    const read = activityIn(
      tcx(
        activity(
          "Running",
          lap(
            0,
            1,
            trackpoint(
              0,
              `${position}<AltitudeMeters>500.2</AltitudeMeters>${extension("<ns3:RunCadence>88</ns3:RunCadence>")}`,
            ),
          ),
        ),
      ),
    )
    expect(read.streams.map(({ kind, values }) => [kind, ...values])).toEqual([
      ["latitude", 47.6],
      ["longitude", -8.5],
      ["cadence", 88],
      ["altitude", 500.2],
    ])
  })

  test("may be one of several, also of a multisport session", () => {
    const beat = (second: number) => lap(second, 1, trackpoint(second, "<Cadence>1</Cadence>"))
    const read = activityIn(
      tcx(
        `<MultiSportSession><Id>x</Id><FirstSport>${activity("Other", beat(0))}</FirstSport>
         <NextSport>${activity("Biking", beat(10))}</NextSport><NextSport>${activity("Running", beat(20))}</NextSport></MultiSportSession>`,
        activity("Other", beat(30)),
      ),
    )
    expect(read.sessions.map(({ sport }) => sport)).toEqual(["Other", "Biking", "Running", "Other"])
    expect(streamOf(read, "cadence")?.atMillis).toEqual([0, 10, 20, 30].map((s) => AT + 1000 * s))
  })

  test("a course is none", () => {
    const course = `<TrainingCenterDatabase><Courses><Course><Track>${trackpoint(0, "<Cadence>1</Cadence>")}</Track></Course></Courses></TrainingCenterDatabase>`
    expect(readActivity(utf8(course))).toMatchObject({
      reason: "no-data",
      message: expect.stringContaining("Courses and workouts are plans"),
    })
  })
})
