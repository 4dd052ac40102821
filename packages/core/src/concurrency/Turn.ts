/**
 * The turn of a fiber that stands in a line: what lets it run, and how long it has waited. The clock is read only for
 * those who want to be told.
 */
import type { Clock, Effect } from "effect"

export class Turn {
  /** Set once the fiber is suspended. */
  resume: () => void = nothing
  private readonly clock: Clock.Clock | undefined
  private readonly since: bigint

  constructor(clock: Clock.Clock | undefined) {
    this.clock = clock
    this.since = clock === undefined ? 0n : clock.unsafeCurrentTimeNanos()
  }

  /** 0 without a clock. The host's nanoseconds never go back; its milliseconds may. */
  waitedMillis(): number {
    return this.clock === undefined ? 0 : Number((this.clock.unsafeCurrentTimeNanos() - this.since) / 1_000n) / 1_000
  }
}

/** What `uninterruptibleMask` gives: turns interruption back to what it was outside. */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

const nothing = (): void => {}
