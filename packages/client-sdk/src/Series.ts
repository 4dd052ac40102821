/**
 * Series of an athlete: what was measured, by time range and resolution.
 *
 * @example
 * const series = client.series("athlete-9c1hm3v8x2rd")
 * const { series: [heart] } = await series.buckets({ kind: "heartRate", from: start, to: end, resolution: "1min" })
 * heart?.atMs.forEach((atMs, i) => console.log(new Date(atMs), heart.mean?.[i]))
 */
import type { SeriesBuckets, SeriesList, SeriesSamples } from "@paceline/core/contract"
import type { Http } from "./Http.ts"
import { isInteger, isRecord, isString } from "./LiveValues.ts"

/** A time range of one kind. */
export interface SeriesRange {
  /** Such as `heartRate`, or `custom:` and the name of a custom stream. */
  readonly kind: string
  /** Milliseconds since the epoch; a day before `to` if not given. */
  readonly from?: number
  /** Up to, but not with, this instant; now if not given. */
  readonly to?: number
  /** What each sensor said (`each`, if not given), or one series of the best source of each minute. */
  readonly source?: "each" | "best"
}

export interface SeriesClient {
  /** What there is. @throws ApiError */
  readonly list: () => Promise<SeriesList>
  /** @throws ApiError; `InvalidRequest` when the range is too large for the resolution, with the one to ask for */
  readonly buckets: (
    range: SeriesRange & { readonly resolution?: "1s" | "1min" | "5min" | "1h" },
  ) => Promise<SeriesBuckets>
  /** A page of single samples; `next` is the `after` of the next one. @throws ApiError */
  readonly samples: (
    range: SeriesRange & { readonly limit?: number; readonly after?: string },
  ) => Promise<SeriesSamples>
}

export const seriesOf = (http: Pick<Http, "get">, athleteId: string): SeriesClient => {
  const path = (query: Readonly<Record<string, string | number>>): string => {
    const text = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)])).toString()
    return `v1/athletes/${encodeURIComponent(athleteId)}/series${text === "" ? "" : `?${text}`}`
  }
  return {
    list: () => http.get(path({}), isList),
    buckets: (range) => http.get(path({ ...range }), isBuckets),
    samples: (range) => http.get(path({ ...range, resolution: "raw" }), isSamples),
  }
}

const isArrayOf = (value: unknown, is: (each: unknown) => boolean): boolean => Array.isArray(value) && value.every(is)

const isNumber = (value: unknown): boolean => typeof value === "number"

/** Columns belong together by their index: one that is missing or shorter would say something else. */
const isColumn = (value: unknown, length: number, is: (each: unknown) => boolean): boolean =>
  isArrayOf(value, is) && Array.isArray(value) && value.length === length

const lengthOf = (value: unknown): number => (Array.isArray(value) ? value.length : -1)

const FIGURES = ["mean", "sum", "last", "increase", "from"] as const

const isBucketColumns = (value: unknown): boolean => {
  if (!isRecord(value)) return false
  const length = lengthOf(value["atMs"])
  return (
    isColumn(value["atMs"], length, isInteger) &&
    isColumn(value["samples"], length, isInteger) &&
    isColumn(value["min"], length, isNumber) &&
    isColumn(value["max"], length, isNumber) &&
    FIGURES.every((name) => value[name] === undefined || isColumn(value[name], length, isNumber))
  )
}

const isRun = (value: unknown): boolean => {
  if (!isRecord(value)) return false
  const length = lengthOf(value["atMs"])
  return (
    isInteger(value["source"]) &&
    isString(value["incarnation"]) &&
    isInteger(value["n"]) &&
    isColumn(value["atMs"], length, isInteger) &&
    isColumn(value["values"], length, (each) => each === null || isNumber(each))
  )
}

const isSource = (value: unknown): boolean =>
  isRecord(value) && isString(value["deviceId"]) && isString(value["sensor"]) && isString(value["unit"])

const isOfRange = (value: Record<string, unknown>): boolean =>
  isInteger(value["fromMs"]) &&
  isInteger(value["toMs"]) &&
  isArrayOf(value["sources"], isSource) &&
  isArrayOf(value["gaps"], isRecord)

const isList = (value: unknown): value is SeriesList =>
  isRecord(value) &&
  value["_tag"] === "List" &&
  isArrayOf(
    value["series"],
    (one) => isRecord(one) && isString(one["kind"]) && isInteger(one["samples"]) && isArrayOf(one["sources"], isSource),
  )

const isBuckets = (value: unknown): value is SeriesBuckets =>
  isRecord(value) && value["_tag"] === "Buckets" && isOfRange(value) && isArrayOf(value["series"], isBucketColumns)

const isSamples = (value: unknown): value is SeriesSamples =>
  isRecord(value) &&
  value["_tag"] === "Samples" &&
  isOfRange(value) &&
  isArrayOf(value["runs"], isRun) &&
  (value["next"] === null || isString(value["next"]))
