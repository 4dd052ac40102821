/**
 * Real files that other people's devices wrote. They lie beside the repository, not in it: in the folder that
 * PACELINE_SAMPLES names, or in ../shared/samples. A plain clone has none and its run says so; CI must have them.
 */
import { existsSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { Decoder, Stream } from "@garmin/fitsdk"
import { Bundle } from "@paceline/core/wire"
import { describe, expect, test } from "vitest"
import { type FitActivity, readFitActivity } from "./FitActivity.ts"
import { streamOf } from "./Recording.ts"

const folder = process.env["PACELINE_SAMPLES"] ?? resolve(import.meta.dirname, "../../../../../shared/samples")
const present = existsSync(join(folder, "fit"))

if (!present) console.warn(`Real FIT files are not tested here: there is no folder ${folder} (see PACELINE_SAMPLES).`)

test("the real files are there when CI runs", () => {
  expect(present || !process.env["CI"], `CI is set, but ${folder} has no real FIT files`).toBe(true)
})

const bytesOf = (name: string): Uint8Array => readFileSync(join(folder, name))

const read = (name: string): FitActivity => {
  const activity = readFitActivity(bytesOf(name))
  if ("_tag" in activity) throw new Error(activity.message)
  return activity
}

/** What the device itself wrote as the summary of its sessions. */
const sessionsOf = (name: string) => new Decoder(Stream.fromByteArray(bytesOf(name))).read().messages.sessionMesgs ?? []

const counts = (activity: FitActivity): Record<string, number> =>
  Object.fromEntries(activity.streams.map(({ kind, values }) => [kind, values.length]))

/** The values of a stream that lie in [fromMs, toMs). */
const within = (activity: FitActivity, kind: "heartRate" | "rrInterval", fromMs: number, toMs: number) => {
  const stream = streamOf(activity, kind)
  return (stream?.values ?? []).filter((_, i) => {
    const atMs = stream?.atMillis[i] ?? 0
    return atMs >= fromMs && atMs < toMs
  })
}

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

if (present) {
  describe("real recordings", () => {
    test.each([
      ["elemnt-ride-gps-power.fit", 1, 1, 13_471, { heartRate: 13_402, latitude: 13_348, power: 13_346 }],
      ["fr935-run.fit", 7, 1, 7_515, { heartRate: 7_483, distance: 7_515 }],
      ["fenix2-multisport.fit", 1, 7, 24_239, { heartRate: 24_227, longitude: 24_235, speed: 24_226 }],
      ["fenix2-run.fit", 1, 1, 2_809, { heartRate: 2_808, latitude: 2_809, cadence: 2_809 }],
      ["indoor-trainer.fit", 1, 1, 2_263, { heartRate: 2_263, power: 2_222, altitude: 2_263 }],
      ["coros-pace2-ride.fit", 1, 1, 11_272, { heartRate: 8_946, latitude: 10_305, distance: 11_272 }],
      ["hrv-activity.fit", 1, 1, 1_072, { heartRate: 1_072, rrInterval: 2_705, power: 1_071 }],
    ])("%s: all of its %d parts, %d sessions and %d records", (name, parts, sessions, records, streams) => {
      const activity = read(`fit/${name}`)
      expect(activity).toMatchObject({ parts, records, recordsWithoutTime: 0, warnings: [] })
      expect(activity.sessions).toHaveLength(sessions)
      expect(counts(activity)).toMatchObject(streams)
    })

    test("an indoor ride has no position", () => {
      expect(streamOf(read("fit/indoor-trainer.fit"), "latitude")).toBeUndefined()
    })

    test.each([
      ["elemnt-ride-gps-power.fit", ["heartRate"]],
      ["indoor-trainer.fit", ["heartRate", "power"]],
      ["hrv-activity.fit", ["heartRate", "power"]],
    ] as const)("%s: the greatest %j are those in the summary that the device itself wrote", (name, kinds) => {
      const activity = read(`fit/${name}`)
      const [session] = sessionsOf(`fit/${name}`)
      const summary = { heartRate: session?.maxHeartRate, power: session?.maxPower }
      for (const kind of kinds) expect(Math.max(...(streamOf(activity, kind)?.values ?? []))).toBe(summary[kind])
    })

    test.each(["fenix2-multisport.fit", "elemnt-ride-gps-power.fit", "hrv-activity.fit", "fr935-run.fit"])(
      "%s: times never decrease, and the telemetry codec carries every stream exactly and small",
      (name) => {
        for (const { kind, atMillis, values } of read(`fit/${name}`).streams) {
          expect(atMillis.every((atMs, i) => i === 0 || atMs >= (atMillis[i - 1] ?? 0))).toBe(true)
          const block = { sensor: "fit", kind, atMillis, values }
          const bytes = Bundle.encode([block])
          expect(Bundle.decode(bytes)).toEqual([block])
          expect(bytes.length / values.length).toBeLessThan(4.5)
        }
      },
    )

    test("hrv-activity.fit: beats fall when the heart rate says that they do, and not some seconds off", () => {
      const activity = read("fit/hrv-activity.fit")
      /** How far the rate of the beats is from the heart rate shown `lagMs` earlier, in the middle, bpm. */
      const gapAt = (lagMs: number): number => {
        const gaps: Array<number> = []
        for (let second = 30; second < 1_040; second += 2) {
          const fromMs = activity.startedAtMs + second * 1_000
          const [shown] = within(activity, "heartRate", fromMs, fromMs + 1_000)
          const intervals = within(activity, "rrInterval", fromMs + lagMs - 2_000, fromMs + lagMs + 2_000)
          if (shown !== undefined && intervals.length > 0) gaps.push(Math.abs(60 / median(intervals) - shown))
        }
        return median(gaps)
      }
      expect(gapAt(0)).toBeLessThan(1)
      expect(gapAt(-6_000)).toBeGreaterThan(gapAt(0))
      expect(gapAt(+6_000)).toBeGreaterThan(2 * gapAt(0))
    })
  })

  describe("damaged files", () => {
    test.each([
      ["activity-filecrc.fit", "wrong-crc", "The file is damaged"],
      ["activity-activity-filecrc.fit", "wrong-crc", "Part 2 of the file, from byte 771 on, is damaged"],
      ["activity-settings-corruptheader.fit", "corrupt-header", "does not begin with a FIT header"],
      ["activity-settings-nodata.fit", "cut-short", "announces 68 bytes of data and a checksum, but only 3 follow"],
      ["activity-unexpected-eof.fit", "cut-short", "announces 757 bytes of data and a checksum, but only 756 follow"],
    ])("%s is refused as %s", (name, reason, words) => {
      const result = readFitActivity(bytesOf(`fit-invalid/${name}`))
      expect(result).toMatchObject({ _tag: "FitFileError", reason, message: expect.stringContaining(words) })
      expect(result).toMatchObject({ message: expect.stringContaining("Copy it from the device or service again") })
    })

    test("a GPX file is none", () => {
      expect(readFitActivity(bytesOf("gpx/gpx1.1_with_all_fields.gpx"))).toMatchObject({ reason: "not-fit" })
    })
  })
}
