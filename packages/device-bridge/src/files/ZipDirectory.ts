/**
 * Reads the directory of a zip archive: which entries it has, and where.
 *
 * A zip is read from its end, where the directory stands, so that the sizes are known before anything is unpacked,
 * and what nobody wants (an account's photos) costs nothing. fflate's own reader goes from the front, guesses where
 * an entry ends when its header does not say, and keeps what it skips in memory; only its inflating is used here.
 * Zip64 is read; encrypted and split archives are not. Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.
 */
import { type FileUnreadable, fileUnreadable } from "./Activity.ts"
import type { Bytes } from "./Bytes.ts"

export interface ZipEntry {
  readonly name: string
  /** 0 stored, 8 deflated; others are not unpacked. */
  readonly method: number
  readonly encrypted: boolean
  readonly crc: number
  readonly packedBytes: number
  readonly unpackedBytes: number
  /** Where its local header stands. */
  readonly at: number
}

const END = 0x06054b50
const END_64 = 0x06064b50
const END_64_LOCATOR = 0x07064b50
const DIRECTORY_ENTRY = 0x02014b50
const LOCAL_HEADER = 0x04034b50

const END_BYTES = 22
const END_64_BYTES = 56
const LOCATOR_BYTES = 20
const ENTRY_BYTES = 46
const LOCAL_HEADER_BYTES = 30
const MAX_COMMENT_BYTES = 0xffff

/** Room for some hundred thousand names; the directory is held in memory. */
const MAX_DIRECTORY_BYTES = 64 * 2 ** 20

/** The entries in the order of the directory, folders left out; or why they cannot be known. */
export const readDirectory = (zip: Bytes): ReadonlyArray<ZipEntry> | FileUnreadable => {
  const end = findEnd(zip)
  if (end === null) return fileUnreadable("cut-short", `The end of the archive is missing. ${FETCH_AGAIN}`)
  const { at, size, count } = end
  if (size > MAX_DIRECTORY_BYTES) {
    return fileUnreadable("too-large", "The archive lists more files than can be read. Unpack it and read the folder.")
  }
  if (at < 0 || at + size > zip.size) return damaged("its directory lies outside of it")
  const bytes = zip.read(at, size)
  const view = viewOf(bytes)
  const entries: Array<ZipEntry> = []
  let next = 0
  for (let i = 0; i < count; i++) {
    if (next + ENTRY_BYTES > bytes.length || view.getUint32(next, true) !== DIRECTORY_ENTRY) {
      return damaged(`entry ${i + 1} of ${count} of its directory is none`)
    }
    const nameLength = view.getUint16(next + 28, true)
    const extraLength = view.getUint16(next + 30, true)
    const nameAt = next + ENTRY_BYTES
    const extraAt = nameAt + nameLength
    const entryEnd = extraAt + extraLength + view.getUint16(next + 32, true)
    if (entryEnd > bytes.length) return damaged(`entry ${i + 1} of ${count} of its directory is cut off`)
    const sizes = sizesOf(view, next, extraAt, extraLength)
    if (sizes === null) return damaged(`entry ${i + 1} of ${count} of its directory has no size`)
    const name = new TextDecoder().decode(bytes.subarray(nameAt, extraAt))
    if (!name.endsWith("/")) {
      entries.push({
        name,
        method: view.getUint16(next + 10, true),
        encrypted: (view.getUint16(next + 8, true) & 1) === 1,
        crc: view.getUint32(next + 16, true),
        ...sizes,
      })
    }
    next = entryEnd
  }
  return entries
}

/** Where the entry's packed bytes begin, or what is wrong with its header. */
export const dataAt = (zip: Bytes, entry: ZipEntry): number | FileUnreadable => {
  const header = zip.read(entry.at, LOCAL_HEADER_BYTES)
  const view = viewOf(header)
  if (header.length < LOCAL_HEADER_BYTES || view.getUint32(0, true) !== LOCAL_HEADER) {
    return damaged("this file is not where its directory says")
  }
  const from = entry.at + LOCAL_HEADER_BYTES + view.getUint16(26, true) + view.getUint16(28, true)
  return from + entry.packedBytes > zip.size ? damaged("this file goes beyond its end") : from
}

interface End {
  readonly at: number
  readonly size: number
  readonly count: number
}

const findEnd = (zip: Bytes): End | null => {
  const tailAt = Math.max(0, zip.size - END_BYTES - MAX_COMMENT_BYTES)
  const tail = zip.read(tailAt, zip.size - tailAt)
  const view = viewOf(tail)
  for (let at = tail.length - END_BYTES; at >= 0; at--) {
    if (view.getUint32(at, true) !== END || at + END_BYTES + view.getUint16(at + 20, true) > tail.length) continue
    return (
      findEnd64(zip, tailAt + at) ?? {
        at: view.getUint32(at + 16, true),
        size: view.getUint32(at + 12, true),
        count: view.getUint16(at + 10, true),
      }
    )
  }
  return null
}

const findEnd64 = (zip: Bytes, endAt: number): End | null => {
  if (endAt < LOCATOR_BYTES) return null
  const locator = viewOf(zip.read(endAt - LOCATOR_BYTES, LOCATOR_BYTES))
  if (locator.getUint32(0, true) !== END_64_LOCATOR) return null
  const end = zip.read(Number(locator.getBigUint64(8, true)), END_64_BYTES)
  const view = viewOf(end)
  if (end.length < END_64_BYTES || view.getUint32(0, true) !== END_64) return null
  return {
    at: Number(view.getBigUint64(48, true)),
    size: Number(view.getBigUint64(40, true)),
    count: Number(view.getBigUint64(32, true)),
  }
}

const FULL = 0xffffffff
const ZIP64_FIELD = 1

/** Sizes and place, from the zip64 field where the plain ones are full; null when it does not have them. */
const sizesOf = (view: DataView, entryAt: number, extraAt: number, extraLength: number) => {
  const plain = [
    view.getUint32(entryAt + 24, true),
    view.getUint32(entryAt + 20, true),
    view.getUint32(entryAt + 42, true),
  ]
  if (plain.includes(FULL)) {
    let field = extraAt
    const end = extraAt + extraLength
    while (field + 4 <= end && view.getUint16(field, true) !== ZIP64_FIELD) field += 4 + view.getUint16(field + 2, true)
    let value = field + 4
    const fieldEnd = field + 4 <= end ? Math.min(end, value + view.getUint16(field + 2, true)) : 0
    for (const [i, is] of plain.entries()) {
      if (is !== FULL) continue
      if (value + 8 > fieldEnd) return null
      plain[i] = Number(view.getBigUint64(value, true))
      value += 8
    }
  }
  const [unpackedBytes = 0, packedBytes = 0, at = 0] = plain
  return { unpackedBytes, packedBytes, at }
}

const FETCH_AGAIN = "Download it again; nothing was read."

const damaged = (what: string): FileUnreadable =>
  fileUnreadable("damaged", `The archive is damaged: ${what}. ${FETCH_AGAIN}`)

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
