/** `paceline series`: what was measured of an athlete, as a table, as CSV for a spreadsheet, or as JSON. */
import {
  AthleteId,
  Instant,
  Resolution,
  type SeriesAnswer,
  type SeriesBuckets,
  type SeriesList,
  type SeriesSamples,
} from "@paceline/core/contract"
import { Console, Effect, Schema } from "effect"
import type { ResolvedSettings } from "../config/Settings.ts"
import { connect, orRefused } from "./LocalServer.ts"
import { table } from "./Table.ts"
import { countText } from "./Text.ts"

export interface SeriesOptions {
  readonly athlete: string
  readonly kind: string | undefined
  readonly from: string | undefined
  readonly to: string | undefined
  readonly resolution: string
  readonly best: boolean
  readonly csv: boolean
  readonly json: boolean
}

/** What was asked cannot be meant. */
class NotAsked extends Schema.TaggedError<NotAsked>("paceline/NotAsked")("NotAsked", { message: Schema.String }) {}

/** A page of the server's, at most. */
const SAMPLES_A_PAGE = 20_000

/** `2026-11-20T18:00:00Z`: buckets are UTC's, and so is what is shown of them. */
const utc = (atMs: number): string => new Date(atMs).toISOString().replace(/\.000Z$/, "Z")

type Cells = ReadonlyArray<ReadonlyArray<string>>

const listRows = ({ series }: SeriesList): Cells => [
  ["KIND", "UNIT", "SAMPLES", "FIRST", "LAST", "SOURCES"],
  ...series.map(({ firstAtMs, kind, lastAtMs, samples, sources, unit }) => [
    kind,
    unit,
    countText(samples),
    utc(firstAtMs),
    utc(lastAtMs),
    sources.map(({ deviceName, sensor }) => `${sensor} (${deviceName})`).join(", "),
  ]),
]

const FIGURES = ["mean", "sum", "last", "increase"] as const

/** As exact as a person reads it; a spreadsheet and a program get all of it. */
const short = (value: number): string => String(Math.round(value * 1_000) / 1_000)

const sensorOf = ({ sources }: SeriesBuckets | SeriesSamples, source: number | null | undefined): string =>
  source === null || source === undefined ? "" : (sources[source]?.sensor ?? "")

const bucketRows = (answer: SeriesBuckets, figure: (value: number) => string): Cells => {
  const figures = FIGURES.filter((name) => answer.series.some((columns) => columns[name] !== undefined))
  return [
    ["TIME", "SENSOR", "SAMPLES", "MIN", "MAX", ...figures.map((name) => name.toUpperCase()), "UNIT"],
    ...answer.series.flatMap((columns) =>
      columns.atMs.map((atMs, i) => [
        utc(atMs),
        sensorOf(answer, columns.source ?? columns.from?.[i]),
        String(columns.samples[i] ?? 0),
        ...[columns.min, columns.max, ...figures.map((name) => columns[name] ?? [])].map((column) => {
          const value = column[i]
          return value === undefined ? "" : figure(value)
        }),
        columns.unit,
      ]),
    ),
  ]
}

const SAMPLE_HEAD = ["TIME", "SENSOR", "VALUE", "UNIT", "ARRIVAL", "CLOCK", "DEVICE", "INCARNATION", "CHUNK"]

const sampleRows = (answer: SeriesSamples): Cells =>
  answer.runs.flatMap((run) => {
    const source = answer.sources[run.source]
    return run.atMs.map((atMs, i) => [
      utc(atMs),
      source?.sensor ?? "",
      String(run.values[i] ?? ""),
      source?.unit ?? "",
      run.arrival,
      run.clock,
      source?.deviceId ?? "",
      run.incarnation,
      String(run.n),
    ])
  })

const csvCell = (cell: string): string => (/[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)

const csv = (rows: Cells): string => rows.map((row) => row.map(csvCell).join(",")).join("\n")

const csvHead = (row: ReadonlyArray<string>): ReadonlyArray<string> => row.map((cell) => cell.toLowerCase())

const tell = ({ csv: asCsv, json }: SeriesOptions, answer: SeriesAnswer, isFirst: boolean) => {
  if (json) return Console.log(JSON.stringify(answer))
  const [head = [], ...rows] =
    answer._tag === "List"
      ? listRows(answer)
      : answer._tag === "Buckets"
        ? bucketRows(answer, asCsv ? String : short)
        : [SAMPLE_HEAD, ...sampleRows(answer)]
  if (asCsv) return Console.log(csv(isFirst ? [csvHead(head), ...rows] : rows))
  return rows.length === 0 && isFirst
    ? Console.error("There is nothing of that.")
    : Console.log(table(isFirst ? [head, ...rows] : rows))
}

/** What is missing is said beside the samples, so that nobody takes a hole for rest. */
const tellGaps = ({ json }: SeriesOptions, answer: SeriesAnswer) =>
  json || answer._tag === "List"
    ? Effect.void
    : Effect.forEach(
        answer.gaps,
        ({ deviceId, first, fromMs, incarnation, last, reason, toMs }) =>
          Console.error(
            `missing: chunks ${first} to ${last} of ${deviceId}/${incarnation} (${reason})${
              fromMs === null || toMs === null ? "" : `, ${utc(fromMs)} to ${utc(toMs)}`
            }`,
          ),
        { discard: true },
      )

const timeOf = (flag: string, text: string | undefined) =>
  text === undefined
    ? Effect.succeed({})
    : Schema.decode(Instant)(text).pipe(
        Effect.map((atMs) => ({ [flag]: atMs })),
        Effect.mapError(
          () =>
            new NotAsked({ message: `--${flag} ${text} is no time: give such as 2026-11-20T18:00Z, or milliseconds.` }),
        ),
      )

export const series = (settings: ResolvedSettings, options: SeriesOptions) =>
  Effect.gen(function* () {
    const athleteId = yield* Effect.mapError(
      Schema.decode(AthleteId)(options.athlete),
      () => new NotAsked({ message: `"${options.athlete}" is no athlete's id: "paceline athlete list" shows them.` }),
    )
    const resolution = yield* Effect.mapError(
      Schema.decodeUnknown(Resolution)(options.resolution),
      () => new NotAsked({ message: `--resolution is one of ${Resolution.literals.join(", ")}.` }),
    )
    const range = { ...(yield* timeOf("from", options.from)), ...(yield* timeOf("to", options.to)) }
    const { api } = yield* connect(settings)
    const ask = (more: { readonly after?: string }) =>
      orRefused(
        api.series.read({
          path: { athleteId },
          urlParams:
            options.kind === undefined
              ? {}
              : {
                  kind: options.kind,
                  ...range,
                  resolution,
                  ...(options.best ? { source: "best" as const } : {}),
                  ...(resolution === "raw" ? { limit: SAMPLES_A_PAGE } : {}),
                  ...more,
                },
        }),
      )
    let answer = yield* ask({})
    yield* tellGaps(options, answer)
    yield* tell(options, answer, true)
    while (answer._tag === "Samples" && answer.next !== null) {
      answer = yield* ask({ after: answer.next })
      yield* tell(options, answer, false)
    }
  })
