/** A wheel of timers, whoever drives it: the one of a program's fibers, or the host's. */
import type { Handle } from "../kernel/concurrency/Timers.ts"

export interface Alarm {
  /** Milliseconds of a clock that never goes back, from any origin. */
  readonly now: () => number
  readonly schedule: (millis: number, run: () => void) => Handle
  /** False when it ran or was cancelled before. */
  readonly cancel: (handle: Handle) => boolean
}
