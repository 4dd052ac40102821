/** Numbers, times and names as GPX and TCX write them. */

/** A decimal number; undefined when it is none, or not finite. */
export const numberOf = (text: string | undefined): number | undefined => {
  if (text === undefined || !/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return undefined
  const value = Number(text)
  return Number.isFinite(value) ? withoutFloat32Noise(value) : undefined
}

/**
 * Devices measure in float32, and programs write these out as if they were float64: 230.6 m becomes
 * 230.600006103515625. The shortest decimal that is the same float32 is what was meant, and costs fewer bytes.
 * A number that no float32 holds, such as a fine latitude, is left as it is.
 */
const withoutFloat32Noise = (value: number): number => {
  if (Math.fround(value) !== value || Number.isInteger(value)) return value
  for (let digits = 1; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits))
    if (Math.fround(shorter) === value) return shorter
  }
  return value
}

const DATE_TIME = /^(-?\d{4,6})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?\s*(Z|[+-]\d\d:?\d\d)?$/i

/**
 * Whole milliseconds since the epoch of an xsd:dateTime; undefined when it is none. GPX and TCX are in UTC by their
 * definition, so a time without a zone is, whatever the zone of this computer.
 */
export const timeOf = (text: string | undefined): number | undefined => {
  const match = text === undefined ? null : DATE_TIME.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour, minute, second, fraction = "0", zone = "Z"] = match
  const [y, mo, d, h, mi, s] = [year, month, day, hour, minute, second].map(Number)
  if (
    y === undefined ||
    mo === undefined ||
    d === undefined ||
    h === undefined ||
    mi === undefined ||
    s === undefined
  ) {
    return undefined
  }
  if (mo < 1 || mo > 12 || d < 1 || d > 31 || h > 24 || mi > 59 || s > 60) return undefined
  const utc = Date.UTC(y, mo - 1, d, h, mi, s, Math.round(Number(`0.${fraction}`) * 1000))
  const at = utc - offsetMillis(zone)
  return Number.isSafeInteger(at) ? at : undefined
}

const offsetMillis = (zone: string): number => {
  const match = /^([+-])(\d\d):?(\d\d)$/.exec(zone)
  if (match === null) return 0
  const [, sign, hours, minutes] = match
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["&lt;", "<"],
  ["&gt;", ">"],
  ["&quot;", '"'],
  ["&apos;", "'"],
  ["&amp;", "&"],
])

/** A name for people, with the five entities that XML itself has resolved; null when there is none. */
export const nameOf = (text: string | undefined): string | null =>
  text?.replace(/&(lt|gt|quot|apos|amp);/g, (entity) => ENTITIES.get(entity) ?? entity) || null
