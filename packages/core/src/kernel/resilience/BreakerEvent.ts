/** What a circuit breaker tells: one event a transition, in the order in which they happened. */

/** Why a breaker opened. `step`: traffic failed again while it was returning; `probes`: half-open failed. */
export type OpenReason = "error-rate" | "slow-calls" | "timeouts" | "consecutive" | "probes" | "step"

/** All times in milliseconds of the breaker's clock. */
export type BreakerEvent =
  | {
      readonly _tag: "Opened"
      readonly atMillis: number
      readonly reason: OpenReason
      readonly retryAtMillis: number
      /** Openings since it was last closed, this one included. */
      readonly openings: number
    }
  | { readonly _tag: "HalfOpened"; readonly atMillis: number; readonly probes: number }
  /** Closed: at most `limit` calls at once pass for now; Infinity when all do. */
  | { readonly _tag: "Closed"; readonly atMillis: number; readonly limit: number }
  /** Traffic goes on to the next step, or back to the one before. */
  | { readonly _tag: "Stepped"; readonly atMillis: number; readonly step: number; readonly limit: number }
  | { readonly _tag: "WouldOpen"; readonly atMillis: number; readonly reason: OpenReason }
  | { readonly _tag: "Isolated"; readonly atMillis: number }
  | {
      readonly _tag: "Unisolated"
      readonly atMillis: number
      /** What it is now that the last isolation ended. */
      readonly phase: "closed" | "open" | "half-open"
    }
  | {
      readonly _tag: "ModeChanged"
      readonly atMillis: number
      readonly mode: "normal" | "forced-open" | "disabled" | "metrics-only"
    }
