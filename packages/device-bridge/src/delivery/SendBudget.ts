/**
 * How many bytes of the backlog may be on their way, so that live readings do not queue behind them.
 *
 * A socket takes megabytes into buffers of the system, the router and the modem, and whatever is sent next waits
 * behind all of that: seconds, on a slow line. So the budget follows what the acknowledgements say, as delay-based
 * congestion control does (RFC 6817 is the thorough form of it): it grows while they come soon, and halves when
 * one took long.
 */
import type { DeliveryLimits } from "./Protocol.ts"

export interface SendBudget {
  readonly bytes: number
  /** Chunks sent before this say nothing about the budget as it is now. */
  readonly since: number
}

/** A connection starts at twice the least. */
export const initial = (now: number, limits: DeliveryLimits): SendBudget => ({
  bytes: 2 * limits.minBudgetBytes,
  since: now,
})

/** A chunk that was sent at `sentAt` has been acknowledged, and `ackedBytes` with it. */
export const acknowledged = (
  budget: SendBudget,
  sentAt: number,
  ackedBytes: number,
  now: number,
  limits: DeliveryLimits,
): SendBudget => {
  if (now - sentAt <= limits.queuedMillis) {
    return { ...budget, bytes: Math.min(limits.maxBudgetBytes, budget.bytes + ackedBytes) }
  }
  // What went out under a greater budget is late too, and no reason to halve this one again.
  if (sentAt < budget.since) return budget
  return { bytes: Math.max(limits.minBudgetBytes, budget.bytes / 2), since: now }
}
