/**
 * What the straps say in a rehearsal: the same recordings that the bridge plays, read here a second time and
 * apart from it, so that what it recorded can be checked against its source.
 */
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { SensorKind } from "@paceline/core/wire"
import { type Recording, readFitActivity, streamOf } from "@paceline/device-bridge/files"
import { Athlete, Playback, simulateAthlete } from "@paceline/device-bridge/simulator"
import { Effect } from "effect"
import { type NewAthlete, strapName } from "./Enrolment.ts"
import { RehearsalFailed } from "./Failure.ts"
import type { Sample } from "./Ledger.ts"

export interface Source {
  readonly athletes: ReadonlyArray<NewAthlete>
  /** The files that the bridge is to play, absolute; none for made-up athletes. */
  readonly files: ReadonlyArray<string>
  /**
   * All that the straps measure in a playback of so many seconds of their own time, and the mark with which each
   * ends. The mark with which one begins is not among it: it lies where the bridge first heard the strap.
   */
  readonly said: (startedAtMs: number, seconds: number) => Iterable<Sample>
}

export interface SourceOptions {
  readonly athletes: number
  /** Athlete number i plays file number i, and the first again when there are no more. */
  readonly files: ReadonlyArray<string>
  readonly seed: number
}

/** Reads the files, if there are any. Fails at the first that is no activity, and says why. */
export const load = (options: SourceOptions): Effect.Effect<Source, RehearsalFailed> =>
  Effect.gen(function* () {
    const files = options.files.map((file) => resolve(file))
    const recorded = yield* Effect.forEach(files, readActivity)
    const straps = Array.from({ length: options.athletes }, (_, i) => {
      const athlete = Athlete.athleteOf(options.seed + i)
      const recording = recorded[i % recorded.length] ?? null
      return {
        sensor: strapName(i),
        seed: options.seed + i,
        recording,
        athlete: {
          alias: Athlete.aliasOf(i),
          heartRateVisible: true,
          maxHeartRateBpm: recording === null ? athlete.maxHeartRateBpm : greatestHeartRate(recording),
        },
      }
    })
    return {
      files,
      athletes: straps.map(({ athlete }) => athlete),
      said: function* (startedAtMs, seconds) {
        for (const { sensor, seed, recording } of straps) {
          const plays = recording ?? simulateAthlete({ seed, seconds })
          for (const { kind, offsetMs, value } of Playback.samplesBetween(plays, -1, seconds * 1000)) {
            yield { sensor, kind, atMillis: startedAtMs + offsetMs, value }
          }
          const endedAtMs = startedAtMs + seconds * 1000
          yield { sensor, kind: "activity", atMillis: endedAtMs, value: SensorKind.ACTIVITY_ENDED }
        }
      },
    }
  })

const readActivity = (file: string): Effect.Effect<Recording, RehearsalFailed> =>
  Effect.gen(function* () {
    const bytes = yield* Effect.try({
      try: () => readFileSync(file),
      catch: (cause) => new RehearsalFailed({ message: unreadable(file, cause) }),
    })
    const activity = readFitActivity(bytes)
    if ("_tag" in activity) return yield* new RehearsalFailed({ message: `${file}: ${activity.message}` })
    return activity
  })

const unreadable = (file: string, cause: unknown): string => {
  const code: unknown = Reflect.get(Object(cause), "code")
  if (code === "ENOENT") return `There is no file ${file}.`
  if (code === "EISDIR") return `${file} is a folder, not a FIT file.`
  return `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
}

/** Nobody knows the wearer's: a little above the greatest that the file has, so that every zone is in reach. */
const greatestHeartRate = (recording: Recording): number => {
  const highest = (streamOf(recording, "heartRate")?.values ?? []).reduce((a, b) => Math.max(a, b), 0)
  return Math.min(240, Math.max(150, Math.ceil(highest * 1.03)))
}
