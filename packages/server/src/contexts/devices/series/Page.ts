/**
 * A page of raw samples: as many runs as its limit asks for, the last one cut where the limit falls, and the place where
 * the next page begins. A place names a run by its identity, so that what arrives meanwhile moves nothing: no sample is
 * given twice or passed over.
 */
import type { SampleRun } from "@paceline/core/contract"
import type { Asked, Place } from "./Reading.ts"
import * as Reading from "./Reading.ts"
import type { IndexedRun } from "./Repository.ts"
import type { Samples } from "./Samples.ts"

export interface Plan {
  readonly runs: ReadonlyArray<IndexedRun>
  /** The first run that this page has no room for; null when there is none. */
  readonly rest: IndexedRun | null
}

/** Received within so long of being measured, a run came live. */
const LIVE_MILLIS = 120_000

/** Which runs to open for a page: no more than hold what it has room for. */
export const plan = (found: ReadonlyArray<IndexedRun>, { after, limit }: Asked): Plan => {
  let room = limit + (after?.skip ?? 0)
  let end = 0
  while (end < found.length && end < Reading.RUNS_A_PAGE && room > 0) {
    room -= found[end]?.samples ?? 0
    end++
  }
  return { runs: found.slice(0, end), rest: found[end] ?? null }
}

/** From when to when the runs of a plan have samples. */
export const spanOf = ({ runs }: Plan): { readonly fromMs: number; readonly toMs: number } => {
  let [fromMs, toMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const { firstAtMs, lastAtMs } of runs) {
    fromMs = Math.min(fromMs, firstAtMs)
    toMs = Math.max(toMs, lastAtMs + 1)
  }
  return { fromMs, toMs }
}

const placeOf = ({ firstAtMs, hour, incarnationId, n, streamId }: IndexedRun, skip: number): Place => ({
  hour,
  firstAtMs,
  streamId,
  incarnationId,
  n,
  skip,
})

const isAt = (run: IndexedRun, place: Place): boolean =>
  run.streamId === place.streamId &&
  run.hour === place.hour &&
  run.firstAtMs === place.firstAtMs &&
  run.incarnationId === place.incarnationId &&
  run.n === place.n

/** Fills a page with opened runs, in the order of its plan. */
export class Page {
  readonly runs: Array<SampleRun> = []
  #room: number
  #next: Place | null
  readonly #after: Place | null

  constructor({ after, limit }: Asked, { rest }: Plan) {
    this.#room = limit
    this.#after = after
    this.#next = rest === null ? null : placeOf(rest, 0)
  }

  /** Where the next page begins, as text; null after the last one. */
  get next(): string | null {
    return this.#next === null ? null : Reading.formatPlace(this.#next)
  }

  /**
   * @param fromFile whether the source is a file
   * @param isWanted which samples are; null for all
   */
  add(
    { chunk, run, source, ...samples }: Samples,
    fromFile: boolean,
    isWanted: ((atMs: number) => boolean) | null,
  ): void {
    const atMs: Array<number> = []
    const values: Array<number | null> = []
    const skip = this.#after !== null && isAt(run, this.#after) ? this.#after.skip : 0
    for (let i = skip; i < samples.atMs.length; i++) {
      const at = samples.atMs[i] ?? Number.NaN
      if (isWanted !== null && !isWanted(at)) continue
      if (this.#room === 0) {
        // The plan is no longer than the room, and so this is its last run.
        this.#next = placeOf(run, i)
        break
      }
      this.#room--
      const value = samples.values[i] ?? Number.NaN
      atMs.push(at)
      values.push(Number.isFinite(value) ? value : null)
    }
    if (atMs.length === 0) return
    this.runs.push({
      source,
      incarnation: run.incarnation,
      n: run.n,
      receivedAtMs: chunk.receivedAtMs,
      arrival: fromFile ? "file" : chunk.receivedAtMs - run.lastAtMs <= LIVE_MILLIS ? "live" : "back-filled",
      codec: chunk.payload[0] ?? 0,
      clock: chunk.clock,
      atMs,
      values,
    })
  }
}
