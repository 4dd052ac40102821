/**
 * How far a time zone's clocks are from UTC at an instant.
 *
 * Kernels that need a zone take the lookup as a function, so that they can be checked against zones that nobody has.
 * This is the lookup over the time zone database that the runtime carries (`Intl`); it asks no clock.
 *
 * @example
 * ZoneOffset.offsetMinutes("Asia/Kathmandu", 1_750_000_000_000) // 345
 */
import * as BoundedMap from "../resilience/BoundedMap.ts"

/** Minutes east of UTC; a fraction where a zone kept its own local mean time, before standard time. */
export type OffsetLookup = (zone: string, epochMillis: number) => number

/**
 * Over the time zones of the runtime; about a microsecond.
 *
 * @throws RangeError when the runtime knows no such zone, or the instant is not a date. Check what comes from outside
 * with `isZone` first.
 */
export const offsetMinutes: OffsetLookup = (zone, epochMillis) => {
  const named = BoundedMap.getOrMake(formats, zone, () => format(zone)).format(epochMillis)
  const [, sign, hours, minutes, seconds] = OFFSET.exec(named) ?? []
  if (sign === undefined) throw new RangeError(`No offset in "${named}" for the zone ${zone}`)
  const size = Number(hours) * 60 + Number(minutes) + Number(seconds ?? 0) / 60
  return sign === "+" ? size : -size
}

/** Whether the runtime knows this time zone. */
export const isZone = (zone: string): boolean => {
  try {
    BoundedMap.getOrMake(formats, zone, () => format(zone))
    return true
  } catch {
    return false
  }
}

/** The end of `10/25/2026, GMT+01:00`; zones had seconds before standard time. */
const OFFSET = /GMT([+-])(\d{2}):(\d{2})(?::(\d{2}))?$/

const format = (zone: string): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" })

/** To make a format costs a hundred times what using it does. There are about 400 zones, with their other names 600. */
const formats = BoundedMap.make<string, Intl.DateTimeFormat>(600)
