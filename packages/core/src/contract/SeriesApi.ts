/**
 * The series group of the API: what was measured of an athlete, by time range and resolution, and where each sample came
 * from.
 *
 * Columns have the same length and belong together by their index. Times are milliseconds since the epoch; buckets are
 * UTC's. `docs/series.md` says what each figure means for each kind.
 */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import { ParseResult, Schema } from "effect"
import { SourceRank } from "../kernel/index.ts"
import { Authentication } from "./Access.ts"
import { Forbidden, InvalidRequest, NotFound, Unavailable } from "./Errors.ts"
import { EpochMillis } from "./Events.ts"
import { AthleteId, DeviceId } from "./Ids.ts"

const path = { athlete: HttpApiSchema.param("athleteId", AthleteId) }

// ---------------------------------------------------------------- what is asked

const WITH_ZONE = /(Z|[+-]\d{2}:?\d{2})$/i

/** Milliseconds, or a time of ISO 8601, in UTC unless it names an offset; null for anything else. */
const instantOf = (text: string): number | null => {
  if (/^-?\d{1,15}$/.test(text)) return Number(text)
  if (!/^\d{4}-\d{2}-\d{2}(T|$)/.test(text)) return null
  const atMs = Date.parse(text.length === 10 || WITH_ZONE.test(text) ? text : `${text}Z`)
  return Number.isNaN(atMs) ? null : atMs
}

export const Instant = Schema.transformOrFail(Schema.String, Schema.Int, {
  strict: true,
  decode: (text, _, ast) => {
    const atMs = instantOf(text)
    const message = `"${text}" is no time: give milliseconds since the epoch, or such as 2026-11-20T18:00:00Z`
    return atMs === null ? ParseResult.fail(new ParseResult.Type(ast, text, message)) : ParseResult.succeed(atMs)
  },
  encode: (atMs) => ParseResult.succeed(String(atMs)),
}).annotations({
  identifier: "Instant",
  description: "Milliseconds since the epoch, or a time such as `2026-11-20T18:00:00Z`; without an offset it is UTC.",
})

export const Resolution = Schema.Literal("raw", "1s", "1min", "5min", "1h").annotations({ identifier: "Resolution" })
export type Resolution = typeof Resolution.Type

export const SeriesQuery = Schema.Struct({
  kind: Schema.optional(
    Schema.String.annotations({
      description:
        "What was measured, such as `heartRate`, or `custom:` and the name of a custom stream. Without it the answer " +
        "is the list of what there is.",
    }),
  ),
  from: Schema.optional(Instant.annotations({ description: "The first instant. A day before `to` if not given." })),
  to: Schema.optional(Instant.annotations({ description: "Up to, but not with, this instant. Now if not given." })),
  resolution: Schema.optional(
    Resolution.annotations({ description: "How wide a bucket is, or `raw` for each sample. `1min` if not given." }),
  ),
  source: Schema.optional(
    Schema.Literal("each", "best").annotations({
      description:
        "`each`, if not given: what each sensor said, by itself. `best`: one series, of which each minute is that of " +
        "the best source that has samples in it.",
    }),
  ),
  limit: Schema.optional(
    Schema.String.annotations({
      description: "Of `raw`: at most so many samples, up to 20000. 5000 if not given.",
    }).pipe(
      Schema.parseNumber,
      Schema.int(),
      Schema.between(1, 20_000, { message: () => "A page of raw samples has from 1 to 20000." }),
    ),
  ),
  after: Schema.optional(Schema.String.annotations({ description: "Of `raw`: the `next` of the page before." })),
})
export type SeriesQuery = typeof SeriesQuery.Type

// ---------------------------------------------------------------- what is answered

export const SensorSource = Schema.Literal(...SourceRank.SOURCES).annotations({
  identifier: "SensorSource",
  description: "What measured.",
})

/** A sensor of a bridge. */
export const SeriesSource = Schema.Struct({
  deviceId: DeviceId,
  deviceName: Schema.String,
  sensor: Schema.String,
  source: SensorSource,
  unit: Schema.String,
}).annotations({ identifier: "SeriesSource" })
export type SeriesSource = typeof SeriesSource.Type

/** Chunks that the bridge no longer has: a hole in the data, and no rest of the athlete. */
export const SeriesGap = Schema.Struct({
  deviceId: DeviceId,
  incarnation: Schema.String,
  first: Schema.Int,
  last: Schema.Int,
  samples: Schema.NullOr(Schema.Int),
  fromMs: Schema.NullOr(EpochMillis).annotations({
    description:
      "The bridge's wall clock around what is missing; null when it did not say, and it may be in the range.",
  }),
  toMs: Schema.NullOr(EpochMillis),
  reason: Schema.String,
  receivedAtMs: EpochMillis,
}).annotations({ identifier: "SeriesGap" })
export type SeriesGap = typeof SeriesGap.Type

const Extent = {
  samples: Schema.Int,
  firstAtMs: EpochMillis,
  lastAtMs: EpochMillis,
}

const Numbers = Schema.Array(Schema.Number)

export const SeriesList = Schema.Struct({
  _tag: Schema.Literal("List"),
  athleteId: AthleteId,
  series: Schema.Array(
    Schema.Struct({
      kind: Schema.String,
      unit: Schema.String,
      ...Extent,
      sources: Schema.Array(Schema.Struct({ ...SeriesSource.fields, ...Extent })),
    }),
  ),
  computing: Schema.Boolean.annotations({
    description: "Whether older chunks are still being looked through, so that something may be missing yet.",
  }),
}).annotations({ identifier: "SeriesList", description: "What was measured of an athlete." })
export type SeriesList = typeof SeriesList.Type

const Range = {
  athleteId: AthleteId,
  kind: Schema.String,
  resolution: Resolution,
  fromMs: EpochMillis,
  toMs: EpochMillis,
  /** What `source` counts, from 0. */
  sources: Schema.Array(SeriesSource),
  gaps: Schema.Array(SeriesGap),
  computing: SeriesList.fields.computing,
}

export const BucketColumns = Schema.Struct({
  source: Schema.NullOr(Schema.Int).annotations({ description: "Null for what was merged of several." }),
  unit: Schema.String,
  atMs: Schema.Array(EpochMillis).annotations({ description: "Where each bucket begins. Empty buckets are left out." }),
  samples: Schema.Array(Schema.Int),
  min: Numbers,
  max: Numbers,
  mean: Schema.optional(Numbers),
  sum: Schema.optional(Numbers),
  last: Schema.optional(Numbers),
  increase: Schema.optional(Numbers),
  from: Schema.optional(Schema.Array(Schema.Int)).annotations({
    description: "Of a merged series: the source that gave most of the bucket.",
  }),
}).annotations({ identifier: "BucketColumns" })
export type BucketColumns = typeof BucketColumns.Type

export const SeriesBuckets = Schema.Struct({
  _tag: Schema.Literal("Buckets"),
  ...Range,
  series: Schema.Array(BucketColumns),
}).annotations({ identifier: "SeriesBuckets", description: "Samples by the second, the minute or the hour." })
export type SeriesBuckets = typeof SeriesBuckets.Type

export const ClockLabel = Schema.Literal("ok", "ahead", "behind", "stepped", "unknown").annotations({
  identifier: "ClockLabel",
  description:
    "How far the clock that labelled samples is believed, to two minutes. `ok`: it agrees with this server's. `ahead`, " +
    "`behind`: it does not. `stepped`: it was set after the samples. `unknown`: the bridge did not tell, or was restarted.",
})
export type ClockLabel = typeof ClockLabel.Type

/** Samples of one chunk of one sensor, in the order recorded, and how they got here. */
export const SampleRun = Schema.Struct({
  source: Schema.Int,
  incarnation: Schema.String,
  n: Schema.Int.annotations({ description: "The number of the chunk." }),
  receivedAtMs: EpochMillis,
  arrival: Schema.Literal("live", "back-filled", "file").annotations({
    description:
      "`live`: received within two minutes of being measured, by both clocks. `back-filled`: later. `file`: from a file.",
  }),
  codec: Schema.Int.annotations({ description: "The version of the telemetry codec that it came in." }),
  clock: ClockLabel,
  atMs: Schema.Array(EpochMillis),
  values: Schema.Array(Schema.NullOr(Schema.Number)).annotations({
    description: "As measured; null for what is no number (JSON has no NaN).",
  }),
}).annotations({ identifier: "SampleRun" })
export type SampleRun = typeof SampleRun.Type

export const SeriesSamples = Schema.Struct({
  _tag: Schema.Literal("Samples"),
  ...Range,
  runs: Schema.Array(SampleRun),
  next: Schema.NullOr(Schema.String).annotations({ description: "Where the next page begins: give it as `after`." }),
}).annotations({ identifier: "SeriesSamples", description: "Each sample, with where it came from." })
export type SeriesSamples = typeof SeriesSamples.Type

export const SeriesAnswer = Schema.Union(SeriesList, SeriesBuckets, SeriesSamples)
export type SeriesAnswer = typeof SeriesAnswer.Type

// ---------------------------------------------------------------- the group of the API

export class SeriesApi extends HttpApiGroup.make("series")
  .add(
    HttpApiEndpoint.get("read")`/athletes/${path.athlete}/series`
      .setUrlParams(SeriesQuery)
      .addSuccess(SeriesAnswer)
      .addError(NotFound)
      .addError(InvalidRequest)
      .annotate(
        OpenApi.Summary,
        "What was measured of an athlete: the list, or one kind by time range and resolution (the athlete, or admin)",
      ),
  )
  .add(
    HttpApiEndpoint.post("rebuild", "/operations/series/rebuild")
      .addSuccess(Schema.Struct({ chunks: Schema.Int }), { status: 202 })
      .annotate(
        OpenApi.Summary,
        "Throw away all that was computed, and compute it again from the stored chunks (admin)",
      ),
  )
  .middleware(Authentication)
  .addError(Forbidden)
  .addError(Unavailable)
  .annotate(OpenApi.Title, "Series")
  .annotate(OpenApi.Description, "What was measured, over time.") {}
