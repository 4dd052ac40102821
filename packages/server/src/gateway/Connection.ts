/**
 * A WebSocket (or, of a bridge, one HTTP request) as the doors see it, and why they close one.
 *
 * Codes from 4400 on are Paceline's own and follow HTTP's; the frame before the close says the same in words.
 */
export interface Connection {
  /** The other end's, as limits count it. */
  readonly address: string
  /** False for one that is over with its answer. */
  readonly lasts: boolean
  readonly send: (frame: Uint8Array<ArrayBuffer>) => void
  readonly close: (code: CloseCode) => void
}

export const CloseCode = {
  /** The server stops; connect again to the next one. */
  GoingAway: 1001,
  /** Something inside failed. */
  InternalError: 1011,
  /** The server cannot take it now; try again later. */
  TryAgainLater: 1013,
  /** What came was no frame of this protocol, or of a version this side does not speak. */
  BadFrame: 4400,
  /** The key is wrong, or not for this. */
  Unauthorized: 4401,
  /** No hello came in time. */
  HelloTimeout: 4408,
  /** A chunk came whose predecessors did not. Connect again, and go on where the welcome says. */
  OutOfOrder: 4409,
  /** The same device connected anew; this connection is the old one. */
  Superseded: 4410,
} as const

export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode]
