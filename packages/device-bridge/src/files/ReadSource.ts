/**
 * Reads everything that a path holds, one file after the other: a file, a folder with all below it, a gzipped file,
 * a zip archive, and archives inside of that. Only one file is in memory at a time.
 *
 * In folders and archives the names say what is looked at: `.fit`, `.gpx`, `.tcx`, each also with `.gz`, and `.zip`;
 * the photos and tables of an account's export are passed over. A file that is named itself is looked at whatever
 * its name. What is wrong with one file is that file's error and stops no other. Nothing is written, but for an
 * archive that lies packed in another: it is unpacked into the system's temporary folder while it is read.
 *
 * Synchronous: it blocks its thread from file to file. `readActivityFiles` runs it in another one.
 */
import { createHash } from "node:crypto"
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Activity, type FileUnreadable, fileUnreadable } from "./Activity.ts"
import { type Bytes, inMemory, part, usingFile } from "./Bytes.ts"
import { readActivity } from "./ReadActivity.ts"
import { gunzip, tooLarge, unpackEntry, unpackInto } from "./Unpack.ts"
import { dataAt, readDirectory, type ZipEntry } from "./ZipDirectory.ts"

/** A path of a file or folder, or bytes that are in memory already. */
export type ActivitySource = string | { readonly name: string; readonly bytes: Uint8Array }

export interface ReadLimits {
  /** The most bytes of one file, unpacked. Default 64 MiB. */
  readonly fileBytes: number
  /** The most bytes that are unpacked from one source, all its files together. Default 32 GiB. */
  readonly unpackedBytes: number
}

export const standardReadLimits: ReadLimits = { fileBytes: 64 * 2 ** 20, unpackedBytes: 32 * 2 ** 30 }

/** What came of one file. */
export interface FileOutcome {
  /** Its path; that of a file in an archive goes on behind the archive's, such as `export.zip/activities/1.fit.gz`. */
  readonly name: string
  /** SHA-256 of its bytes, unpacked, in hexadecimal; null when they could not be had. */
  readonly sha256: string | null
  readonly result: Activity | FileUnreadable
}

/** Archives in archives go so deep. */
const MAX_DEPTH = 3

/** The outcome of each file, and the number of files that were passed over. Never throws. */
export function* readSource(source: ActivitySource, limits: ReadLimits): Generator<FileOutcome, number> {
  const reading = new Reading(limits)
  yield* typeof source === "string" ? reading.path(source, true) : reading.bytes(source.name, inMemory(source.bytes), 0)
  return reading.passedOver
}

class Reading {
  passedOver = 0
  readonly #limits: ReadLimits
  #unpacked = 0

  constructor(limits: ReadLimits) {
    this.#limits = limits
  }

  *path(path: string, named: boolean): Generator<FileOutcome> {
    try {
      const stat = statSync(path)
      if (stat.isDirectory()) yield* this.#folder(path)
      else if (!stat.isFile()) yield failed(path, fileUnreadable("no-access", "This is neither a file nor a folder."))
      else if (named || isWanted(path)) yield* usingFile(path, (bytes) => this.bytes(path, bytes, 0))
      else this.passedOver++
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      yield failed(path, fileUnreadable("no-access", `The file cannot be opened: ${why}.`))
    }
  }

  /** In the order of names, so that the same folder is always read in the same order. Links to folders are passed over. */
  *#folder(path: string): Generator<FileOutcome> {
    const entries = readdirSync(path, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))
    for (const entry of entries) {
      const inner = join(path, entry.name)
      if (entry.isSymbolicLink() && isFolder(inner)) this.passedOver++
      else yield* this.path(inner, false)
    }
  }

  /** Bytes that may be an archive, packed, or an activity: they say which. */
  *bytes(name: string, bytes: Bytes, depth: number): Generator<FileOutcome> {
    const head = bytes.read(0, 4)
    if (isZip(head)) yield* this.#archive(name, bytes, depth)
    else if (bytes.size > this.#limits.fileBytes) yield failed(name, tooLarge(this.#limits.fileBytes))
    else yield this.#file(name, bytes.read(0, bytes.size))
  }

  #file(name: string, bytes: Uint8Array): FileOutcome {
    if (!isGzip(bytes)) return outcome(name, bytes)
    const room = this.#room()
    const unpacked = gunzip(inMemory(bytes), room)
    if ("_tag" in unpacked) return failed(name, unpacked)
    this.#unpacked += unpacked.length
    return outcome(name, unpacked)
  }

  *#archive(name: string, zip: Bytes, depth: number): Generator<FileOutcome> {
    if (depth >= MAX_DEPTH) {
      return yield failed(name, fileUnreadable("unreadable", "The archive lies too deep in others. Unpack them first."))
    }
    const entries = readDirectory(zip)
    if ("_tag" in entries) return yield failed(name, entries)
    for (const entry of entries) {
      const inner = `${name}/${entry.name}`
      if (!isWanted(entry.name)) this.passedOver++
      else if (this.#room() <= 0) return yield failed(name, this.#spent())
      else if (isNamedArchive(entry.name)) yield* this.#nested(inner, zip, entry, depth + 1)
      else {
        const narrow = this.#room() < this.#limits.fileBytes
        const outcome = this.#entry(inner, zip, entry)
        // Too large for what is left of the room, where it was not too large for a file.
        if (narrow && "_tag" in outcome.result && outcome.result.reason === "too-large") {
          return yield failed(name, this.#spent())
        }
        yield outcome
      }
    }
  }

  #entry(name: string, zip: Bytes, entry: ZipEntry): FileOutcome {
    const room = this.#room()
    const bytes = unpackEntry(zip, entry, room)
    if ("_tag" in bytes) {
      // Where the directory lied about the size, all the room was filled before that was seen.
      if (bytes.reason === "too-large" && entry.unpackedBytes <= room) this.#unpacked += room
      return failed(name, bytes)
    }
    this.#unpacked += bytes.length
    return this.#file(name, bytes)
  }

  /** An archive in an archive. Stored, it is read where it is; packed, from a temporary file. */
  *#nested(name: string, zip: Bytes, entry: ZipEntry, depth: number): Generator<FileOutcome> {
    const from = dataAt(zip, entry)
    if (typeof from === "number" && entry.method === 0 && !entry.encrypted) {
      return yield* this.bytes(name, part(zip, from, entry.packedBytes), depth)
    }
    const folder = mkdtempSync(join(tmpdir(), "paceline-archive-"))
    try {
      const path = join(folder, "inner.zip")
      const room = this.#limits.unpackedBytes - this.#unpacked
      let written = 0
      writeFileSync(path, "")
      const failure = unpackInto(zip, entry, (piece) => {
        written += piece.length
        if (written > room) return false
        writeFileSync(path, piece, { flag: "a" })
        return true
      })
      this.#unpacked += written
      if (failure !== null) return yield failed(name, failure)
      yield* usingFile(path, (bytes) => this.bytes(name, bytes, depth))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }

  /** How large one more file may be. */
  #room(): number {
    return Math.min(this.#limits.fileBytes, this.#limits.unpackedBytes - this.#unpacked)
  }

  #spent(): FileUnreadable {
    const gibibytes = (this.#limits.unpackedBytes / 2 ** 30).toPrecision(2)
    return fileUnreadable(
      "too-large",
      `The archive holds more than ${gibibytes} GiB when it is unpacked; what lies behind that was not read. Unpack it, or raise the limit.`,
    )
  }
}

const outcome = (name: string, bytes: Uint8Array): FileOutcome => ({
  name,
  sha256: createHash("sha256").update(bytes).digest("hex"),
  result: readActivity(bytes),
})

const failed = (name: string, result: FileUnreadable): FileOutcome => ({ name, sha256: null, result })

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** Files that begin with "._" are what macOS keeps beside the real ones. */
const isWanted = (name: string): boolean =>
  /\.(fit|gpx|tcx)(\.gz)?$|\.zip$/i.test(name) && !/(^|[/\\])(\._|__MACOSX[/\\])/.test(name)

const isNamedArchive = (name: string): boolean => /\.zip$/i.test(name)

/** "PK" and the mark of a file's header, or of the directory's end in an empty archive. */
const isZip = (head: Uint8Array): boolean =>
  head[0] === 0x50 && head[1] === 0x4b && ((head[2] === 3 && head[3] === 4) || (head[2] === 5 && head[3] === 6))

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b
