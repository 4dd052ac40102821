/**
 * The calls that a half-open breaker lets through: N places, and a verdict over N results.
 *
 * A place whose probe was released (ignored, interrupted) is free again. A probe without a result after the longest
 * wait is hung: its place goes to the next caller, and what it may still answer is ignored.
 */

export interface Probes {
  readonly places: number
  /** The verdict is "failed" when strictly more than this share of `places` failed. */
  readonly failureRate: number
  readonly maxMillis: number
  /** Probes under way, oldest first. */
  readonly underWay: Array<{ readonly ticket: number; readonly sinceMillis: number }>
  passed: number
  failed: number
}

export const make = (places: number, failureRate: number, maxMillis: number): Probes => ({
  places,
  failureRate,
  maxMillis,
  underWay: [],
  passed: 0,
  failed: 0,
})

/** Whether the caller may probe, with this ticket. */
export const admit = (probes: Probes, nowMillis: number, ticket: number): boolean => {
  if (probes.passed + probes.failed + probes.underWay.length >= probes.places) {
    const oldest = probes.underWay[0]
    if (oldest === undefined || Math.abs(nowMillis - oldest.sinceMillis) <= probes.maxMillis) return false
    probes.underWay.shift()
  }
  probes.underWay.push({ ticket, sinceMillis: nowMillis })
  return true
}

/** Frees the probe's place. True when it held one. */
export const release = (probes: Probes, ticket: number): boolean => {
  const at = probes.underWay.findIndex((probe) => probe.ticket === ticket)
  if (at < 0) return false
  probes.underWay.splice(at, 1)
  return true
}

/** Counts a result. The verdict comes with the last result, or as soon as too many failed. */
export const settle = (probes: Probes, ticket: number, failed: boolean): "passed" | "failed" | "undecided" => {
  if (!release(probes, ticket)) return "undecided"
  if (failed) probes.failed++
  else probes.passed++
  if (probes.failed > probes.places * probes.failureRate) return "failed"
  return probes.passed + probes.failed >= probes.places ? "passed" : "undecided"
}

/** When a place may come free without a result: the oldest probe is then hung. 0 when one is free now. */
export const freeInMillis = (probes: Probes, nowMillis: number): number => {
  if (probes.passed + probes.failed + probes.underWay.length < probes.places) return 0
  const oldest = probes.underWay[0]
  return oldest === undefined ? 0 : Math.max(1, Math.ceil(oldest.sinceMillis + probes.maxMillis - nowMillis) + 1)
}

export const clear = (probes: Probes): void => {
  probes.underWay.length = 0
  probes.passed = 0
  probes.failed = 0
}
