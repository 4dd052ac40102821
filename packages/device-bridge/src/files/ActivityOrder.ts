/**
 * An activity as one sequence of samples in order of time, with the marks where each session starts and ends.
 *
 * The sequence depends on the activity alone, so that a reader that was stopped after n samples goes on behind them.
 * A session lasts until the next begins: what was measured between two belongs to the first. Daily monitoring has no
 * sessions, and so no marks.
 */
import { SensorKind } from "@paceline/core/wire"
import type { Activity } from "./Activity.ts"

/** `stream` is a kind, or the index of one of the activity's custom streams. */
export interface OrderedSample {
  readonly stream: SensorKind.SensorKind | number
  readonly atMs: number
  readonly value: number
}

/** Equal times come in the order of the activity's streams. */
export function* samplesInOrder(activity: Activity): Generator<OrderedSample, void> {
  const { sessions } = activity
  let session = -1
  let lastMs = 0
  for (const sample of merged(activity)) {
    const { atMs } = sample
    let next = Math.max(session, 0)
    while ((sessions[next + 1]?.startedAtMs ?? Number.POSITIVE_INFINITY) <= atMs) next++
    if (sessions.length > 0 && next !== session) {
      if (session >= 0) yield mark(lastMs, SensorKind.ACTIVITY_ENDED)
      yield mark(atMs, SensorKind.ACTIVITY_STARTED)
      session = next
    }
    yield sample
    lastMs = atMs
  }
  if (session >= 0) yield mark(lastMs, SensorKind.ACTIVITY_ENDED)
}

const mark = (atMs: number, value: number): OrderedSample => ({ stream: "activity", atMs, value })

/** The columns are in order of time already; there are a dozen at most, so the least is looked for. */
function* merged({ streams, custom }: Activity): Generator<OrderedSample, void> {
  const columns = [
    ...streams.map(({ kind, atMillis, values }) => ({ stream: kind, atMillis, values })),
    ...custom.map(({ atMillis, values }, stream) => ({ stream, atMillis, values })),
  ]
  const next = columns.map(() => 0)
  for (;;) {
    let first = -1
    let atMs = Number.POSITIVE_INFINITY
    for (const [i, { atMillis }] of columns.entries()) {
      const at = atMillis[next[i] ?? 0]
      if (at !== undefined && at < atMs) {
        atMs = at
        first = i
      }
    }
    const column = columns[first]
    if (column === undefined) return
    const index = next[first] ?? 0
    next[first] = index + 1
    yield { stream: column.stream, atMs, value: column.values[index] ?? Number.NaN }
  }
}
