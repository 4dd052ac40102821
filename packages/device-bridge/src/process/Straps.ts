/** What the straps play: the activities of files, or made-up ones. */
import { readFileSync } from "node:fs"
import { type Recording, readFitActivity } from "../files/index.ts"
import { simulateAthlete } from "../simulator/index.ts"
import type { Flags } from "./Flags.ts"
import { type Due, overTheAir } from "./RadioStrap.ts"

export interface Strap {
  /** The sensor's name: strap-01, strap-02, … */
  readonly sensor: string
  readonly recording: Recording
  /** What is heard of it over the air; without, its samples are played as they are. */
  readonly heard?: Due
}

/** A file that cannot be played; `message` names it and says what is wrong with it. */
export interface BadFile {
  readonly _tag: "BadFile"
  readonly message: string
}

/** How long a made-up training is when the playback has no end, in seconds: then it is over, and the next begins. */
const TRAINING_SECONDS = 1_800

export const strapName = (index: number): string => `strap-${String(index + 1).padStart(2, "0")}`

/** All straps, or the first file that is none. Nothing else happens before this has succeeded. */
export const loadStraps = (flags: Flags): ReadonlyArray<Strap> | BadFile => {
  const recordings: Array<Recording> = []
  for (const file of flags.files) {
    const recording = readRecording(file)
    if ("_tag" in recording) return recording
    recordings.push(recording)
  }
  const seconds = flags.seconds === null ? TRAINING_SECONDS : Math.max(1, Math.round(flags.seconds * flags.speed))
  return Array.from({ length: flags.athletes }, (_, i) => {
    const seed = flags.seed + i
    const recording = recordings[i % recordings.length] ?? simulateAthlete({ seed, seconds })
    const sensor = strapName(i)
    return flags.radio ? { sensor, recording, heard: overTheAir(recording, seed) } : { sensor, recording }
  })
}

const readRecording = (file: string): Recording | BadFile => {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file)
  } catch (thrown) {
    return { _tag: "BadFile", message: `${file} cannot be read: ${thrown instanceof Error ? thrown.message : thrown}` }
  }
  const activity = readFitActivity(bytes)
  return "_tag" in activity ? { _tag: "BadFile", message: `${file}: ${activity.message}` } : activity
}
