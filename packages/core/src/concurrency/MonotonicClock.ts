/** The time of a clock that never goes back, in milliseconds: the host's nanoseconds. Its milliseconds are the calendar's. */
import type { Clock } from "effect"

export const monotonicMillis = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos() / 1_000n) / 1_000
