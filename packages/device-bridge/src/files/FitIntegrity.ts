/**
 * Says whether bytes are whole FIT files, before anything is decoded from them.
 *
 * A FIT file is a header (12 or 14 bytes, with ".FIT" at byte 8 and the size of the data at byte 4), the data,
 * and a CRC-16 over both; several may be chained, one behind the other. The SDK checks the first only, and reads
 * damaged data without complaint, so every part is checked here. Source: the FIT protocol, "File Structure" and
 * "CRC" (developer.garmin.com/fit/protocol).
 */

export type FitFileReason =
  /** Something else than a FIT file. */
  | "not-fit"
  /** The bytes are not those that the device wrote. */
  | "wrong-crc"
  /** The end is missing. */
  | "cut-short"
  /** A header that contradicts itself, or bytes behind a part that begin no other. */
  | "corrupt-header"
  /** A sound file that holds no samples. */
  | "no-data"
  /** A sound file that the decoder cannot read. */
  | "unreadable"

export interface FitFileError {
  readonly _tag: "FitFileError"
  readonly reason: FitFileReason
  /** What is wrong and what to do, for a person. */
  readonly message: string
}

export const fitFileError = (reason: FitFileReason, message: string): FitFileError => ({
  _tag: "FitFileError",
  reason,
  message,
})

/** The number of FIT files chained in `bytes`, or what is wrong with the first that is not whole. */
export const checkIntegrity = (bytes: Uint8Array): { readonly parts: number } | FitFileError => {
  if (bytes.length === 0) return fitFileError("not-fit", "The file is empty. Copy it from the device again.")
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let start = 0
  let parts = 0
  while (start < bytes.length) {
    const end = checkPart(bytes, view, start, parts + 1)
    if (typeof end !== "number") return end
    start = end
    parts++
  }
  return { parts }
}

const CRC_BYTES = 2
const SHORT_HEADER = 12
const LONG_HEADER = 14

/** Where the part that starts at `start` ends. */
const checkPart = (bytes: Uint8Array, view: DataView, start: number, part: number): number | FitFileError => {
  const available = bytes.length - start
  const headerSize = view.getUint8(start)
  const sizeKnown = headerSize === SHORT_HEADER || headerSize === LONG_HEADER
  const which = part === 1 ? "The file" : `Part ${part} of the file, from byte ${start} on,`
  if (sizeKnown && available < headerSize) {
    return part > 1 || bytes.length >= 4
      ? fitFileError("cut-short", `${which} ends inside its header. ${COPY_AGAIN}`)
      : fitFileError("not-fit", `The file has only ${bytes.length} bytes. ${EXPORT_FIT}`)
  }
  if (!sizeKnown || !isSignature(bytes, start + 8)) {
    if (part > 1) {
      return fitFileError("corrupt-header", `${which} does not begin with a FIT header. ${COPY_AGAIN}`)
    }
    return looksLikeFit(view, headerSize, sizeKnown)
      ? fitFileError("corrupt-header", `The header of the file is damaged. ${COPY_AGAIN}`)
      : fitFileError("not-fit", `This is not a FIT file: it does not begin with a FIT header. ${EXPORT_FIT}`)
  }
  const dataSize = view.getUint32(start + 4, true)
  const headerCrc = headerSize === LONG_HEADER ? view.getUint16(start + SHORT_HEADER, true) : 0
  if (headerCrc !== 0 && headerCrc !== crc16(bytes, start, start + SHORT_HEADER)) {
    return fitFileError("corrupt-header", `${which} has a damaged header: its checksum is wrong. ${COPY_AGAIN}`)
  }
  if (dataSize === 0) {
    return fitFileError(
      "no-data",
      `${which} announces no data: the device did not finish it. End the activity on the device and copy the file again.`,
    )
  }
  const crcAt = start + headerSize + dataSize
  if (crcAt + CRC_BYTES > bytes.length) {
    const has = Math.max(0, Math.min(dataSize, available - headerSize))
    return fitFileError(
      "cut-short",
      `${which} is cut short: its header announces ${dataSize} bytes of data and a checksum, but ${has === dataSize ? "the checksum is not all there" : `only ${has} follow`}. ${COPY_AGAIN}`,
    )
  }
  if (view.getUint16(crcAt, true) !== crc16(bytes, start, crcAt)) {
    return fitFileError("wrong-crc", `${which} is damaged: its checksum is wrong. ${COPY_AGAIN}`)
  }
  return crcAt + CRC_BYTES
}

const COPY_AGAIN = "Copy it from the device or service again; nothing was read."
const EXPORT_FIT = 'Choose the original ".fit" file, not an export in another format.'

const isSignature = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === 0x2e && bytes[at + 1] === 0x46 && bytes[at + 2] === 0x49 && bytes[at + 3] === 0x54

/** A first header without its ".FIT", but with the very size of the file in it, was a FIT header once; so was one that has only lost its size byte. */
const looksLikeFit = (view: DataView, headerSize: number, sizeKnown: boolean): boolean => {
  if (view.byteLength < LONG_HEADER) return false
  if (!sizeKnown) return view.getUint32(8) === 0x2e464954
  return headerSize + view.getUint32(4, true) + CRC_BYTES === view.byteLength
}

/** The CRC of the FIT protocol: CRC-16/ARC (reflected, polynomial 0xA001), over bytes `from` to before `to`. */
export const crc16 = (bytes: Uint8Array, from: number, to: number): number => {
  let crc = 0
  for (let i = from; i < to; i++) crc = (crc >>> 8) ^ (table[(crc ^ (bytes[i] ?? 0)) & 0xff] ?? 0)
  return crc
}

const table: Uint16Array = (() => {
  const entries = new Uint16Array(256)
  for (let i = 0; i < 256; i++) {
    let c = i
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xa001 ^ (c >>> 1) : c >>> 1
    entries[i] = c
  }
  return entries
})()
