/** What a bridge needs to go to sleep and wake again: a flush that is tried until a deadline, and counts that go on. */
import type { Delivery } from "../delivery/Delivery.ts"

/** A flush that failed is tried again after this long, in milliseconds. */
const RETRY_MILLIS = 50

/**
 * Flushes, at first before the caller goes on, and where that fails again and again until the deadline (on the clock of
 * `performance.now`). Ends in peace when it is not wanted any more. Throws what the last attempt threw.
 */
export const flushBy = async (deadline: number, wanted: () => boolean, flush: () => void): Promise<void> => {
  while (wanted()) {
    try {
      flush()
      return
    } catch (thrown) {
      if (performance.now() + RETRY_MILLIS > deadline) throw thrown
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MILLIS))
  }
}

type Counts = Pick<Delivery, "deliveredChunks" | "quarantinedChunks" | "lastAckAtMs">

/** What connections before the last sleep have delivered. */
export class DeliveredBefore {
  #chunks = 0
  #quarantined = 0
  #lastAckAtMs: number | null = null

  add(delivery: Counts): void {
    this.#chunks += delivery.deliveredChunks
    this.#quarantined += delivery.quarantinedChunks
    this.#lastAckAtMs = delivery.lastAckAtMs ?? this.#lastAckAtMs
  }

  /** All in all, with what this one has. */
  with(delivery: Counts): {
    readonly chunks: number
    readonly quarantined: number
    readonly lastAckAtMs: number | null
  } {
    return {
      chunks: this.#chunks + delivery.deliveredChunks,
      quarantined: this.#quarantined + delivery.quarantinedChunks,
      lastAckAtMs: delivery.lastAckAtMs ?? this.#lastAckAtMs,
    }
  }
}
