/**
 * Decides how many workers there should be, and says why in words.
 *
 * - **Reactive:** more when the queue, the p95 latency or the CPU (for minutes) is above its mark; fewer when all of
 *   them have been well below for a while. Many errors never scale: they are to be looked into.
 * - **By schedule:** a floor at given times.
 * - **By prediction:** a floor that grows towards an event that is planned, from 24 hours before.
 *
 * A cool-down after each change and lower marks for shrinking (hysteresis) keep it from flapping. A floor that rises
 * does not wait for the cool-down. The state is plain data; a pool or an outside scaler may carry out the target.
 *
 * @example
 * const decision = Autoscaler.decide(Autoscaler.standard, state, reading, plan, now)
 * decision.target // 20
 * decision.reason // "queue 12,400 is above 10,000: from 10 to 20 workers"
 */

export interface Settings {
  readonly min: number
  readonly max: number
  readonly queueLength: number
  readonly p95Millis: number
  /** Share of the CPU, 0 to 1, and for how long it must be above. */
  readonly cpu: number
  readonly cpuForMillis: number
  /** Share of failed calls, 0 to 1, above which someone should look. */
  readonly errorRate: number
  /** Growing multiplies by this. */
  readonly growth: number
  /** Below this share of every mark it is calm. */
  readonly calmShare: number
  /** How long it must be calm before each step down. */
  readonly calmForMillis: number
  /** After a change, how long not to grow again. */
  readonly coolDownMillis: number
  /** How long before an event its prediction begins, and how long before it all must stand ready. */
  readonly predictAheadMillis: number
  readonly readyMillis: number
}

const MINUTE = 60_000

/** The mission's: 5 to 100 workers; queue above 10,000, p95 above 5 s, CPU above 70 % for 5 minutes, errors above 5 %. */
export const standard: Settings = {
  min: 5,
  max: 100,
  queueLength: 10_000,
  p95Millis: 5_000,
  cpu: 0.7,
  cpuForMillis: 5 * MINUTE,
  errorRate: 0.05,
  growth: 2,
  calmShare: 0.5,
  calmForMillis: 5 * MINUTE,
  coolDownMillis: MINUTE,
  predictAheadMillis: 24 * 60 * MINUTE,
  readyMillis: 15 * MINUTE,
}

/** What is measured. What is unknown is left out. */
export interface Reading {
  readonly queueLength: number
  /** Workers that have something to do: it never shrinks below them. */
  readonly busy: number
  readonly p95Millis?: number | undefined
  readonly cpu?: number | undefined
  readonly errorRate?: number | undefined
}

/** At least so many workers between two times. */
export interface ScheduledFloor {
  readonly name: string
  readonly fromMillis: number
  readonly untilMillis: number
  readonly workers: number
}

/** An event for which so many workers will be needed from its start to its end. */
export interface PlannedEvent {
  readonly name: string
  readonly startsAtMillis: number
  readonly endsAtMillis: number
  readonly workers: number
}

export interface Plan {
  readonly schedule: ReadonlyArray<ScheduledFloor>
  readonly events: ReadonlyArray<PlannedEvent>
}

export const noPlan: Plan = { schedule: [], events: [] }

export interface State {
  readonly workers: number
  readonly changedAtMillis: number | null
  /** Since when the CPU is above its mark, and since when all is calm; null when it is not. */
  readonly hotSinceMillis: number | null
  readonly calmSinceMillis: number | null
}

export interface Decision {
  readonly state: State
  readonly target: number
  readonly change: "grow" | "shrink" | "hold"
  readonly reason: string
  /** Errors are above their mark: more workers would only fail faster. */
  readonly investigate: boolean
}

export const initial = (settings: Settings, workers: number = settings.min): State => ({
  workers: within(settings, workers),
  changedAtMillis: null,
  hotSinceMillis: null,
  calmSinceMillis: null,
})

export const decide = (settings: Settings, state: State, reading: Reading, plan: Plan, nowMillis: number): Decision => {
  const cpu = reading.cpu ?? 0
  // A calendar may go back: what lies ahead of it began now, at the latest.
  const since = (atMillis: number | null): number => Math.min(atMillis ?? nowMillis, nowMillis)
  const observed: State = {
    ...state,
    changedAtMillis: state.changedAtMillis === null ? null : since(state.changedAtMillis),
    hotSinceMillis: cpu > settings.cpu ? since(state.hotSinceMillis) : null,
    calmSinceMillis: isCalm(settings, reading) ? since(state.calmSinceMillis) : null,
  }
  const floor = floorAt(settings, plan, nowMillis)
  if (floor.workers > state.workers) return changed(observed, floor.workers, nowMillis, reading, settings, floor.why)

  const failing = (reading.errorRate ?? 0) > settings.errorRate
  if (failing) return hold(observed, `${errorsOf(reading)} above ${percent(settings.errorRate)}: look into them`, true)

  const pressure = pressureOf(settings, observed, reading, nowMillis)
  const { changedAtMillis } = observed
  const sinceChange = changedAtMillis === null ? Number.POSITIVE_INFINITY : nowMillis - changedAtMillis
  if (pressure !== undefined) {
    if (state.workers >= settings.max) return hold(observed, `${pressure}, but ${settings.max} workers is the most`)
    if (sinceChange < settings.coolDownMillis) return hold(observed, `${pressure}; waiting for the last change to show`)
    const grown = Math.max(state.workers + 1, Math.ceil(state.workers * settings.growth))
    return changed(observed, within(settings, grown), nowMillis, reading, settings, pressure)
  }

  const least = Math.max(floor.workers, Math.min(state.workers, reading.busy))
  if (state.workers <= least) return hold(observed, floor.workers >= state.workers ? floor.why : "all workers are busy")
  const calmFor = observed.calmSinceMillis === null ? -1 : nowMillis - observed.calmSinceMillis
  if (calmFor < settings.calmForMillis || sinceChange < settings.calmForMillis) {
    return hold(observed, calmFor < 0 ? "within the marks" : "calm, but not for long enough")
  }
  const shrunk = Math.max(least, Math.floor(state.workers / settings.growth))
  return changed(observed, shrunk, nowMillis, reading, settings, `calm for ${Math.round(calmFor / 1_000)} s`)
}

/** The floors that the plan will set, over the hours ahead: for an outside scaler, or to be shown. */
export const forecast = (
  settings: Settings,
  plan: Plan,
  nowMillis: number,
  aheadMillis: number = settings.predictAheadMillis,
  stepMillis: number = 60 * MINUTE,
): ReadonlyArray<{ readonly atMillis: number; readonly workers: number; readonly why: string }> =>
  Array.from({ length: Math.floor(aheadMillis / stepMillis) + 1 }, (_, i) => {
    const atMillis = nowMillis + i * stepMillis
    return { atMillis, ...floorAt(settings, plan, atMillis) }
  })

/** The first mark that is passed, in words. */
const pressureOf = (settings: Settings, state: State, reading: Reading, nowMillis: number): string | undefined => {
  const p95Millis = reading.p95Millis ?? 0
  if (reading.queueLength > settings.queueLength) {
    return `queue ${whole(reading.queueLength)} is above ${whole(settings.queueLength)}`
  }
  if (p95Millis > settings.p95Millis) return `p95 ${whole(p95Millis)} ms is above ${whole(settings.p95Millis)} ms`
  if (state.hotSinceMillis !== null && nowMillis - state.hotSinceMillis >= settings.cpuForMillis) {
    const minutes = Math.round((nowMillis - state.hotSinceMillis) / MINUTE)
    return `CPU ${percent(reading.cpu ?? 0)} has been above ${percent(settings.cpu)} for ${minutes} min`
  }
  return undefined
}

const isCalm = (settings: Settings, reading: Reading): boolean =>
  reading.queueLength <= settings.queueLength * settings.calmShare &&
  (reading.p95Millis ?? 0) <= settings.p95Millis * settings.calmShare &&
  (reading.cpu ?? 0) <= settings.cpu * settings.calmShare &&
  (reading.errorRate ?? 0) <= settings.errorRate

interface Floor {
  readonly workers: number
  readonly why: string
}

const floorAt = (settings: Settings, plan: Plan, atMillis: number): Floor => {
  let floor: Floor = { workers: settings.min, why: `${settings.min} workers is the least` }
  const raise = (workers: number, why: string): void => {
    if (within(settings, workers) > floor.workers) floor = { workers: within(settings, workers), why }
  }
  for (const { name, fromMillis, untilMillis, workers } of plan.schedule) {
    if (atMillis >= fromMillis && atMillis < untilMillis) raise(workers, `the schedule "${name}" asks for ${workers}`)
  }
  for (const event of plan.events) {
    if (atMillis >= event.endsAtMillis) continue
    const readyIn = event.startsAtMillis - settings.readyMillis - atMillis
    const share = 1 - Math.max(0, readyIn) / (settings.predictAheadMillis - settings.readyMillis)
    if (share > 0) raise(Math.ceil(event.workers * share), `"${event.name}" will need ${event.workers}`)
  }
  return floor
}

const changed = (
  state: State,
  target: number,
  nowMillis: number,
  reading: Reading,
  settings: Settings,
  why: string,
): Decision => ({
  // A step down starts a new calm: each must last before the next.
  state: { ...state, workers: target, changedAtMillis: nowMillis, calmSinceMillis: null },
  target,
  change: target > state.workers ? "grow" : "shrink",
  reason: `${why}: from ${state.workers} to ${target} workers`,
  investigate: (reading.errorRate ?? 0) > settings.errorRate,
})

const hold = (state: State, reason: string, investigate = false): Decision => ({
  state,
  target: state.workers,
  change: "hold",
  reason,
  investigate,
})

const within = (settings: Settings, workers: number): number =>
  Math.max(settings.min, Math.min(settings.max, Math.ceil(workers)))

const whole = (value: number): string => Math.round(value).toLocaleString("en")
const percent = (share: number): string => `${Math.round(share * 100)} %`
const errorsOf = (reading: Reading): string => `errors ${percent(reading.errorRate ?? 0)} are`
