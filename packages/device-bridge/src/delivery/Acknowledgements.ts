/**
 * What the server has acknowledged and the buffer does not know yet. Acknowledgements are gathered for a moment, so
 * that a quick server does not make a disk commit each; until they are applied the chunks are merely still there.
 */
import type { ChunkBuffer } from "../buffer/ChunkBuffer.ts"

/** They are applied together after this long, in milliseconds. */
const GATHER_MILLIS = 20

/** What the disk would not delete is tried again after this long, in milliseconds. */
const RETRY_MILLIS = 1_000

export class Acknowledgements {
  readonly #buffer: ChunkBuffer
  readonly #onApplied: () => void
  readonly #onError: (error: unknown) => void
  #waiting = new Map<string, number>()
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Chunks that left the buffer. */
  chunks = 0

  constructor(buffer: ChunkBuffer, onApplied: () => void, onError: (error: unknown) => void) {
    this.#buffer = buffer
    this.#onApplied = onApplied
    this.#onError = onError
  }

  add(incarnation: string, n: number): void {
    this.#waiting.set(incarnation, Math.max(n, this.#waiting.get(incarnation) ?? 0))
    this.#timer ??= setTimeout(() => this.apply(), GATHER_MILLIS)
  }

  /** Deletes what was acknowledged. What cannot be deleted now, on a full disk, is tried again. */
  apply(): void {
    this.stop()
    if (this.#waiting.size === 0) return
    try {
      for (const [incarnation, n] of this.#waiting) {
        this.chunks += this.#buffer.acknowledge(incarnation, n)
        this.#waiting.delete(incarnation)
      }
    } catch (thrown) {
      this.#onError(thrown)
      this.#timer = setTimeout(() => this.apply(), RETRY_MILLIS)
    }
    this.#onApplied()
  }

  /** They are void. */
  forget(): void {
    this.#waiting.clear()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
