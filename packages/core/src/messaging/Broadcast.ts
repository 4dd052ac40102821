/** A synchronous broadcast within one process, for readings that nobody needs to keep. */

export interface Broadcast<A> {
  readonly publish: (value: A) => void
  /** Returns what ends the subscription. */
  readonly subscribe: (receive: (value: A) => void) => () => void
}

export const make = <A>(): Broadcast<A> => {
  const receivers = new Set<(value: A) => void>()
  return {
    publish: (value) => {
      for (const receive of receivers) receive(value)
    },
    subscribe: (receive) => {
      receivers.add(receive)
      return () => {
        receivers.delete(receive)
      }
    },
  }
}
