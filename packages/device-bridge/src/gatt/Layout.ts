/**
 * The vocabulary in which a Bluetooth characteristic is written down as a table.
 *
 * A measurement begins with flags. A *mark* is a flag that says something itself (walking or running). A *field*
 * is there always, or when its flag is set, or when its flag is clear, and fields follow each other in the order
 * of the table, little-endian, with no gaps:
 *
 *     ["if 1", "strideLengthMetres", "u16", [1, 100]]        present when bit 1 is set, one count is 1/100 m
 *
 * The type of the measurement is computed from the same table (`MeasurementIn`), so the two cannot disagree.
 */

/** When a field is there: always, when this flag bit is 1, or when it is 0. */
export type Presence = "always" | `if ${number}` | `unless ${number}`

/**
 * How a field lies in the packet. `u8or16` is 16 bits wide when flag bit 0 is set, else 8. `u16[]` takes the rest
 * of the packet, at least one number. `dateTime` is the seven bytes of Date Time (2A08).
 */
export type Format = "u8" | "u12" | "u16" | "u24" | "u32" | "s16" | "u8or16" | "u16[]" | "dateTime"

/** One count on the wire is `numerator / denominator` of the unit in the field's name. */
export type Fraction = readonly [numerator: number, denominator: number]

/** A fraction, or two when flag bit 0 chooses the unit on the wire. */
export type Resolution = Fraction | { readonly unlessBit0: Fraction; readonly ifBit0: Fraction }

interface Special {
  /** The count that means "no value": read as null. */
  readonly unavailable?: number
  /** The greatest count the specification allows; more is an error. */
  readonly maximum?: number
}

export type Field = readonly [when: Presence, name: string, format: Format, resolution: Resolution, special?: Special]

type MarkValue = string | boolean

type Mark = readonly [bit: number, name: string, clear: MarkValue, set: MarkValue]

export interface Layout {
  /** What a measurement of this table is called. */
  readonly tag: string
  /** Where the fields and their resolutions are specified. */
  readonly source: string
  readonly flagBytes: 0 | 1 | 2 | 3
  readonly marks: ReadonlyArray<Mark>
  readonly fields: ReadonlyArray<Field>
}

/** A time of day in the sensor's own time zone, which it does not tell. Year, month or day 0: unknown. */
export interface DateTime {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hours: number
  readonly minutes: number
  readonly seconds: number
}

/** One count is one unit. */
export const WHOLE = [1, 1] as const satisfies Fraction

type ValueIn<F extends Field> = F[2] extends "dateTime"
  ? DateTime
  : F[2] extends "u16[]"
    ? ReadonlyArray<number>
    : F extends readonly [Presence, string, Format, Resolution, { readonly unavailable: number }]
      ? number | null
      : number

type RequiredIn<F extends Field> = { readonly [R in F as R[0] extends "always" ? R[1] : never]: ValueIn<R> }

type OptionalIn<F extends Field> = { readonly [R in F as R[0] extends "always" ? never : R[1]]?: ValueIn<R> }

type MarksIn<M extends Mark> = { readonly [R in M as R[1]]: R[2] | R[3] }

type Flat<T> = { [K in keyof T]: T[K] }

/** What a packet of this table says: its tag, every mark, every field by name; a field that was not sent is absent. */
export type MeasurementIn<L extends Layout> = L extends Layout
  ? Flat<
      { readonly _tag: L["tag"] } & MarksIn<L["marks"][number]> &
        RequiredIn<L["fields"][number]> &
        OptionalIn<L["fields"][number]>
    >
  : never
