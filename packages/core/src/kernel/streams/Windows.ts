/**
 * Gathers a stream of events into windows, by event time, exactly: `(state, events, options) → state, emitted, side`.
 *
 * Each event goes into the windows of its key that its time falls in. A window speaks in three ways:
 *
 * - `Update` whenever an event changed it. One with `late: true` corrects what `OnTime` said, or comes in its place
 *   where a window was empty until then.
 * - `OnTime` once the watermark has reached its end: nothing is awaited any more, so this is the answer to show.
 * - `Final` once the watermark is `graceMillis` past its end: it never changes again, and its state is forgotten.
 *
 * An event that is too late for a window goes to the side with the windows that it missed; so does one whose time is
 * not a number, for it would be in none. Nothing is dropped silently. Windows without events do not exist.
 *
 * A consumer that only wants rows to upsert takes each emission's value at (key, startMillis, endMillis) and deletes
 * those under `replaces`: the spans that a session had before it grew or merged.
 *
 * The state is plain JSON if the gathered values are. Store it in the transaction that moves the offset: an event is
 * then counted once, and a restart goes on where it was. Windows are aligned by their shape, never by the first event.
 * A call costs the keys that it holds plus its events, so hand over batches.
 *
 * @example
 * const options = { shape: { kind: "fixed", spansOf: TimeWindows.tumbling(TimeWindows.MINUTE) },
 *   initial: 0, add: (sum, event) => sum + event.value, graceMillis: 10_000, watermark: { disorderMillis: 2_000 } }
 * const { state, emitted, side } = Windows.step(Windows.make(["telemetry/0"], now), batch, options)
 */
import * as SessionWindows from "./SessionWindows.ts"
import * as Watermark from "./Watermark.ts"
import { isSame, type Pane, type Span, type WindowEvent } from "./WindowPane.ts"

export type WindowShape<V, A> =
  /** Windows that are known from the event alone: see `TimeWindows` and `CalendarWindows`. */
  | { readonly kind: "fixed"; readonly spansOf: (event: WindowEvent<V>) => ReadonlyArray<Span> }
  /** Windows that end after a silence: see `SessionWindows`. */
  | { readonly kind: "session"; readonly gapMillis: number; readonly merge: (earlier: A, later: A) => A }

export interface WindowOptions<V, A> {
  readonly shape: WindowShape<V, A>
  /** What an empty window has gathered. */
  readonly initial: A
  /** One event more. Must not change `value` in place: the state before a failed commit is still needed. */
  readonly add: (value: A, event: WindowEvent<V>) => A
  /** How long after its end a window still takes what comes late. */
  readonly graceMillis: number
  readonly watermark: Watermark.WatermarkOptions
}

/** The windows of one key that are not final. */
interface KeyPanes<A> {
  readonly key: string
  /** By start, then end. */
  readonly panes: ReadonlyArray<Pane<A>>
  /** Where the last final session ended, as long as an event could reach back to it; null for fixed windows. */
  readonly finalEndMillis: number | null
}

export interface WindowState<A> {
  readonly watermark: Watermark.WatermarkState
  readonly keys: ReadonlyArray<KeyPanes<A>>
  /** Nothing happens to any window before the watermark reaches this; null when none waits. */
  readonly dueMillis: number | null
}

export type Emission<A> =
  | (Pane<A> & {
      readonly _tag: "Update"
      readonly key: string
      /** The watermark had passed the window's end. */
      readonly late: boolean
      /** Spans emitted before, that are no more. */
      readonly replaces: ReadonlyArray<Span>
    })
  | (Pane<A> & { readonly _tag: "OnTime" | "Final"; readonly key: string })

export interface SideEvent<V> {
  readonly event: WindowEvent<V>
  readonly reason: "late" | "no-time"
  /** The windows that it came too late for; it may have been in time for others. */
  readonly missed: ReadonlyArray<Span>
}

export interface WindowStep<V, A> {
  readonly state: WindowState<A>
  /** In the order in which it came to be; what one move of the watermark sets off, by time. */
  readonly emitted: ReadonlyArray<Emission<A>>
  readonly side: ReadonlyArray<SideEvent<V>>
}

/** No windows yet; the watermark waits for `partitions` to speak. */
export const make = <A>(partitions: ReadonlyArray<string>, nowMillis: number): WindowState<A> => ({
  watermark: Watermark.make(partitions, nowMillis),
  keys: [],
  dueMillis: null,
})

/**
 * Takes events in the order of the log. One batch gives what its events one by one give.
 *
 * @throws RangeError when an option is no length of time.
 */
export const step = <V, A>(
  state: WindowState<A>,
  events: ReadonlyArray<WindowEvent<V>>,
  options: WindowOptions<V, A>,
): WindowStep<V, A> => {
  requireLengths(options)
  const work = begin<V, A>(state)
  for (const event of events) {
    if (Number.isFinite(event.atMillis)) {
      place(work, event, options)
      const { partition, atMillis, readAtMillis } = event
      moveTo(work, Watermark.observe(work.watermark, partition, atMillis, readAtMillis, options.watermark), options)
    } else {
      work.side.push({ event, reason: "no-time", missed: [] })
    }
  }
  return end(work)
}

/** Time has passed without events: silent partitions stop to hold the watermark, and windows may be due. */
export const tick = <V, A>(state: WindowState<A>, nowMillis: number, options: WindowOptions<V, A>): WindowStep<V, A> =>
  withWatermark(state, Watermark.advance(state.watermark, nowMillis, options.watermark), options)

/** Goes on under a watermark that was changed by hand: a partition joined or left. One that is earlier is not taken. */
export const withWatermark = <V, A>(
  state: WindowState<A>,
  watermark: Watermark.WatermarkState,
  options: WindowOptions<V, A>,
): WindowStep<V, A> => {
  const work = begin<V, A>(state)
  moveTo(work, watermark, options)
  return end(work)
}

/** What was read from the store after a restart: downtime is not taken for silence. */
export const resume = <A>(state: WindowState<A>, nowMillis: number): WindowState<A> => ({
  ...state,
  watermark: Watermark.resume(state.watermark, nowMillis),
})

/** A call's own copy of the state: keys are replaced, never changed, so the caller's state stays as it was. */
interface Work<V, A> {
  watermark: Watermark.WatermarkState
  readonly keys: Map<string, KeyPanes<A>>
  dueMillis: number
  readonly emitted: Array<Emission<A>>
  readonly side: Array<SideEvent<V>>
}

const requireLengths = <V, A>({ shape, graceMillis, watermark }: WindowOptions<V, A>): void => {
  requireLength("graceMillis", graceMillis, 0)
  requireLength("disorderMillis", watermark.disorderMillis, 0)
  if (shape.kind === "session") requireLength("gapMillis", shape.gapMillis, 1)
}

const requireLength = (name: string, millis: number, least: number): void => {
  if (!Number.isFinite(millis) || millis < least)
    throw new RangeError(`${name} must be a finite number from ${least}, not ${millis}`)
}

const begin = <V, A>(state: WindowState<A>): Work<V, A> => ({
  watermark: state.watermark,
  keys: new Map(state.keys.map((panes) => [panes.key, panes])),
  dueMillis: state.dueMillis ?? Number.POSITIVE_INFINITY,
  emitted: [],
  side: [],
})

const end = <V, A>({ watermark, keys, dueMillis, emitted, side }: Work<V, A>): WindowStep<V, A> => ({
  state: { watermark, keys: [...keys.values()], dueMillis: Number.isFinite(dueMillis) ? dueMillis : null },
  emitted,
  side,
})

const reached = (watermark: Watermark.WatermarkState): number => watermark.millis ?? Number.NEGATIVE_INFINITY

const place = <V, A>(work: Work<V, A>, event: WindowEvent<V>, options: WindowOptions<V, A>): void => {
  const { shape } = options
  if (shape.kind === "fixed") placeFixed(work, event, shape.spansOf(event), options)
  else placeInSession(work, event, { ...options, gapMillis: shape.gapMillis, merge: shape.merge })
}

const placeFixed = <V, A>(
  work: Work<V, A>,
  event: WindowEvent<V>,
  spans: ReadonlyArray<Span>,
  options: WindowOptions<V, A>,
): void => {
  const closedMillis = reached(work.watermark) - options.graceMillis
  const missed = spans.filter((span) => span.endMillis <= closedMillis)
  if (missed.length > 0) work.side.push({ event, reason: "late", missed })
  for (const { startMillis, endMillis } of spans) {
    if (endMillis <= closedMillis) continue
    const { panes } = panesOf(work, event.key)
    const old = panes.find((other) => other.startMillis === startMillis && other.endMillis === endMillis)
    const pane: Pane<A> = {
      startMillis,
      endMillis,
      value: options.add(old === undefined ? options.initial : old.value, event),
    }
    const next =
      old === undefined ? [...panes, pane].sort(bySpan) : panes.map((other) => (other === old ? pane : other))
    work.keys.set(event.key, { key: event.key, panes: next, finalEndMillis: null })
    updated(work, event.key, pane, [], options)
  }
}

const placeInSession = <V, A>(
  work: Work<V, A>,
  event: WindowEvent<V>,
  options: WindowOptions<V, A> & SessionWindows.SessionOptions<V, A>,
): void => {
  const closedMillis = reached(work.watermark) - options.graceMillis
  const { key, panes, finalEndMillis } = panesOf(work, event.key)
  const placed = SessionWindows.place(panes, finalEndMillis, event, closedMillis, options)
  if (placed === undefined) {
    const missed = [SessionWindows.ownSpan(event.atMillis, options.gapMillis)]
    work.side.push({ event, reason: "late", missed })
    return
  }
  work.keys.set(key, { key, panes: placed.panes, finalEndMillis })
  const replaces = placed.replaced
    .filter((old) => !isSame(old, placed.pane))
    .map(({ startMillis, endMillis }) => ({ startMillis, endMillis }))
  updated(work, key, placed.pane, replaces, options)
}

const panesOf = <V, A>(work: Work<V, A>, key: string): KeyPanes<A> =>
  work.keys.get(key) ?? { key, panes: [], finalEndMillis: null }

const updated = <V, A>(
  work: Work<V, A>,
  key: string,
  pane: Pane<A>,
  replaces: ReadonlyArray<Span>,
  options: WindowOptions<V, A>,
): void => {
  const watermark = reached(work.watermark)
  work.dueMillis = Math.min(work.dueMillis, dueOf(pane, watermark, options))
  work.emitted.push({ _tag: "Update", key, ...pane, late: pane.endMillis <= watermark, replaces })
}

/** The watermark at which something happens to the window next: its end, then the end of its grace. */
const dueOf = <V, A>(pane: Pane<A>, watermark: number, options: WindowOptions<V, A>): number =>
  pane.endMillis > watermark ? pane.endMillis : pane.endMillis + options.graceMillis

/** Moves the watermark on and lets every window speak that this makes due. */
const moveTo = <V, A>(work: Work<V, A>, watermark: Watermark.WatermarkState, options: WindowOptions<V, A>): void => {
  const from = reached(work.watermark)
  const to = Math.max(from, reached(watermark))
  work.watermark = Number.isFinite(to) ? { ...watermark, millis: to } : watermark
  if (to < work.dueMillis) return

  const spoken: Array<{ readonly dueMillis: number; readonly emission: Emission<A> }> = []
  work.dueMillis = Number.POSITIVE_INFINITY
  for (const [key, before] of work.keys) {
    for (const pane of before.panes) {
      const finalMillis = pane.endMillis + options.graceMillis
      if (from < pane.endMillis && pane.endMillis <= to)
        spoken.push({ dueMillis: pane.endMillis, emission: { _tag: "OnTime", key, ...pane } })
      if (finalMillis <= to) spoken.push({ dueMillis: finalMillis, emission: { _tag: "Final", key, ...pane } })
    }
    keep(work, withoutFinals(before, to, options), to, options)
  }
  spoken.sort((a, b) => a.dueMillis - b.dueMillis)
  for (const { emission } of spoken) work.emitted.push(emission)
}

const withoutFinals = <V, A>(before: KeyPanes<A>, watermark: number, options: WindowOptions<V, A>): KeyPanes<A> => {
  const closedMillis = watermark - options.graceMillis
  const panes = before.panes.filter((pane) => pane.endMillis > closedMillis)
  if (options.shape.kind === "fixed") return { ...before, panes }
  const finals = before.panes.filter((pane) => pane.endMillis <= closedMillis)
  const finalEndMillis = finals.at(-1)?.endMillis ?? before.finalEndMillis
  // An event reaches back to a final session if it is in time by itself, or through a session that is still open.
  const isOutOfReach =
    panes.length === 0 && finalEndMillis !== null && finalEndMillis + options.shape.gapMillis <= closedMillis
  return { ...before, panes, finalEndMillis: isOutOfReach ? null : finalEndMillis }
}

/** Keeps what is left of a key, and when it is due; a key of which nothing is left is forgotten. */
const keep = <V, A>(work: Work<V, A>, left: KeyPanes<A>, watermark: number, options: WindowOptions<V, A>): void => {
  if (left.panes.length === 0 && left.finalEndMillis === null) {
    work.keys.delete(left.key)
    return
  }
  work.keys.set(left.key, left)
  for (const pane of left.panes) work.dueMillis = Math.min(work.dueMillis, dueOf(pane, watermark, options))
  if (left.panes.length === 0 && left.finalEndMillis !== null && options.shape.kind === "session")
    work.dueMillis = Math.min(work.dueMillis, left.finalEndMillis + options.shape.gapMillis + options.graceMillis)
}

const bySpan = (a: Span, b: Span): number => a.startMillis - b.startMillis || a.endMillis - b.endMillis
