/**
 * Opens chunks and takes out the samples of a stream.
 *
 * A plan lists which chunks hold what of a stream (`IndexedRun`); this reads those chunks, neighbours at once, decodes
 * each once, and hands out the samples between two instants with where they came from.
 */
import { TimeWindows } from "@paceline/core/kernel"
import { Bundle } from "@paceline/core/wire"
import { Effect } from "effect"
import { kindOf, unitOf } from "./Model.ts"
import type { IndexedRun, OpenedChunk, SeriesRepository, Stream } from "./Repository.ts"

/** The samples of a run that lie in the range, in the order recorded. */
export interface Samples {
  /** Which of the streams it is. */
  readonly source: number
  readonly run: IndexedRun
  readonly chunk: OpenedChunk
  readonly atMs: ReadonlyArray<number>
  readonly values: ReadonlyArray<number>
}

/** Chunks with numbers so near to each other are read at once. */
const NEAR = 8

/** So many at once, so that they are not all in memory together. */
const AT_ONCE = 256

interface Spot {
  readonly deviceId: Stream["deviceId"]
  readonly incarnation: string
  readonly first: number
  readonly last: number
}

/** The chunks of the runs, as few spans of neighbours. */
const spotsOf = (runs: ReadonlyArray<{ readonly run: IndexedRun; readonly stream: Stream }>): ReadonlyArray<Spot> => {
  const spots: Array<{ -readonly [Field in keyof Spot]: Spot[Field] }> = []
  const byIdentity = runs
    .map(({ run, stream }) => ({ deviceId: stream.deviceId, incarnation: run.incarnation, n: run.n }))
    .sort((a, b) => compare(a.deviceId, b.deviceId) || compare(a.incarnation, b.incarnation) || a.n - b.n)
  for (const { deviceId, incarnation, n } of byIdentity) {
    const spot = spots.at(-1)
    if (spot?.deviceId === deviceId && spot.incarnation === incarnation && n <= spot.last + NEAR) spot.last = n
    else spots.push({ deviceId, incarnation, first: n, last: n })
  }
  return spots
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

interface Range {
  readonly fromMs: number
  readonly toMs: number
}

/** The samples of one stream and one hour in a bundle, between two instants. */
const samplesOf = (bundle: Bundle.Bundle, stream: Stream, hour: number, { fromMs, toMs }: Range) => {
  const from = Math.max(fromMs, hour * TimeWindows.HOUR)
  const to = Math.min(toMs, (hour + 1) * TimeWindows.HOUR)
  const atMs: Array<number> = []
  const values: Array<number> = []
  for (const block of bundle) {
    if (block.sensor !== stream.sensor || kindOf(block) !== stream.kind || unitOf(block) !== stream.unit) continue
    for (let i = 0; i < block.atMillis.length; i++) {
      const at = block.atMillis[i] ?? Number.NaN
      if (!(at >= from && at < to)) continue
      atMs.push(at)
      values.push(block.values[i] ?? Number.NaN)
    }
  }
  return { atMs, values }
}

/** Hands out the samples of the runs, in their order. A chunk that is gone, or that cannot be read, has none. */
export const forEach = Effect.fnUntraced(function* (
  repository: SeriesRepository,
  streams: ReadonlyArray<Stream>,
  runs: ReadonlyArray<IndexedRun>,
  range: Range,
  use: (samples: Samples) => void,
) {
  const sources = new Map(streams.map((stream, source) => [stream.id, { source, stream }]))
  for (let from = 0; from < runs.length; from += AT_ONCE) {
    const some = runs.slice(from, from + AT_ONCE).flatMap((run) => {
      const source = sources.get(run.streamId)
      return source === undefined ? [] : [{ run, ...source }]
    })
    const opened = new Map<string, { readonly chunk: OpenedChunk; bundle: Bundle.Bundle | null }>()
    for (const { deviceId, first, incarnation, last } of spotsOf(some)) {
      for (const chunk of yield* repository.chunks(deviceId, incarnation, first, last)) {
        opened.set(`${deviceId}/${incarnation}/${chunk.n}`, { chunk, bundle: null })
      }
    }
    for (const { run, source, stream } of some) {
      const found = opened.get(`${stream.deviceId}/${run.incarnation}/${run.n}`)
      if (found === undefined) continue
      if (found.bundle === null) {
        const bundle = Bundle.decode(found.chunk.payload)
        found.bundle = "_tag" in bundle ? [] : bundle
      }
      const { atMs, values } = samplesOf(found.bundle, stream, run.hour, range)
      if (atMs.length > 0) use({ source, run, chunk: found.chunk, atMs, values })
    }
  }
})
