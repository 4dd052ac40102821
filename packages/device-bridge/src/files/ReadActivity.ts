/**
 * Reads the bytes of one activity, in whichever format they are. The format is known by what the bytes say, never
 * by the name of the file.
 *
 * @example
 * const activity = readActivity(await readFile("ride.tcx"))
 * if ("_tag" in activity) console.error(activity.message)
 * else console.log(activity.sport, sampleCount(activity))
 */
import { type Activity, type FileUnreadable, type FileUnreadableReason, fileUnreadable } from "./Activity.ts"
import { readFitActivity } from "./FitActivity.ts"
import type { FitFileReason } from "./FitIntegrity.ts"
import { readGpx } from "./GpxActivity.ts"
import { readTcx } from "./TcxActivity.ts"
import { parseXml } from "./XmlDocument.ts"

/** The activity in `bytes`, or why there is none. Total: never throws. Synchronous and busy, see `readFitActivity`. */
export const readActivity = (bytes: Uint8Array): Activity | FileUnreadable => {
  if (bytes.length === 0) return fileUnreadable("cut-short", "The file is empty. Copy it from the device again.")
  if (beginsAsText(bytes)) return readXml(bytes)
  const activity = readFitActivity(bytes)
  if (!("_tag" in activity)) return activity
  return fileUnreadable(REASONS[activity.reason], activity.reason === "not-fit" ? NO_FORMAT : activity.message)
}

const NO_FORMAT = "This is no activity: it is neither FIT nor GPX nor TCX. Choose the file as the device wrote it."

const REASONS: Record<FitFileReason, FileUnreadableReason> = {
  "not-fit": "unknown-format",
  "wrong-crc": "damaged",
  "cut-short": "cut-short",
  "corrupt-header": "damaged",
  "no-data": "no-data",
  unreadable: "unreadable",
}

/** XML begins with "<", behind white space and a byte-order mark at most; a FIT file with the size of its header. */
const beginsAsText = (bytes: Uint8Array): boolean => {
  const start = bytes.findIndex((byte) => !OVERLOOKED.has(byte))
  return bytes[start] === LESS_THAN
}

const LESS_THAN = 0x3c

/** White space, and the bytes of the marks that UTF-8 and UTF-16 begin with; 0 is half a space in UTF-16. */
const OVERLOOKED: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0d, 0x20, 0x00, 0xef, 0xbb, 0xbf, 0xfe, 0xff])

const readXml = (bytes: Uint8Array): Activity | FileUnreadable => {
  const document = parseXml(bytes)
  if ("_tag" in document) return document
  try {
    if (document.root === "gpx") return readGpx(document.element)
    if (document.root === "TrainingCenterDatabase") return readTcx(document.element)
    return fileUnreadable(
      "unknown-format",
      `The file is XML, but no activity: its root is "${document.root.slice(0, 80)}". Choose GPX, TCX or FIT.`,
    )
  } catch (cause) {
    return fileUnreadable("unreadable", `The file cannot be read: ${String(cause)}. Report it together with the file.`)
  }
}
