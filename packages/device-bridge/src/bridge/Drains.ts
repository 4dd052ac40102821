/**
 * Those who wait until all that they recorded is at the server: up to and with chunk `n` of this opening, and all of
 * the openings before it.
 */
import type { ChunkBuffer } from "../buffer/ChunkBuffer.ts"

interface Drain {
  /** Null until what was in memory at the call is on disk. */
  n: number | null
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class Drains {
  #waiting: Array<Drain> = []

  get any(): boolean {
    return this.#waiting.length > 0
  }

  add(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ n: null, resolve, reject })
    })
  }

  /** All that was in memory is on disk now, in chunks up to `n`. */
  written(n: number): void {
    for (const drain of this.#waiting) drain.n ??= n
  }

  /** The file was replaced by a fresh one, which counts anew; nothing is in memory, or something, for the next flush. */
  startAfresh(nothingInMemory: boolean): void {
    for (const drain of this.#waiting) drain.n = nothingInMemory ? 0 : null
  }

  /** Takes out those for whom all is delivered, to be told so. @throws what the buffer throws */
  delivered(buffer: ChunkBuffer): ReadonlyArray<() => void> {
    const [oldest] = buffer.waiting(1)
    const { own } = buffer
    // Older openings are delivered first, so nothing of them waits when this opening's chunks are the oldest.
    const firstWaiting = oldest === undefined ? Number.POSITIVE_INFINITY : oldest.first
    const onlyOwn = oldest === undefined || oldest.incarnation === own?.incarnation
    const isDone = ({ n }: Drain): boolean => onlyOwn && n !== null && firstWaiting > n
    const done = this.#waiting.filter(isDone)
    this.#waiting = this.#waiting.filter((drain) => !isDone(drain))
    return done.map(({ resolve }) => resolve)
  }

  /** Nothing more will be delivered. */
  end(reason: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(reason)
  }
}
