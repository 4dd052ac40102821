/**
 * What all windows have in common: the event that comes in, the span of time that a window covers, and the pane, which
 * is one window of one key with what was gathered in it so far.
 *
 * A span's start is in it and its end is not, so spans that touch share no instant. All times are milliseconds since
 * the epoch.
 */

export interface WindowEvent<V> {
  /** Whose window: an athlete, a device, a class. */
  readonly key: string
  /** The partition of the log that it came from; partitions have watermarks of their own. */
  readonly partition: string
  /** When it happened. */
  readonly atMillis: number
  /** When it was read, by the clock of the process that reads. Only tells which partitions are idle. */
  readonly readAtMillis: number
  readonly value: V
}

export interface Span {
  /** The first instant that is in. */
  readonly startMillis: number
  /** The first instant that is out again. */
  readonly endMillis: number
}

/** A window with what was gathered. `value` must be plain JSON, for panes are stored. */
export interface Pane<A> extends Span {
  readonly value: A
}

export const contains = (span: Span, atMillis: number): boolean =>
  span.startMillis <= atMillis && atMillis < span.endMillis

/** Whether they share an instant. */
export const overlaps = (a: Span, b: Span): boolean => a.startMillis < b.endMillis && b.startMillis < a.endMillis

export const isSame = (a: Span, b: Span): boolean => a.startMillis === b.startMillis && a.endMillis === b.endMillis
