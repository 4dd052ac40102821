/**
 * Finds how much may run at once, from how long it takes: the limit falls as latency rises and recovers with it.
 *
 * A gradient, as in Netflix's concurrency-limits: the normal latency divided by the latest, between 0.5 and 1. The
 * limit moves towards `limit × gradient + √limit`; the root lets it ask for more. A refusal or time-out of the other
 * side is an overload: the limit is cut at once, as TCP does.
 *
 * What is normal must be measured at little load, or a long overload would count as normal. So from time to time the
 * limit is lowered to a quarter for a few samples, and their average is the new normal (TCP BBR's ProbeRTT does so).
 *
 * A sample says how many were in flight when it was taken: a limit that is not used does not grow. A call that was
 * cancelled or failed before it measured anything is dropped: do not sample it, and nothing moves.
 *
 * The state is plain data and may be kept.
 *
 * @example
 * let limit = AdaptiveLimit.make(settings)
 * limit = AdaptiveLimit.sample(settings, limit, { latencyMillis: 84, inFlight: 17 })
 * permits.resize(AdaptiveLimit.current(settings, limit))
 */

export interface Settings {
  readonly initial: number
  readonly min: number
  readonly max: number
  /** How much latency may rise over the normal before the limit falls: 1.5 is 50 %. At least 1. */
  readonly tolerance: number
  /** How quickly the limit follows, in (0, 1]. */
  readonly smoothing: number
  /** After how many samples the normal latency is measured anew. */
  readonly probeEvery: number
  /** What an overload leaves of the limit, in (0, 1). */
  readonly backoff: number
}

export const standard: Settings = {
  initial: 20,
  min: 1,
  max: 200,
  tolerance: 1.5,
  smoothing: 0.2,
  probeEvery: 600,
  backoff: 0.9,
}

export interface AdaptiveLimit {
  /** Not rounded, and not lowered while probing; see `current`. */
  readonly limit: number
  /** The latency at little load, in milliseconds. 0 before the first sample. */
  readonly normalMillis: number
  /** Samples since the last probe. */
  readonly samples: number
  /** The latencies of the probe that runs, if one does. */
  readonly probe: { readonly count: number; readonly totalMillis: number } | undefined
}

export interface Sample {
  /** How long a call took that was really made. */
  readonly latencyMillis: number
  /** How many were running, this one included, when it started. */
  readonly inFlight: number
}

const PROBE_SAMPLES = 10
const PROBE_SHARE = 0.25

export const make = (settings: Settings = standard): AdaptiveLimit => ({
  limit: within(settings, settings.initial),
  normalMillis: 0,
  samples: 0,
  probe: undefined,
})

/** One that goes on where the state was kept, perhaps as JSON and under other settings. */
export const restore = (settings: Settings, kept: AdaptiveLimit): AdaptiveLimit => ({
  limit: within(settings, kept.limit),
  normalMillis: kept.normalMillis,
  samples: kept.samples,
  probe: kept.probe,
})

/** How many may run at once now. */
export const current = (settings: Settings, state: AdaptiveLimit): number =>
  Math.floor(within(settings, state.probe === undefined ? state.limit : state.limit * PROBE_SHARE))

/** A call succeeded, or failed after it was really tried. */
export const sample = (settings: Settings, state: AdaptiveLimit, taken: Sample): AdaptiveLimit => {
  const { latencyMillis, inFlight } = taken
  if (!(latencyMillis > 0) || !Number.isFinite(latencyMillis)) return state
  if (state.probe !== undefined) return probed(settings, state, state.probe, taken)
  if (state.samples >= settings.probeEvery) return { ...state, probe: { count: 0, totalMillis: 0 } }
  const normalMillis = state.normalMillis === 0 ? latencyMillis : lowered(state.normalMillis, latencyMillis)
  const gradient = Math.max(0.5, Math.min(1, (settings.tolerance * normalMillis) / latencyMillis))
  const aim = state.limit * gradient + Math.sqrt(state.limit)
  const moved = state.limit + (aim - state.limit) * settings.smoothing
  // Who uses less than half of the limit learns nothing about what more would do.
  const unused = inFlight < state.limit / 2
  const limit = unused ? Math.min(state.limit, moved) : moved
  return { limit: within(settings, limit), normalMillis, samples: state.samples + 1, probe: undefined }
}

/** The other side refused, or did not answer in time: less at once. */
export const overload = (settings: Settings, state: AdaptiveLimit): AdaptiveLimit => ({
  ...state,
  limit: within(settings, state.limit * settings.backoff),
})

/** Only what started under the lowered limit tells anything; the rest is on its way out. */
const probed = (
  settings: Settings,
  state: AdaptiveLimit,
  probe: { readonly count: number; readonly totalMillis: number },
  taken: Sample,
): AdaptiveLimit => {
  if (taken.inFlight > current(settings, state)) return state
  const count = probe.count + 1
  const totalMillis = probe.totalMillis + taken.latencyMillis
  return count < PROBE_SAMPLES
    ? { ...state, probe: { count, totalMillis } }
    : { limit: state.limit, normalMillis: totalMillis / count, samples: 0, probe: undefined }
}

/** Between probes the normal only falls: a call that was quicker cannot have waited. */
const lowered = (normalMillis: number, latencyMillis: number): number =>
  latencyMillis < normalMillis ? normalMillis + (latencyMillis - normalMillis) * 0.1 : normalMillis

const within = (settings: Settings, limit: number): number => Math.max(settings.min, Math.min(settings.max, limit))
