/**
 * Windows that last as long as a key keeps coming: an event opens one that ends `gapMillis` after it, and every event
 * before that end moves the end on. An event exactly `gapMillis` after the last one opens the next session, for an
 * end is out.
 *
 * A late event may stand between two sessions and close the gap: they become one. It may not join a session that is
 * final, nor open one across it; to know, the end of the last final session is remembered as long as an event could
 * still reach it. `Windows` decides when a session is final; this file decides where an event goes.
 *
 * @example
 * SessionWindows.place([], null, { key: "a", atMillis: 0, … }, Number.NEGATIVE_INFINITY, { gapMillis: 60_000, … })
 * // one pane: 0 to 60_000
 */
import { overlaps, type Pane, type Span, type WindowEvent } from "./WindowPane.ts"

export interface SessionOptions<V, A> {
  /** How long a key must be silent for its session to end. */
  readonly gapMillis: number
  readonly initial: A
  readonly add: (value: A, event: WindowEvent<V>) => A
  /** What two sessions that became one have gathered together. */
  readonly merge: (earlier: A, later: A) => A
}

/** Where an event went: the key's sessions now, the one that it is in, and those that this one took the place of. */
export interface SessionPlace<A> {
  readonly panes: ReadonlyArray<Pane<A>>
  readonly pane: Pane<A>
  readonly replaced: ReadonlyArray<Pane<A>>
}

/** The session that the event would make alone. */
export const ownSpan = (atMillis: number, gapMillis: number): Span => ({
  startMillis: atMillis,
  endMillis: atMillis + gapMillis,
})

/**
 * Puts an event into the sessions of its key; undefined when it is too late: every session that ends at `closedMillis`
 * or before is final, the last of them ended at `finalEndMillis` (null when none is remembered).
 */
export const place = <V, A>(
  panes: ReadonlyArray<Pane<A>>,
  finalEndMillis: number | null,
  event: WindowEvent<V>,
  closedMillis: number,
  options: SessionOptions<V, A>,
): SessionPlace<A> | undefined => {
  const own = ownSpan(event.atMillis, options.gapMillis)
  if (finalEndMillis !== null && event.atMillis < finalEndMillis) return undefined
  const joined = panes.filter((pane) => overlaps(pane, own))
  if (joined.length === 0 && own.endMillis <= closedMillis) return undefined

  const [first, ...rest] = joined
  const gathered = rest.reduce((value, pane) => options.merge(value, pane.value), first?.value ?? options.initial)
  const pane: Pane<A> = {
    startMillis: Math.min(own.startMillis, first?.startMillis ?? own.startMillis),
    endMillis: Math.max(own.endMillis, joined.at(-1)?.endMillis ?? own.endMillis),
    value: options.add(gathered, event),
  }
  const before = panes.filter((other) => other.endMillis <= pane.startMillis)
  const after = panes.filter((other) => other.startMillis >= pane.endMillis)
  return { panes: [...before, pane, ...after], pane, replaced: joined }
}
