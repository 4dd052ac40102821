/**
 * Unpacks deflated and gzipped bytes piece by piece, and stops where a limit is: a bomb costs its limit and no more.
 *
 * Pieces are small, because one of them may become a thousand times as large before it can be counted.
 */
import { crc32 } from "@paceline/core/wire"
import { Gunzip, Inflate } from "fflate"
import { type FileUnreadable, fileUnreadable } from "./Activity.ts"
import type { Bytes } from "./Bytes.ts"
import { dataAt, type ZipEntry } from "./ZipDirectory.ts"

const PIECE_BYTES = 16 * 1024

/** Takes what was unpacked, in order; false stops it. */
export type Sink = (piece: Uint8Array) => boolean

/** All of a gzip file, in one piece of memory; or why not. */
export const gunzip = (packed: Bytes, limit: number): Uint8Array | FileUnreadable => {
  if (packed.size < LEAST_GZIP_BYTES) return cutShort()
  const room = new Room(limit)
  let members = 0
  const stream = new Gunzip()
  stream.onmember = () => void members++
  const failure = pump(stream, packed, room.add)
  if (failure !== null) return room.full ? tooLarge(limit) : failure
  const bytes = room.take()
  // What stands behind the last member is its checksum and length. Of several members, only each one's own content is known.
  const trailer = viewOf(packed.read(packed.size - 8, 8))
  if (members <= 1 && (trailer.getUint32(4, true) !== bytes.length || trailer.getUint32(0, true) !== crc32(bytes))) {
    return fileUnreadable("damaged", `The packed file is damaged: its checksum is wrong. ${FETCH_AGAIN}`)
  }
  return bytes
}

/** All of an entry of a zip archive, in one piece of memory; or why not. */
export const unpackEntry = (zip: Bytes, entry: ZipEntry, limit: number): Uint8Array | FileUnreadable => {
  if (entry.unpackedBytes > limit) return tooLarge(limit)
  // What the directory says of the size may be a lie; the limit holds whatever comes out.
  const room = new Room(limit)
  const failure = unpackInto(zip, entry, room.add)
  if (failure !== null) return room.full ? tooLarge(limit) : failure
  const bytes = room.take()
  return bytes.length === entry.unpackedBytes && crc32(bytes) === entry.crc
    ? bytes
    : fileUnreadable("damaged", `The file is damaged in its archive: its checksum is wrong. ${FETCH_AGAIN}`)
}

/** Unpacks an entry into the sink; null when all of it went there. The checksum is the caller's. */
export const unpackInto = (zip: Bytes, entry: ZipEntry, sink: Sink): FileUnreadable | null => {
  if (entry.encrypted) {
    return fileUnreadable(
      "unreadable",
      "The file is encrypted in its archive. Unpack the archive with its password first.",
    )
  }
  const from = dataAt(zip, entry)
  if (typeof from !== "number") return from
  const packed: Bytes = {
    size: entry.packedBytes,
    read: (at, length) => zip.read(from + at, Math.min(length, entry.packedBytes - at)),
  }
  if (entry.method === STORED) return copy(packed, sink)
  if (entry.method === DEFLATED) return pump(new Inflate(), packed, sink)
  return fileUnreadable(
    "unreadable",
    `The file is packed with the method ${entry.method}, which is not known here. Unpack the archive first.`,
  )
}

const STORED = 0
const DEFLATED = 8

const copy = (packed: Bytes, sink: Sink): FileUnreadable | null => {
  for (let at = 0; at < packed.size; at += PIECE_BYTES) {
    if (!sink(packed.read(at, PIECE_BYTES))) return stopped()
  }
  return null
}

const pump = (stream: Gunzip | Inflate, packed: Bytes, sink: Sink): FileUnreadable | null => {
  let going = true
  stream.ondata = (piece) => {
    if (going) going = sink(piece)
  }
  try {
    for (let at = 0; going && (at < packed.size || at === 0); at += PIECE_BYTES) {
      stream.push(packed.read(at, PIECE_BYTES), at + PIECE_BYTES >= packed.size)
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    return fileUnreadable("damaged", `The packed file is damaged or cut short: ${why}. ${FETCH_AGAIN}`)
  }
  return going ? null : stopped()
}

/** What has been unpacked, up to a limit. */
class Room {
  readonly #limit: number
  #pieces: Array<Uint8Array> = []
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  readonly add = (piece: Uint8Array): boolean => {
    this.#bytes += piece.length
    if (this.#bytes > this.#limit) {
      this.#pieces = []
      return false
    }
    this.#pieces.push(piece)
    return true
  }

  get full(): boolean {
    return this.#bytes > this.#limit
  }

  take(): Uint8Array {
    const all = new Uint8Array(this.#bytes)
    let at = 0
    for (const piece of this.#pieces) {
      all.set(piece, at)
      at += piece.length
    }
    return all
  }
}

const FETCH_AGAIN = "Download or copy it again."

/** A header, an empty block and a trailer. */
const LEAST_GZIP_BYTES = 20

const cutShort = (): FileUnreadable =>
  fileUnreadable("cut-short", `The end of the packed file is missing. ${FETCH_AGAIN}`)

export const tooLarge = (limit: number): FileUnreadable =>
  fileUnreadable(
    "too-large",
    `The file has more than ${Math.round(limit / 2 ** 20)} MiB when it is unpacked. No activity is so large; if yours is, raise the limit.`,
  )

/** The sink had enough; who gave it says how much that is. */
const stopped = (): FileUnreadable =>
  fileUnreadable("too-large", "The file is larger than is allowed when it is unpacked.")

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
