/**
 * Backpressure in bytes: how much a sender may send before the receiver says more, so that what waits to be stored is
 * bounded whoever is slow.
 *
 * The receiver grants a number of bytes that only grows, counted from the start of the connection. A sender may send
 * a frame while it has sent less than that, so the last frame may go beyond it, and no frame is too long to ever be
 * sent. The receiver grants anew when it has dealt with enough: what has come and is not dealt with is then never
 * more than a share and one frame.
 *
 * @example
 * let credit = Credit.open(64 * 1024)
 * const charged = Credit.charge(credit, frame.length)       // null: beyond what was granted
 * const { credit: next, grant } = Credit.settle(charged, frame.length, 64 * 1024)
 */

/** What one connection was granted, what came of it, and what is dealt with; all in bytes since it started. */
export interface Credit {
  readonly granted: number
  readonly charged: number
  readonly settled: number
}

export const open = (share: number): Credit => ({ granted: share, charged: 0, settled: 0 })

/** Bytes came. Null when they must not have been sent. */
export const charge = (credit: Credit, bytes: number): Credit | null =>
  credit.charged >= credit.granted ? null : { ...credit, charged: credit.charged + bytes }

/**
 * Bytes were dealt with. `grant` is what to tell the sender, or null when it is too little to be worth a frame: a
 * sender has half of its share left then.
 */
export const settle = (
  credit: Credit,
  bytes: number,
  share: number,
): { readonly credit: Credit; readonly grant: number | null } => {
  const settled = credit.settled + bytes
  const target = settled + share
  if (target - credit.granted < share / 2) return { credit: { ...credit, settled }, grant: null }
  return { credit: { ...credit, settled, granted: target }, grant: target }
}

/** How the memory of a receiver is shared among its connections. In bytes. */
export interface Shares {
  /** For all connections together, as far as `least` allows. */
  readonly total: number
  readonly least: number
  readonly most: number
}

/** What one of so many connections may be granted at a time. */
export const shareOf = ({ least, most, total }: Shares, connections: number): number =>
  Math.max(least, Math.min(most, Math.floor(total / Math.max(1, connections))))
