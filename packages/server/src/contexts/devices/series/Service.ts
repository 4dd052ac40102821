/**
 * Series: what was measured of an athlete, to be read back by time range and resolution.
 *
 * Minutes and hours come from the buckets that were computed as the chunks came; seconds and single samples come from
 * the chunks themselves, of which only those are opened that hold something of the range. The athlete reads all of it,
 * and so does the admin, but for the heart of an athlete who does not show it.
 */
import { UnitOfWork } from "@paceline/core/consistency"
import {
  AthleteDirectory,
  type AthleteId,
  CurrentActor,
  Forbidden,
  NotFound,
  orUnavailable,
  requireAdmin,
  requireAthlete,
  type SeriesAnswer,
  type SeriesBuckets,
  type SeriesGap,
  type SeriesList,
  type SeriesQuery,
  type SeriesSamples,
  type SeriesSource,
} from "@paceline/core/contract"
import { Rollup, SourceRank, TimeWindows } from "@paceline/core/kernel"
import { Clock, Context, Effect } from "effect"
import * as BestSource from "./BestSource.ts"
import { columnsOf } from "./Figures.ts"
import * as Page from "./Page.ts"
import { SeriesProjection } from "./Projection.ts"
import * as Reading from "./Reading.ts"
import { type Extent, SeriesRepository, type Stream } from "./Repository.ts"
import * as Samples from "./Samples.ts"

const { MINUTE } = TimeWindows

/** What tells of the heart: for others only where the athlete shows it. */
const OF_THE_HEART: ReadonlySet<string> = new Set(["heartRate", "rrInterval"])

/** So many gaps of each device are listed. */
const GAPS_LISTED = 100

/** Which source to believe; the field's order if nobody sets another. */
export class SeriesRanking extends Context.Reference<SeriesRanking>()("paceline/devices/series/SeriesRanking", {
  defaultValue: () => SourceRank.standard,
}) {}

const sourceOf = ({ sensor, source }: Stream): SourceRank.Source =>
  SourceRank.SOURCES.find((known) => known === source) ?? SourceRank.fromName(sensor)

const describe = (stream: Stream): SeriesSource => ({
  deviceId: stream.deviceId,
  deviceName: stream.deviceName,
  sensor: stream.sensor,
  source: sourceOf(stream),
  unit: stream.unit,
})

const hidden = new Forbidden({ message: "This athlete does not show their heart rate to others." })

/** What `source` in an answer counts, the best first. */
type Sources = ReadonlyArray<Stream>

export class Series extends Effect.Service<Series>()("paceline/devices/series/Series", {
  dependencies: [SeriesRepository.Default, SeriesProjection.Default],
  effect: Effect.gen(function* () {
    const repository = yield* SeriesRepository
    const projection = yield* SeriesProjection
    const athletes = yield* AthleteDirectory
    const work = yield* UnitOfWork
    const ranking = yield* SeriesRanking

    /** Whether who asks may see what tells of the heart. */
    const maySeeHeart = Effect.fnUntraced(function* (athleteId: AthleteId) {
      const actor = yield* CurrentActor
      return actor._tag === "Athlete" || (yield* athletes.showsHeartRate(athleteId))
    })

    const list = Effect.fnUntraced(function* (athleteId: AthleteId) {
      const isShown = yield* maySeeHeart(athleteId)
      const streams = (yield* repository.streams(athleteId)).filter(({ kind }) => isShown || !OF_THE_HEART.has(kind))
      const extents = new Map((yield* repository.extents(athleteId)).map((extent) => [extent.streamId, extent]))
      const series = Map.groupBy(streams, ({ kind, unit }) => JSON.stringify([kind, unit])).values()
      const answer: SeriesList = {
        _tag: "List",
        athleteId,
        series: Array.from(series).flatMap((own) => listed(ranking, own, extents)),
        computing: yield* repository.computing(),
      }
      return answer
    })

    /** Buckets of the sources' streams, the best source first. */
    const ranked = (sources: Sources, minutes: number, first: number, last: number) =>
      Effect.forEach(sources, ({ id }, source) =>
        Effect.map(repository.buckets(id, minutes, first, last), (buckets) => ({ source, buckets })),
      )

    /** Whose each minute between two instants is. */
    const owners = (sources: Sources, fromMs: number, toMs: number) =>
      Effect.map(
        ranked(sources, 1, Rollup.numberOf(fromMs, MINUTE), Rollup.numberOf(toMs - 1, MINUTE)),
        BestSource.ownersOf,
      )

    /** What the chunks hold of the sources, in the order of their first times, from a place on. */
    const runs = Effect.fnUntraced(function* (sources: Sources, asked: Reading.Asked, limit: number) {
      const found = yield* Effect.forEach(sources, ({ id }) =>
        repository.runs(id, asked, Reading.startOf(asked, id), limit),
      )
      return found.flat().sort(Reading.inOrder).slice(0, limit)
    })

    /** Seconds, counted from the samples. */
    const seconds = Effect.fnUntraced(function* (sources: Sources, asked: Reading.Asked) {
      let samples = 0
      for (const { id } of sources) samples += yield* repository.samplesIn(id, asked)
      if (samples > Reading.MOST_COUNTED) return yield* Reading.tooMany(samples)
      const all = yield* runs(sources, asked, Number.MAX_SAFE_INTEGER)
      const own = asked.best ? yield* owners(sources, asked.fromMs, asked.toMs) : null
      const counted = sources.map((): Rollup.Buckets => new Map())
      yield* Samples.forEach(repository, sources, all, asked, ({ atMs, source, values }) => {
        const into = counted[source]
        if (into === undefined) return
        if (own === null) return Rollup.add(into, TimeWindows.SECOND, atMs, values)
        const kept = atMs.flatMap((at, i) => (BestSource.isOwn(own, source, at) ? [i] : []))
        Rollup.add(
          into,
          TimeWindows.SECOND,
          kept.map((i) => atMs[i] ?? Number.NaN),
          kept.map((i) => values[i] ?? Number.NaN),
        )
      })
      return counted.map((buckets, source) => ({ source, buckets }))
    })

    /** The parts of one series that has the best of all sources. */
    const merged = Effect.fnUntraced(function* (sources: Sources, asked: Reading.Asked, own: BestSource.Ranked) {
      const factor = Reading.WIDTH_MILLIS[asked.resolution] / MINUTE
      if (factor <= 1) return BestSource.bestParts(own)
      const minutes = sources.map((_, source) => ({ source, buckets: new Map<number, Rollup.Bucket>() }))
      for (const { first, last } of BestSource.contested(own)) {
        const found = yield* ranked(sources, 1, first * factor, (last + 1) * factor - 1)
        for (const { buckets, source } of found) {
          for (const [number, bucket] of buckets) minutes[source]?.buckets.set(number, bucket)
        }
      }
      return BestSource.widePartsOf(own, factor, minutes)
    })

    const buckets = Effect.fnUntraced(function* (sources: Sources, asked: Reading.Asked) {
      const width = Reading.WIDTH_MILLIS[asked.resolution]
      const [first, last] = [Rollup.numberOf(asked.fromMs, width), Rollup.numberOf(asked.toMs - 1, width)]
      const own =
        asked.resolution === "1s" ? yield* seconds(sources, asked) : yield* ranked(sources, width / MINUTE, first, last)
      if (!asked.best) {
        return own.map(({ buckets, source }) =>
          columnsOf(
            asked.kind,
            sources[source]?.unit ?? "",
            source,
            width,
            BestSource.bestParts([{ source, buckets }]),
          ),
        )
      }
      // Streams of one name whose units differ are not one series.
      const units = Map.groupBy(own, ({ source }) => sources[source]?.unit ?? "")
      return yield* Effect.forEach(units, ([unit, same]) =>
        Effect.map(merged(sources, asked, same), (parts) => columnsOf(asked.kind, unit, null, width, parts)),
      )
    })

    /** A page of single samples. */
    const samples = Effect.fnUntraced(function* (sources: Sources, asked: Reading.Asked) {
      const found = yield* runs(sources, asked, Reading.RUNS_A_PAGE + 1)
      const plan = Page.plan(found, asked)
      const { fromMs, toMs } = Page.spanOf(plan)
      const own = asked.best && plan.runs.length > 0 ? yield* owners(sources, fromMs, toMs) : null
      const fromFile = sources.map((stream) => sourceOf(stream) === "file")
      const page = new Page.Page(asked, plan)
      yield* Samples.forEach(repository, sources, plan.runs, asked, (opened) =>
        page.add(
          opened,
          fromFile[opened.source] ?? false,
          own === null ? null : (at) => BestSource.isOwn(own, opened.source, at),
        ),
      )
      return { runs: page.runs, next: page.next }
    })

    const read = Effect.fnUntraced(function* (athleteId: AthleteId, kind: string, query: SeriesQuery) {
      const asked = yield* Reading.parse(query, kind, yield* Clock.currentTimeMillis)
      if (OF_THE_HEART.has(kind) && !(yield* maySeeHeart(athleteId))) return yield* hidden
      const streams = yield* repository.streams(athleteId, kind)
      const refused = Reading.tooLarge(asked, asked.best ? 1 : streams.length)
      if (refused !== null) return yield* refused
      const sources: Sources = SourceRank.sorted(ranking, kind, streams, sourceOf)
      const gaps: Array<SeriesGap> = []
      for (const deviceId of new Set(sources.map((source) => source.deviceId))) {
        gaps.push(...(yield* repository.gaps(deviceId, asked, GAPS_LISTED)))
      }
      const range = {
        athleteId,
        kind,
        resolution: asked.resolution,
        fromMs: asked.fromMs,
        toMs: asked.toMs,
        sources: sources.map(describe),
        gaps,
        computing: yield* repository.computing(),
      }
      if (asked.resolution === "raw") {
        const answer: SeriesSamples = { _tag: "Samples", ...range, ...(yield* samples(sources, asked)) }
        return answer
      }
      const answer: SeriesBuckets = { _tag: "Buckets", ...range, series: yield* buckets(sources, asked) }
      return answer
    })

    return {
      /** The list of an athlete's series, or one kind of a time. */
      read: Effect.fn("Series.read")(
        function* (athleteId: AthleteId, query: SeriesQuery) {
          if (!(yield* athletes.exists(athleteId))) return yield* NotFound.of("athlete", athleteId)
          const answer: SeriesAnswer =
            query.kind === undefined ? yield* list(athleteId) : yield* read(athleteId, query.kind, query)
          return answer
        },
        orUnavailable,
        (effect, athleteId) => requireAthlete(athleteId)(effect),
      ),

      /** Throws away what was computed, to be computed again from the chunks. Answers how many there are. */
      rebuild: Effect.fn("Series.rebuild")(
        function* () {
          yield* projection.restart()
          return { chunks: yield* repository.countChunks() }
        },
        (unit) => work.run(unit),
        orUnavailable,
        requireAdmin,
      ),
    }
  }),
}) {}

/** One series of the list, unless nothing of it is stored any more. */
const listed = (
  ranking: SourceRank.Ranking,
  streams: ReadonlyArray<Stream>,
  extents: ReadonlyMap<number, Extent>,
): SeriesList["series"] => {
  const [first] = streams
  if (first === undefined) return []
  const sources = SourceRank.sorted(ranking, first.kind, streams, sourceOf).flatMap((stream) => {
    const extent = extents.get(stream.id)
    if (extent === undefined) return []
    const { firstAtMs, lastAtMs, samples } = extent
    return [{ ...describe(stream), samples, firstAtMs, lastAtMs }]
  })
  if (sources.length === 0) return []
  return [
    {
      kind: first.kind,
      unit: first.unit,
      samples: sources.reduce((sum, { samples }) => sum + samples, 0),
      firstAtMs: Math.min(...sources.map(({ firstAtMs }) => firstAtMs)),
      lastAtMs: Math.max(...sources.map(({ lastAtMs }) => lastAtMs)),
      sources,
    },
  ]
}
