/**
 * Reads a packet by its table. Total: any bytes give the fields of the packet or a fault that says what is wrong.
 *
 * Flags that the table does not know are ignored, and so are bytes behind the last known field: real machines set
 * reserved bits and append fields of their own, and the specification only ever appends.
 */
import { BitReader } from "./Bits.ts"
import type { DateTime, Field, Format, Fraction, Layout, Presence, Resolution } from "./Layout.ts"

export type FaultReason = "cut-short" | "out-of-range"

export interface Fault {
  readonly reason: FaultReason
  /** The field where reading stopped, or "flags". */
  readonly field: string
  readonly message: string
}

/** What a packet says, by name. */
export type Fields = Readonly<Record<string, unknown>>

export const isFault = (result: Fields | Fault): result is Fault => "reason" in result

/** The fields of `bytes` by `layout`, or why there are none. Never throws. */
export const readFields = (layout: Layout, bytes: Uint8Array): Fields | Fault => {
  const bits = new BitReader(bytes)
  const flags = bits.unsigned(8 * layout.flagBytes)
  if (flags === undefined) return cutShort("flags", layout, bytes)
  const fields: Record<string, unknown> = { _tag: layout.tag }
  for (const [bit, name, clear, set] of layout.marks) fields[name] = isSet(flags, bit) ? set : clear
  for (const field of layout.fields) {
    const [when, name, format, resolution, special] = field
    if (!isPresent(when, flags)) continue
    const counts = readCounts(bits, format, flags)
    if (counts === undefined) return cutShort(name, layout, bytes)
    const [first = 0] = counts
    if (special?.maximum !== undefined && first > special.maximum) return outOfRange(field, first)
    fields[name] = first === special?.unavailable ? null : inUnits(format, counts, fractionOf(resolution, flags))
  }
  return fields
}

/** The flag that a field stands behind: bit and the value it must have, or null when the field is always there. */
export const conditionOf = (when: Presence): { readonly bit: number; readonly is: boolean } | null => {
  if (when === "always") return null
  const [word, bit] = when.split(" ")
  return { bit: Number(bit), is: word === "if" }
}

export const isPresent = (when: Presence, flags: number): boolean => {
  const condition = conditionOf(when)
  return condition === null || isSet(flags, condition.bit) === condition.is
}

export const fractionOf = (resolution: Resolution, flags: number): Fraction => {
  if (!("ifBit0" in resolution)) return resolution
  return isSet(flags, 0) ? resolution.ifBit0 : resolution.unlessBit0
}

/** The widths of the numbers in one field, in bits; those of `u16[]` are told by the packet. */
export const WIDTHS = {
  u8: 8,
  u12: 12,
  u16: 16,
  u24: 24,
  u32: 32,
  s16: 16,
  "u16[]": 16,
} as const satisfies Record<Exclude<Format, "u8or16" | "dateTime">, number>

const isSet = (flags: number, bit: number): boolean => ((flags >>> bit) & 1) === 1

const readCounts = (bits: BitReader, format: Format, flags: number): ReadonlyArray<number> | undefined => {
  switch (format) {
    case "s16":
      return every(bits.signed(16))
    case "u8or16":
      return every(bits.unsigned(isSet(flags, 0) ? 16 : 8))
    case "dateTime":
      return every(...[16, 8, 8, 8, 8, 8].map((width) => bits.unsigned(width)))
    case "u16[]":
      // At least one; half a number at the end is one that was cut.
      return every(...Array.from({ length: Math.max(1, Math.ceil(bits.remaining / 16)) }, () => bits.unsigned(16)))
    default:
      return every(bits.unsigned(WIDTHS[format]))
  }
}

const every = (...counts: ReadonlyArray<number | undefined>): ReadonlyArray<number> | undefined => {
  const known = counts.filter((count) => count !== undefined)
  return known.length === counts.length ? known : undefined
}

const inUnits = (format: Format, counts: ReadonlyArray<number>, [numerator, denominator]: Fraction): unknown => {
  const values = counts.map((count) => (count * numerator) / denominator)
  if (format === "u16[]") return values
  return format === "dateTime" ? dateTimeOf(counts) : values[0]
}

const dateTimeOf = ([
  year = 0,
  month = 0,
  day = 0,
  hours = 0,
  minutes = 0,
  seconds = 0,
]: ReadonlyArray<number>): DateTime => ({
  year,
  month,
  day,
  hours,
  minutes,
  seconds,
})

const cutShort = (field: string, layout: Layout, bytes: Uint8Array): Fault => ({
  reason: "cut-short",
  field,
  message: `The ${layout.tag} packet of ${bytes.length} bytes ends before or inside ${field}, which its flags promise.`,
})

const outOfRange = ([, name, , , special]: Field, count: number): Fault => ({
  reason: "out-of-range",
  field: name,
  message: `${name} is ${count}, and the specification allows at most ${special?.maximum}.`,
})
