/**
 * Writes a packet by its table: the flags that the given fields and marks ask for, then the fields in order.
 * What the wire cannot say is refused with a RangeError that names the field, never rounded into its range.
 */
import { BitWriter } from "./Bits.ts"
import type { Field, Format, Fraction, Layout } from "./Layout.ts"
import { conditionOf, fractionOf, isPresent, WIDTHS } from "./LayoutReader.ts"

/** Throws RangeError: a field that does not fit its counts, or that is missing where another needs it. */
export const writeFields = (layout: Layout, measurement: object): Uint8Array => {
  const flags = flagsFor(layout, measurement)
  const bits = new BitWriter()
  bits.write(flags, 8 * layout.flagBytes)
  for (const field of layout.fields) {
    const [when, name] = field
    const value: unknown = Reflect.get(measurement, name)
    if (!isPresent(when, flags)) {
      if (value !== undefined)
        throw new RangeError(`${layout.tag}: ${name} cannot travel in a packet with these marks.`)
      continue
    }
    if (value === undefined)
      throw new RangeError(`${layout.tag}: ${name} is missing; it is required, alone or by its pair.`)
    writeValue(bits, field, value, flags)
  }
  return bits.toBytes()
}

const flagsFor = (layout: Layout, measurement: object): number => {
  let flags = 0
  for (const [bit, name, clear, set] of layout.marks) {
    const value: unknown = Reflect.get(measurement, name)
    if (value !== clear && value !== set) throw new RangeError(`${layout.tag}: ${name} must be ${clear} or ${set}.`)
    if (value === set) flags |= 1 << bit
  }
  for (const [when, name, format] of layout.fields) {
    const value: unknown = Reflect.get(measurement, name)
    const condition = conditionOf(when)
    if (condition?.is && value !== undefined) flags |= 1 << condition.bit
    if (format === "u8or16" && typeof value === "number" && value > 0xff) flags |= 1
  }
  return flags
}

const writeValue = (bits: BitWriter, field: Field, value: unknown, flags: number): void => {
  const [, name, format, resolution, special] = field
  const fraction = fractionOf(resolution, flags)
  if (format === "dateTime") {
    for (const [part, width] of DATE_TIME) bits.write(countOf(`${name}.${part}`, partOf(value, part), width), width)
  } else if (format === "u16[]") {
    if (!Array.isArray(value) || value.length === 0) throw new RangeError(`${name} needs at least one number.`)
    for (const item of value) bits.write(countOf(name, inCounts(item, fraction), 16), 16)
  } else if (value === null && special?.unavailable !== undefined) {
    bits.write(special.unavailable, WIDTHS_OF[format])
  } else {
    const width = format === "u8or16" ? 8 * (1 + (flags & 1)) : WIDTHS_OF[format]
    const count = countOf(name, inCounts(value, fraction), width, format === "s16")
    if (count === special?.unavailable || count > (special?.maximum ?? count)) throw new RangeError(tooFar(name, value))
    bits.write(count, width)
  }
}

const WIDTHS_OF = { ...WIDTHS, u8or16: 8 } as const satisfies Record<Exclude<Format, "dateTime">, number>

/** Date Time (2A08), in the order of the wire. */
const DATE_TIME = [
  ["year", 16],
  ["month", 8],
  ["day", 8],
  ["hours", 8],
  ["minutes", 8],
  ["seconds", 8],
] as const

const partOf = (value: unknown, part: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, part) : undefined

/** The nearest whole number of counts. */
const inCounts = (value: unknown, [numerator, denominator]: Fraction): unknown =>
  typeof value === "number" ? Math.round((value * denominator) / numerator) : value

const countOf = (name: string, count: unknown, width: number, signed = false): number => {
  const [least, most] = signed ? [-(2 ** (width - 1)), 2 ** (width - 1) - 1] : [0, 2 ** width - 1]
  if (typeof count !== "number" || !Number.isInteger(count) || count < least || count > most) {
    throw new RangeError(tooFar(name, count))
  }
  return count
}

const tooFar = (name: string, value: unknown): string => `${name} cannot be told on the wire: ${String(value)}.`
