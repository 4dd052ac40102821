/**
 * What a file gives, whatever its format: an `Activity`, or a `FileUnreadable` that says what is wrong and what to do.
 *
 * An activity is a recording with its surroundings: which sport, which device or program wrote it, its sessions and
 * laps. The times are those that the file gives each measurement; when and where a file was read leaves no trace in
 * it, so the same bytes give the same activity anywhere.
 */
import type { Recording } from "./Recording.ts"

/** The formats that are read. */
export type ActivityFormat = "fit" | "gpx" | "tcx"

/** Whole milliseconds since the epoch; both ends belong to it. */
export interface Span {
  readonly startedAtMs: number
  readonly endedAtMs: number
}

/** One sport without a break in it: the legs of a triathlon are three. */
export interface Session extends Span {
  /** In the words of the file, such as `running` (FIT), `Biking` (TCX), `cycling` (GPX); null when it gives none. */
  readonly sport: string | null
}

/** A stream that no kind covers, such as the temperature of the air. As in `Stream`, times never decrease. */
export interface CustomStream {
  readonly name: string
  readonly unit: string
  readonly atMillis: ReadonlyArray<number>
  readonly values: ReadonlyArray<number>
}

export interface Activity extends Recording {
  readonly format: ActivityFormat
  /** That of the first session. */
  readonly sport: string | null
  /** The device or program that wrote the file, as it names itself, such as `garmin fr935`. */
  readonly creator: string | null
  /** In order of time. At least one, but of a file of daily monitoring, which is no training: none. */
  readonly sessions: ReadonlyArray<Session>
  /** In order of time; none when the file gives none. */
  readonly laps: ReadonlyArray<Span>
  readonly custom: ReadonlyArray<CustomStream>
  /** Rows of measurements in the file: FIT records, GPX track points, TCX track points. */
  readonly records: number
  /** Records left out because they carry no time. */
  readonly recordsWithoutTime: number
  /** What could not be read of a file that is otherwise sound, for a person. Mostly empty. */
  readonly warnings: ReadonlyArray<string>
}

export type FileUnreadableReason =
  /** Neither FIT nor GPX nor TCX. */
  | "unknown-format"
  /** The bytes are not those that were written: a wrong checksum, a broken structure. */
  | "damaged"
  /** The end is missing. */
  | "cut-short"
  /** A sound file that holds no samples with a time. */
  | "no-data"
  /** A whole file that the reader cannot read: encrypted, a construct that is refused, an unknown encoding. */
  | "unreadable"
  /** More bytes than the limits allow, packed or unpacked. */
  | "too-large"
  /** The operating system does not give it. */
  | "no-access"

/** Why a file gave no activity. A value, never thrown. */
export interface FileUnreadable {
  readonly _tag: "FileUnreadable"
  readonly reason: FileUnreadableReason
  /** What is wrong and what to do, for a person. */
  readonly message: string
}

export const fileUnreadable = (reason: FileUnreadableReason, message: string): FileUnreadable => ({
  _tag: "FileUnreadable",
  reason,
  message,
})
