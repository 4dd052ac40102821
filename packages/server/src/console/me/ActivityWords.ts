/** What an activity is called on the page: its day, its length, its sources, and what its heart rate did. Plain functions. */
import type { Merge } from "@paceline/client-sdk"
import { clockFace } from "../parts/ClockFace.ts"
import type { Hole, TracePoint } from "./chart/Trace.ts"

const DAY_MILLIS = 86_400_000

/**
 * The day in the zone of the screen: `Today`, `Yesterday`, else such as `Fri 20 Nov`, with the year where it is another.
 *
 * @param locale how an English text writes dates there
 */
export const dayOf = (atMs: number, nowMs: number, locale: string): string => {
  const [day, today] = [new Date(atMs), new Date(nowMs)]
  if (day.toDateString() === today.toDateString()) return "Today"
  if (day.toDateString() === new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1).toDateString()) {
    return "Yesterday"
  }
  const isThisYear = day.getFullYear() === today.getFullYear()
  return new Intl.DateTimeFormat(locale, {
    weekday: "short",
    day: "numeric",
    month: "short",
    ...(isThisYear ? {} : { year: "numeric" }),
  }).format(day)
}

/** The page is in English: dates are written as where its reader's English comes from. */
export const localeOf = (language: string): string => (language.toLowerCase().startsWith("en") ? language : "en-GB")

/** A length in words that need no explaining: `45 s`, `47 min`, `2 h 05 min`. */
export const lengthOf = (millis: number): string => {
  const seconds = Math.max(0, Math.round(millis / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  const rest = minutes % 60
  if (millis >= 3 * DAY_MILLIS) return `${hours} h`
  return rest === 0 ? `${hours} h` : `${hours} h ${String(rest).padStart(2, "0")} min`
}

type Recording = Pick<Merge["recordings"][number], "source" | "deviceId" | "sensor">
type Source = Recording["source"]

const SOURCE_WORDS: Readonly<Record<Source, string>> = {
  strap: "strap",
  sensor: "sensor",
  machine: "machine",
  watch: "watch",
  phone: "phone",
  file: "file",
  unknown: "another device",
}

export const sourceWord = (source: Source): string => SOURCE_WORDS[source]

/** Such as `strap, watch and phone`. Two of a kind are `2 watches`; one that was stopped and started again is one. */
export const sourcesOf = (recordings: ReadonlyArray<Recording>): string => {
  const each = new Map(recordings.map((one) => [JSON.stringify([one.deviceId, one.sensor, one.source]), one.source]))
  const sources = [...each.values()]
  const kinds = [...new Set(sources)].map((source) => {
    const count = sources.filter((other) => other === source).length
    return count === 1 ? sourceWord(source) : `${count} ${pluralOf(source)}`
  })
  const last = kinds.pop() ?? ""
  return kinds.length === 0 ? last : `${kinds.join(", ")} and ${last}`
}

const pluralOf = (source: Source): string =>
  source === "watch" ? "watches" : source === "unknown" ? "other devices" : `${sourceWord(source)}s`

const NUMBERS = [
  "no",
  "one",
  "two",
  "three",
  "four",
  "five",
  "six",
  "seven",
  "eight",
  "nine",
  "ten",
  "eleven",
  "twelve",
]

/** Small numbers as words. */
export const numberOf = (n: number): string => NUMBERS[n] ?? String(n)

/** One point, two points. */
export const pointsOf = (points: number): string => `${points} ${points === 1 ? "point" : "points"}`

/** What the chart shows, for who does not see it. */
export const summaryOf = (all: TracePoint, holes: ReadonlyArray<Hole>, durationMillis: number): string => {
  const range = `Over ${lengthOf(durationMillis)} your heart beat ${Math.round(all.min)} to ${Math.round(all.max)} times a minute, ${Math.round(all.mean)} on average.`
  if (holes.length === 0) return range
  const silence = holes.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0)
  const places = holes.length === 1 ? "in one place" : `in ${numberOf(holes.length)} places`
  return `${range} For ${clockFace(silence)} nothing was heard, ${places}: there the line is broken.`
}
