/**
 * When a circuit breaker opens, how long it stays open, and how traffic comes back. The defaults are the
 * mission's numbers.
 *
 * @example
 * BreakerSettings.make({ minimumCalls: 50, openMillis: { baseMillis: 1_000, maxMillis: 30_000, factor: 2 } })
 */
import type { Backoff } from "./Backoff.ts"
import type { WindowShape } from "./SlidingWindow.ts"

export interface BreakerSettings {
  /** What the error rate and the slow-call rate are measured over. Default: 30 s in 30 buckets. */
  readonly window: WindowShape
  /** Neither rate opens the breaker while the window holds fewer calls. Default 20. */
  readonly minimumCalls: number
  /** Opens when strictly more than this share of calls failed, from 0 to 1. Default 0.5. */
  readonly errorRate: number
  /** A call that took longer is slow, whether it failed or not. Default 5 s. */
  readonly slowCallMillis: number
  /** Opens when strictly more than this share of calls was slow, from 0 to 1. Default 0.05: p95 is above `slowCallMillis`. */
  readonly slowCallRate: number
  /** Opens when more than this many calls timed out within `timeoutWindowMillis`. Default 10. */
  readonly timeouts: number
  /** Default one minute. */
  readonly timeoutWindowMillis: number
  /** Opens after this many failures in a row; 0 for never. Default 0. */
  readonly consecutiveFailures: number
  /** How long it stays open the first time, and how that grows while it keeps failing. Default 5 s doubling to 2 min. */
  readonly openMillis: Backoff
  /** How many calls half-open lets through, and decides over. Default 5. */
  readonly probes: number
  /** Half-open opens again when strictly more than this share of the probes failed or were slow. Default 0.5. */
  readonly probeFailureRate: number
  /** A probe without a result after so long is given up, and its place goes to another. Default 30 s. */
  readonly probeMaxMillis: number
  /**
   * After closing, the greatest number of calls at once in each step; after the last step there is no limit.
   * A step is decided over as many results as its limit. Empty for all at once. Default 10, 40, 160, 640.
   */
  readonly steps: ReadonlyArray<number>
  /** A step with at least one result is decided after so long, however few results it has. Default 10 s. */
  readonly stepMillis: number
}

export const standard: BreakerSettings = {
  window: { kind: "time", millis: 30_000, buckets: 30 },
  minimumCalls: 20,
  errorRate: 0.5,
  slowCallMillis: 5_000,
  slowCallRate: 0.05,
  timeouts: 10,
  timeoutWindowMillis: 60_000,
  consecutiveFailures: 0,
  openMillis: { baseMillis: 5_000, maxMillis: 120_000, factor: 2 },
  probes: 5,
  probeFailureRate: 0.5,
  probeMaxMillis: 30_000,
  steps: [10, 40, 160, 640],
  stepMillis: 10_000,
}

/**
 * The defaults with some of them changed.
 *
 * @throws RangeError when a number is outside its range: it names the setting and what is allowed
 */
export const make = (changes: Partial<BreakerSettings> = {}): BreakerSettings => {
  const settings = { ...standard, ...changes }
  for (const name of ["errorRate", "slowCallRate", "probeFailureRate"] as const) {
    demand(settings[name] >= 0 && settings[name] <= 1, name, "from 0 to 1", settings[name])
  }
  for (const name of ["minimumCalls", "probes"] as const) {
    demand(Number.isSafeInteger(settings[name]) && settings[name] >= 1, name, "a whole number from 1", settings[name])
  }
  for (const name of ["timeouts", "consecutiveFailures"] as const) {
    demand(Number.isSafeInteger(settings[name]) && settings[name] >= 0, name, "a whole number from 0", settings[name])
  }
  for (const name of ["slowCallMillis", "timeoutWindowMillis", "probeMaxMillis", "stepMillis"] as const) {
    demand(settings[name] > 0, name, "above 0 milliseconds", settings[name])
  }
  const { baseMillis, maxMillis, factor } = settings.openMillis
  demand(baseMillis >= 0, "openMillis.baseMillis", "from 0 milliseconds", baseMillis)
  demand(maxMillis >= 0, "openMillis.maxMillis", "from 0 milliseconds", maxMillis)
  demand(factor >= 1, "openMillis.factor", "from 1", factor)
  for (const limit of settings.steps) {
    demand(Number.isSafeInteger(limit) && limit >= 1, "steps", "whole numbers from 1", limit)
  }
  return settings
}

const demand = (holds: boolean, name: string, allowed: string, provided: number): void => {
  if (!holds) throw new RangeError(`The breaker's ${name} must be ${allowed}, not ${provided}`)
}
