/**
 * How long a call may take: twice the p95 of what such calls took lately, within bounds.
 *
 * Until enough calls are known it is the greatest bound. A call that was cut off counts with the time it was given:
 * when everything becomes slower, the timeout follows it up to the bound, instead of cutting off all calls for ever.
 */
import * as Quantile from "./Quantile.ts"

export interface TimeoutSettings {
  readonly minMillis: number
  readonly maxMillis: number
  /** How many times the quantile. Default 2. */
  readonly multiple: number
  /** Default 0.95. */
  readonly quantile: number
  /** Calls that must be known before the measure counts. Default 20. */
  readonly minimumCalls: number
  /** What is older does not count. Default 5 min. */
  readonly windowMillis: number
}

export const standard: TimeoutSettings = {
  minMillis: 250,
  maxMillis: 10_000,
  multiple: 2,
  quantile: 0.95,
  minimumCalls: 20,
  windowMillis: 300_000,
}

/** Always the same time, whatever calls take. */
export const fixed = (millis: number): TimeoutSettings => ({ ...standard, minMillis: millis, maxMillis: millis })

export interface AdaptiveTimeout {
  readonly settings: TimeoutSettings
  readonly durations: Quantile.Quantile
}

/** @throws RangeError when the bounds are not above 0 and in order, or another setting is out of its range */
export const make = (changes: Partial<TimeoutSettings> = {}): AdaptiveTimeout => {
  const settings = { ...standard, ...changes }
  if (!(settings.minMillis > 0 && settings.minMillis <= settings.maxMillis)) {
    throw new RangeError(
      `The timeout's bounds must be above 0 and in order, not ${settings.minMillis} and ${settings.maxMillis}`,
    )
  }
  for (const name of ["multiple", "minimumCalls"] as const) {
    if (!(settings[name] > 0)) throw new RangeError(`The timeout's ${name} must be above 0, not ${settings[name]}`)
  }
  return { settings, durations: Quantile.make(settings.quantile, settings.windowMillis) }
}

/** What calls took lately, as plain JSON. */
export const snapshot = (timeout: AdaptiveTimeout): Quantile.QuantileSnapshot => Quantile.snapshot(timeout.durations)

export const readSnapshot = Quantile.readSnapshot

/** A timeout that knows what the other knew, under these settings. */
export const restore = (changes: Partial<TimeoutSettings>, from: Quantile.QuantileSnapshot): AdaptiveTimeout => {
  const { settings } = make(changes)
  return { settings, durations: Quantile.restore(settings.quantile, settings.windowMillis, from) }
}

export const record = (timeout: AdaptiveTimeout, durationMillis: number, nowMillis: number): void => {
  if (timeout.settings.minMillis < timeout.settings.maxMillis)
    Quantile.record(timeout.durations, durationMillis, nowMillis)
}

/** The time for a call that starts now. */
export const timeoutMillis = (timeout: AdaptiveTimeout, nowMillis: number): number => {
  const { settings, durations } = timeout
  if (settings.minMillis >= settings.maxMillis) return settings.maxMillis
  if (Quantile.count(durations, nowMillis) < settings.minimumCalls) return settings.maxMillis
  const measured = Quantile.estimate(durations, nowMillis)
  if (measured === undefined) return settings.maxMillis
  return Math.min(settings.maxMillis, Math.max(settings.minMillis, measured * settings.multiple))
}
