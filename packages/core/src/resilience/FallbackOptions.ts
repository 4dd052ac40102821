/** What the effect and the promise varieties of a fallback are made of. */
import * as Fault from "../kernel/resilience/Fault.ts"

export interface FallbackOptions {
  /** What an error allows; "permanent" and "cancelled" are left alone. Default: `Fault.kindOf`. */
  readonly kindOf?: (error: unknown) => Fault.FaultKind
}

export interface CachedOptions extends FallbackOptions {
  /** An older answer does not stand in. Default 1 h. */
  readonly maxAgeMillis?: number
  /** The greatest number of answers kept; what was not used lately goes first. Default 1,000. */
  readonly maxKeys?: number
}

/** Whether a fallback may stand in for this error. */
export const standsInFor = (error: unknown, kindOf: (error: unknown) => Fault.FaultKind = Fault.kindOf): boolean => {
  const kind = kindOf(error)
  return kind !== "permanent" && kind !== "cancelled"
}
