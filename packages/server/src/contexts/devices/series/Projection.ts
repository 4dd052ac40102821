/**
 * Computes series from chunks: which chunk holds what of whom, and what the samples come to by the minute, by five
 * minutes and by the hour.
 *
 * Everything is added inside the caller's unit of work, and each chunk once, whoever offers it how often: what is beyond
 * an incarnation's mark is new, and of what is not, each run is looked up. So the consumer that follows the log, and the
 * walk over all chunks after an upgrade or a restart, may meet at the same chunk. What many chunks add to one bucket is
 * added up first, and written once.
 */
import { afterCommit } from "@paceline/core/consistency"
import type { AthleteId, ChunksStored } from "@paceline/core/contract"
import { Rollup } from "@paceline/core/kernel"
import { Bundle } from "@paceline/core/wire"
import { Effect } from "effect"
import * as Series from "./Model.ts"
import {
  type BucketRow,
  ProjectionRepository,
  type RunRow,
  type StoredChunk,
  type WalkedTo,
} from "./ProjectionRepository.ts"

/** So many minutes make the buckets of a minute, of five, and of an hour. */
const WIDTHS = [1, 5, 60] as const

/** One step of the walk looks at so many chunks, or so many samples if that is less. */
const WALK_CHUNKS = 50
const WALK_SAMPLES = 100_000

/** Who wore what, and which stream has which id, is remembered so often. */
const REMEMBERED = 50_000

type Wearers = ReadonlyMap<string, AthleteId>

/** What some chunks add, gathered before it is written. */
class Gathered {
  readonly runs: Array<RunRow> = []
  /** Buckets of a minute, by stream. */
  readonly minutes = new Map<number, Rollup.Buckets>()

  add(run: RunRow): void {
    this.runs.push(run)
    const known = this.minutes.get(run.streamId)
    if (known === undefined) {
      this.minutes.set(run.streamId, new Map(run.minutes))
      return
    }
    for (const [number, bucket] of run.minutes) {
      const before = known.get(number)
      known.set(number, before === undefined ? bucket : Rollup.merge(before, bucket))
    }
  }

  get buckets(): ReadonlyArray<BucketRow> {
    const rows: Array<BucketRow> = []
    for (const [streamId, byMinute] of this.minutes) {
      for (const minutes of WIDTHS) {
        const buckets = minutes === 1 ? byMinute : Rollup.coarser(byMinute, minutes)
        for (const [number, bucket] of buckets) rows.push({ streamId, minutes, number, bucket })
      }
    }
    return rows
  }
}

/** What never changes once it is committed, so that it is looked up once. */
class Facts<V> {
  readonly #committed = new Map<string, V>()

  /** For one unit of work; `keep` is for after its commit. */
  open() {
    const fresh = new Map<string, V>()
    return {
      /** Undefined when it has to be looked up. */
      known: (key: string): V | undefined => this.#committed.get(key) ?? fresh.get(key),
      learn: (key: string, value: V): V => {
        fresh.set(key, value)
        return value
      },
      keep: () => {
        if (this.#committed.size + fresh.size > REMEMBERED) this.#committed.clear()
        for (const [key, value] of fresh) this.#committed.set(key, value)
      },
    }
  }

  forget(): void {
    this.#committed.clear()
  }
}

export class SeriesProjection extends Effect.Service<SeriesProjection>()("paceline/devices/series/SeriesProjection", {
  dependencies: [ProjectionRepository.Default],
  effect: Effect.gen(function* () {
    const repository = yield* ProjectionRepository
    const wearers = new Facts<Wearers>()
    const streams = new Facts<number>()

    /** Adds what is in these chunks and was not added before, inside the caller's unit of work. */
    const add = Effect.fnUntraced(function* (chunks: ReadonlyArray<StoredChunk>) {
      const gathered = new Gathered()
      const incarnations = new Map<string, { readonly id: number; mark: number; last: WalkedTo }>()
      const offered = new Set<string>()
      const [worn, ids] = [wearers.open(), streams.open()]

      for (const chunk of chunks) {
        const { deviceId, incarnation, n, pairings, payload } = chunk
        const name = `${deviceId}/${incarnation}`
        if (offered.has(`${name}/${n}`)) continue
        offered.add(`${name}/${n}`)
        let state = incarnations.get(name)
        if (state === undefined) {
          state = { ...(yield* repository.incarnation(deviceId, incarnation)), last: chunk }
          incarnations.set(name, state)
        }
        const isNew = n > state.mark
        if (n >= state.last.n) state.last = chunk

        const bundle = Bundle.decode(payload)
        // Written by a newer version, which this database was taken back from: it waits in its chunk.
        if ("_tag" in bundle) continue
        const time = `${deviceId}/${pairings}`
        const wore = worn.known(time) ?? worn.learn(time, wearersOf(yield* repository.wearers(deviceId, pairings)))
        for (const { key, name, runs } of Series.streamsOf(deviceId, bundle, (sensor) => wore.get(sensor))) {
          const streamId = ids.known(name) ?? ids.learn(name, yield* repository.streamId(key))
          for (const run of runs) {
            const row: RunRow = { ...run, streamId, incarnationId: state.id, n }
            if (isNew || !(yield* repository.hasRun(row))) gathered.add(row)
          }
        }
      }

      yield* repository.insertRuns(gathered.runs)
      yield* repository.mergeBuckets(gathered.buckets)
      yield* repository.saveMarks(Array.from(incarnations.values(), ({ last }) => last))
      yield* afterCommit(() => {
        worn.keep()
        ids.keep()
      })
    })

    return {
      /** Adds the chunks that were stored, inside the caller's unit of work. */
      addStored: Effect.fn("SeriesProjection.addStored")(function* (events: ReadonlyArray<ChunksStored>) {
        const chunks: Array<StoredChunk> = []
        for (const { deviceId, first, incarnation, last } of events) {
          chunks.push(...(yield* repository.chunks(deviceId, incarnation, first, last)))
        }
        yield* add(chunks)
      }),

      /** One step of the walk over all chunks, as far as it is under way. Answers whether there is more. */
      walkOn: Effect.fn("SeriesProjection.walkOn")(function* () {
        const from = yield* repository.walk()
        if (from === null) return false
        const chunks = yield* repository.chunksAfter(from, WALK_CHUNKS)
        const step = within(chunks, WALK_SAMPLES)
        yield* add(step)
        const last = step.at(-1)
        yield* repository.saveWalk(last ?? null)
        return last !== undefined
      }),

      /** Throws away all that was computed; the walk then computes it again, from the first chunk on. */
      restart: Effect.fn("SeriesProjection.restart")(function* () {
        yield* repository.restart()
      }),

      /** For when streams were deleted: their ids are looked up again. */
      forget: () => {
        wearers.forget()
        streams.forget()
      },
    }
  }),
}) {}

const wearersOf = (rows: ReadonlyArray<{ readonly sensor: string; readonly athleteId: AthleteId }>): Wearers =>
  new Map(rows.map(({ athleteId, sensor }) => [sensor, athleteId]))

/** The first of them, and as many more as hold no more samples than this in all. */
const within = (chunks: ReadonlyArray<StoredChunk>, samples: number): ReadonlyArray<StoredChunk> => {
  let sum = 0
  const end = chunks.findIndex((chunk, i) => {
    sum += chunk.samples
    return i > 0 && sum > samples
  })
  return end < 0 ? chunks : chunks.slice(0, end)
}
