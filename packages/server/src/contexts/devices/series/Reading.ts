/**
 * How a question about a series is meant: its range on the grid of its resolution, its bounds, and where pages of raw
 * samples go on.
 */
import { InvalidRequest, type Resolution, type SeriesQuery } from "@paceline/core/contract"
import { Either, Encoding, Schema } from "effect"
import type { IndexedRun, RunPlace } from "./Repository.ts"

/** How wide a bucket is, milliseconds; raw samples have none. */
export const WIDTH_MILLIS: Readonly<Record<Resolution, number>> = {
  raw: 1,
  "1s": 1_000,
  "1min": 60_000,
  "5min": 300_000,
  "1h": 3_600_000,
}

/** At most so many buckets are answered, over all sources. */
const MOST_BUCKETS = 20_000

/** Seconds are counted from the samples themselves: from so many at most. */
export const MOST_COUNTED = 3_000_000

/** So many runs of a page of raw samples, at most. */
export const RUNS_A_PAGE = 4_000

const HOUR = 3_600_000
const DAY = 86_400_000

/** Before every time that there is. */
const BEFORE_ALL = Number.MIN_SAFE_INTEGER

const SAMPLES_A_PAGE = 5_000

export interface Asked {
  readonly kind: string
  readonly resolution: Resolution
  readonly best: boolean
  /** On the grid of the resolution. */
  readonly fromMs: number
  readonly toMs: number
  readonly limit: number
  readonly after: Place | null
}

/** Where a page of raw samples begins: with this run, without its first samples. */
export interface Place {
  readonly hour: number
  readonly firstAtMs: number
  readonly streamId: number
  readonly incarnationId: number
  readonly n: number
  readonly skip: number
}

const PlaceFields = Schema.parseJson(
  Schema.Tuple(Schema.Int, Schema.Int, Schema.Int, Schema.Int, Schema.Int, Schema.NonNegativeInt),
)
const decodePlace = Schema.decodeUnknownEither(PlaceFields)

export const formatPlace = ({ firstAtMs, hour, incarnationId, n, skip, streamId }: Place): string =>
  Encoding.encodeBase64Url(JSON.stringify([hour, firstAtMs, streamId, incarnationId, n, skip]))

const parsePlace = (text: string): Place | null => {
  const fields = Either.flatMap(Encoding.decodeBase64UrlString(text), decodePlace)
  if (Either.isLeft(fields)) return null
  const [hour, firstAtMs, streamId, incarnationId, n, skip] = fields.right
  return { hour, firstAtMs, streamId, incarnationId, n, skip }
}

const refuse = (message: string): Either.Either<never, InvalidRequest> => Either.left(new InvalidRequest({ message }))

/** What is asked, or why it cannot be meant. */
export const parse = (query: SeriesQuery, kind: string, nowMs: number): Either.Either<Asked, InvalidRequest> => {
  const { resolution = "1min" } = query
  const width = WIDTH_MILLIS[resolution]
  const to = query.to ?? nowMs
  const from = query.from ?? to - DAY
  if (from >= to) return refuse("The range is empty: `from` must be before `to`.")
  const fromMs = Math.floor(from / width) * width
  const toMs = Math.ceil(to / width) * width
  if (resolution !== "raw" && (query.after !== undefined || query.limit !== undefined)) {
    return refuse("`limit` and `after` are for raw samples: ask with resolution=raw.")
  }
  const after = query.after === undefined ? null : parsePlace(query.after)
  if (after === null && query.after !== undefined) return refuse("`after` is not the `next` of a page. Leave it out.")
  const { limit = SAMPLES_A_PAGE, source = "each" } = query
  return Either.right({ kind, resolution, best: source === "best", fromMs, toMs, limit, after })
}

/** Why so many samples are not counted. */
export const tooMany = (samples: number): InvalidRequest =>
  new InvalidRequest({
    message: `This range holds ${samples} samples, and seconds are counted of at most ${MOST_COUNTED}. Ask with resolution=1min, or for less time.`,
  })

const COARSER: Readonly<Record<Resolution, Resolution>> = {
  raw: "1s",
  "1s": "1min",
  "1min": "5min",
  "5min": "1h",
  "1h": "1h",
}

/** Why the answer would be too large, with the finest resolution that is not; null when it is not. */
export const tooLarge = ({ fromMs, resolution, toMs }: Asked, series: number): InvalidRequest | null => {
  if (resolution === "raw") return null
  const buckets = (of: Resolution) => Math.ceil((toMs - fromMs) / WIDTH_MILLIS[of]) * Math.max(1, series)
  if (buckets(resolution) <= MOST_BUCKETS) return null
  let other = COARSER[resolution]
  while (buckets(other) > MOST_BUCKETS && COARSER[other] !== other) other = COARSER[other]
  const fits = buckets(other) <= MOST_BUCKETS
  return new InvalidRequest({
    message: `This range has up to ${buckets(resolution)} buckets of ${resolution}, and an answer at most ${MOST_BUCKETS}. ${
      fits ? `Ask with resolution=${other}, or for less time.` : "Ask for less time."
    }`,
  })
}

/** Where the runs of a stream begin that a page still has to give. */
export const startOf = ({ after, fromMs }: Asked, streamId: number): RunPlace => {
  if (after === null) return { hour: Math.floor(fromMs / HOUR), firstAtMs: BEFORE_ALL, incarnationId: -1, n: -1 }
  const { firstAtMs, hour, incarnationId, n } = after
  if (streamId === after.streamId) return { hour, firstAtMs, incarnationId, n }
  // Of runs that begin together those of the streams before it were given.
  const edge = streamId < after.streamId ? Number.MAX_SAFE_INTEGER : -1
  return { hour, firstAtMs, incarnationId: edge, n: edge }
}

/** The order in which pages give runs. */
export const inOrder = (a: IndexedRun, b: IndexedRun): number =>
  a.hour - b.hour ||
  a.firstAtMs - b.firstAtMs ||
  a.streamId - b.streamId ||
  a.incarnationId - b.incarnationId ||
  a.n - b.n
