/** How long the delivery waits before it connects again, by what went wrong. */
import { Backoff } from "@paceline/core/kernel"
import type { DeliveryLimits, Power, Problem, ProblemCode } from "./Protocol.ts"

/** Asking again soon changes nothing about these. */
const refusals: ReadonlySet<ProblemCode> = new Set<ProblemCode>(["unauthorized", "unknown-version"])

/** Whether the server will not have this device as it is. A key that can be renewed is renewed once before that is so. */
export const isRefusal = (code: ProblemCode, renewable: boolean): boolean =>
  refusals.has(code) && !(code === "unauthorized" && renewable)

/** @param attempt failures in a row before this one */
export const delayMillis = (
  problem: Problem,
  refused: boolean,
  attempt: number,
  random: number,
  power: Power,
  limits: DeliveryLimits,
): number => {
  const delay = withoutPower(problem, refused, attempt, random, limits)
  // A radio that searches for what is not there is what empties a battery.
  return power === "low" ? Math.max(delay, limits.gatherMillis * (0.5 + random / 2)) : delay
}

const withoutPower = (
  { code, retryAfterMillis }: Problem,
  refused: boolean,
  attempt: number,
  random: number,
  { backoff, maxRetryAfterMillis }: DeliveryLimits,
): number => {
  const usual = Backoff.delayMillis(backoff, attempt, random)
  // Spread behind the time that the server named, so that those it sent away do not come back together.
  if (retryAfterMillis !== undefined) return Math.min(retryAfterMillis, maxRetryAfterMillis) * (1 + random / 4) + usual
  if (refused) return backoff.maxMillis * (0.5 + random / 2)
  // Mostly it was a late word of this bridge's own former connection; but two bridges with one identity, which
  // both get on for a while each time, must not chase each other at full speed.
  if (code === "superseded") return backoff.baseMillis * 10 * (1 + random)
  return usual
}
