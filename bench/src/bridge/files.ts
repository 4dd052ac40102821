/**
 * Whether the files that other people's devices wrote are read as the format's owner reads them, and how fast.
 *
 * The real files are those of the folder that PACELINE_SAMPLES names, or of ../shared/samples; without them no row
 * holds. Every FIT record is compared, field by field and time by time, with what `@garmin/fitsdk` gives with its
 * standard options; of GPX and TCX the points are counted in the text. Rates are those of one thread.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { Decoder, type RecordMesg, Stream } from "@garmin/fitsdk"
import { readActivity, streamOf } from "@paceline/device-bridge/files"
import { compare, count, type Measurement } from "../Harness.ts"

const folder = process.env["PACELINE_SAMPLES"] ?? resolve(import.meta.dirname, "../../../../shared/samples")

interface File {
  readonly name: string
  readonly bytes: Buffer
}

const filesIn = (kind: string): ReadonlyArray<File> => {
  const path = join(folder, kind)
  if (!existsSync(path)) return []
  return readdirSync(path).map((name) => ({ name, bytes: readFileSync(join(path, name)) }))
}

const DEGREES_PER_SEMICIRCLE = 180 / 2 ** 31

/** What each of our streams is in Garmin's record. */
const FIELDS = {
  heartRate: (record: RecordMesg) => (record.heartRate === 0 ? undefined : record.heartRate),
  latitude: (record: RecordMesg) => position(record)?.[0],
  longitude: (record: RecordMesg) => position(record)?.[1],
  speed: (record: RecordMesg) => record.enhancedSpeed ?? record.speed,
  power: (record: RecordMesg) => record.power,
  cadence: (record: RecordMesg) =>
    record.cadence === undefined ? undefined : record.cadence + (record.fractionalCadence ?? 0),
  altitude: (record: RecordMesg) => record.enhancedAltitude ?? record.altitude,
  distance: (record: RecordMesg) => record.distance,
} as const

const position = ({ positionLat, positionLong }: RecordMesg): readonly [number, number] | undefined =>
  positionLat === undefined || positionLong === undefined
    ? undefined
    : [positionLat * DEGREES_PER_SEMICIRCLE, positionLong * DEGREES_PER_SEMICIRCLE]

type Field = keyof typeof FIELDS
const isField = (name: string): name is Field => Object.hasOwn(FIELDS, name)

/** Far below the resolution of any field: the rounding of the SDK's arithmetic. */
const ROUNDING = 1e-6

/** Records too many or too few, and samples whose time or value is another. */
const differences = ({ bytes }: File): number => {
  const records = new Decoder(Stream.fromBuffer(bytes)).read().messages.recordMesgs ?? []
  const activity = readActivity(bytes)
  if ("_tag" in activity) return records.length
  let different = Math.abs(records.length - activity.records)
  for (const field of Object.keys(FIELDS).filter(isField)) {
    const theirs = records
      .flatMap((record) => {
        const value = FIELDS[field](record)
        const at = record.timestamp
        return typeof value === "number" && at instanceof Date ? [{ at: at.getTime(), value }] : []
      })
      .toSorted((a, b) => a.at - b.at)
    const { atMillis = [], values = [] } = streamOf(activity, field) ?? {}
    different += Math.abs(theirs.length - values.length)
    for (const [i, { at, value }] of theirs.entries()) {
      const same = atMillis[i] === at && Math.abs((values[i] ?? Number.NaN) - value) <= ROUNDING
      if (!same) different++
    }
  }
  return different
}

/** What cannot be measured holds no bound. */
const unlessNone = (kind: string, measure: () => number) => (): number =>
  filesIn(kind).length === 0 ? Number.NaN : measure()

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((all, one) => all + one, 0)

/** Points of a file of text that were not read, or read too often. */
const pointsMissed = (kind: string, tag: RegExp) => (): number =>
  sum(
    filesIn(kind).map(({ bytes }) => {
      const activity = readActivity(bytes)
      const inText = bytes.toString("utf8").match(tag)?.length ?? 0
      return Math.abs(inText - ("_tag" in activity ? 0 : activity.records))
    }),
  )

/** Files a second: each once, in turn. */
const filesASecond = (kind: string, read: (file: File) => unknown) => (): number => {
  const files = filesIn(kind)
  const before = performance.now()
  for (const file of files) read(file)
  return (1000 * files.length) / (performance.now() - before)
}

const oneFile = (): ReadonlyArray<Measurement> => {
  const names = existsSync(join(folder, "fit")) ? readdirSync(join(folder, "fit")) : ["(no files)"]
  return names.map((name) =>
    count({
      name: `FIT files of samples/: records read equal to Garmin's decoder, ${name}`,
      unit: "differences",
      bound: 0,
      ours: () =>
        sum(
          filesIn("fit")
            .filter((file) => file.name === name)
            .map(differences),
        ),
    }),
  )
}

export const rows: ReadonlyArray<Measurement> = [
  ...oneFile(),
  count({
    name: "damaged FIT files that are read all the same",
    unit: "files",
    bound: 0,
    ours: unlessNone(
      "fit-invalid",
      () => filesIn("fit-invalid").filter(({ bytes }) => !("_tag" in readActivity(bytes))).length,
    ),
  }),
  count({
    name: "GPX files: points missed",
    unit: "points",
    bound: 0,
    ours: unlessNone("gpx", pointsMissed("gpx", /<trkpt\b/g)),
  }),
  count({
    name: "TCX files: points missed",
    unit: "points",
    bound: 0,
    ours: unlessNone("tcx", pointsMissed("tcx", /<Trackpoint\b/g)),
  }),
  compare({
    name: "FIT files, integrity checked, into streams",
    unit: "files/s",
    better: "more",
    goal: 0.8,
    ours: filesASecond("fit", ({ bytes }) => readActivity(bytes)),
    peers: {
      "@garmin/fitsdk alone": filesASecond("fit", ({ bytes }) => new Decoder(Stream.fromBuffer(bytes)).read()),
    },
    note: "ours decodes with the same SDK, and then checks every part and makes the streams",
  }),
  count({
    name: "GPX and TCX",
    unit: "ms/MB",
    bound: 1_000,
    ours: () => {
      const files = [...filesIn("gpx"), ...filesIn("tcx")]
      for (const { bytes } of files) readActivity(bytes)
      const before = performance.now()
      for (const { bytes } of files) readActivity(bytes)
      return (performance.now() - before) / (sum(files.map(({ bytes }) => bytes.length)) / 1e6)
    },
  }),
]
