/**
 * The slow model of windows: after each event everything is worked out anew, from all events that were ever taken.
 *
 * It knows nothing of panes, due times and shards; only of events, of spans that are final, and of the watermark.
 */
import type { Emitted, Late, Reading } from "./WindowedServices.ts"

export interface ModelOptions {
  readonly shape:
    | { readonly kind: "sliding"; readonly sizeMillis: number; readonly everyMillis: number }
    | { readonly kind: "session"; readonly gapMillis: number }
  readonly graceMillis: number
  readonly disorderMillis: number
}

export interface Given {
  readonly key: string
  readonly event: Reading
}

interface Taken {
  readonly key: string
  readonly at: number
  readonly n: number
  /** The windows that it is in; a session's are found anew each time. */
  readonly spans: ReadonlyArray<readonly [number, number]>
}

/** All that a stream with one partition says of these events, one by one, and which were late. */
export const slowly = (
  given: ReadonlyArray<Given>,
  { disorderMillis, graceMillis, shape }: ModelOptions,
): { readonly told: ReadonlyArray<Emitted>; readonly late: ReadonlyArray<Late> } => {
  const told: Array<Emitted> = []
  const late: Array<Late> = []
  const taken: Array<Taken> = []
  let watermark = Number.NEGATIVE_INFINITY

  const windowsOf = (key: string): ReadonlyArray<{ start: number; end: number; value: ReadonlyArray<number> }> => {
    const own = taken.filter((event) => event.key === key)
    const spans =
      shape.kind === "session"
        ? sessions(own, shape.gapMillis)
        : [...new Set(own.flatMap((event) => event.spans.map((span) => span.join(" "))))].map((text) =>
            text.split(" ").map(Number),
          )
    return spans
      .map(([start = 0, end = 0]) => ({
        start,
        end,
        value: own
          .filter(({ at, spans }) =>
            shape.kind === "session" ? start <= at && at < end : spans.some(([s, e]) => s === start && e === end),
          )
          .map(({ n }) => n),
      }))
      .sort((a, b) => a.start - b.start || a.end - b.end)
  }

  for (const { event, key } of given) {
    const at = event.at ?? Number.NaN
    const closed = watermark - graceMillis
    const before = windowsOf(key)
    const isOpen = ({ end }: { readonly end: number }) => end > closed
    if (shape.kind === "session") {
      const overlapping = before.filter(({ end, start }) => start < at + shape.gapMillis && at < end)
      const inFinal = before.some((window) => !isOpen(window) && at < window.end)
      const joinsOpen = overlapping.some(isOpen)
      if (inFinal || (!joinsOpen && at + shape.gapMillis <= closed)) {
        late.push({ key, n: event.n, reason: "late" })
      } else {
        taken.push({ key, at, n: event.n, spans: [] })
      }
    } else {
      const spans = slidingSpans(at, shape)
      const open = spans.filter(([, end]) => end > closed)
      if (open.length < spans.length) late.push({ key, n: event.n, reason: "late" })
      if (open.length > 0) taken.push({ key, at, n: event.n, spans: open })
    }
    const after = windowsOf(key)
    const gone = (window: (typeof before)[number]) =>
      !after.some(({ end, start }) => start === window.start && end === window.end)
    for (const { end, start, value } of after) {
      const was = before.find((window) => window.start === start && window.end === end)
      if (was !== undefined && was.value.length === value.length) continue
      const replaces = before
        .filter((window) => gone(window) && window.start < end && start < window.end)
        .map((window) => ({ startMillis: window.start, endMillis: window.end }))
      told.push({ _tag: "Update", key, startMillis: start, endMillis: end, value, late: end <= watermark, replaces })
    }
    const to = Math.max(watermark, at - disorderMillis)
    const due: Array<{ readonly at: number; readonly emitted: Emitted }> = []
    for (const each of new Set(taken.map((event) => event.key))) {
      for (const { end, start, value } of windowsOf(each)) {
        const said = { key: each, startMillis: start, endMillis: end, value }
        if (watermark < end && end <= to) due.push({ at: end, emitted: { _tag: "OnTime", ...said } })
        const final = end + graceMillis
        if (watermark < final && final <= to) due.push({ at: final, emitted: { _tag: "Final", ...said } })
      }
    }
    told.push(...due.toSorted((a, b) => a.at - b.at).map(({ emitted }) => emitted))
    watermark = to
  }
  return { told, late }
}

const slidingSpans = (
  at: number,
  { everyMillis, sizeMillis }: { readonly sizeMillis: number; readonly everyMillis: number },
): ReadonlyArray<readonly [number, number]> => {
  const spans: Array<readonly [number, number]> = []
  for (let start = Math.floor((at - sizeMillis) / everyMillis) * everyMillis; start <= at; start += everyMillis) {
    if (at < start + sizeMillis) spans.push([start, start + sizeMillis])
  }
  return spans
}

/** Events closer than the gap are of one session. */
const sessions = (events: ReadonlyArray<Taken>, gapMillis: number): ReadonlyArray<ReadonlyArray<number>> => {
  const spans: Array<[number, number]> = []
  for (const at of events.map((event) => event.at).sort((a, b) => a - b)) {
    const last = spans.at(-1)
    if (last !== undefined && at < last[1]) last[1] = at + gapMillis
    else spans.push([at, at + gapMillis])
  }
  return spans
}
