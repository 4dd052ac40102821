/**
 * Speed and cadence from the counts of wheels and cranks.
 *
 * A sensor tells how many revolutions it has counted and when the last one ended, on a clock of its own. Both wrap:
 * counts at 2^32 or 2^16, times after 64 s (32 s for the wheel of a power meter). So a rate is the difference of
 * two packets, modulo the wraps. A packet that comes longer than one wrap after the last event leaves open how
 * often the time wrapped: its arrival decides.
 *
 *     const { state, rpm } = countRevolutions(CSC_CRANK, before, {
 *       revolutions: packet.cumulativeCrankRevolutions, eventSeconds: packet.lastCrankEventSeconds, arrivedAtMs })
 *
 * Packets may be lost: the rate is then the mean over the gap. Pure; `arrivedAtMs` must come from a clock that never
 * goes back.
 */

/** How one kind of counter wraps (sections CSC Measurement and Cycling Power Measurement), and what it can reach. */
export interface Counter {
  readonly revolutionsWrapAt: number
  readonly secondsWrapAt: number
  /** Revolutions a minute above which the sensor was reset, or counts back, rather than turned. */
  readonly plausibleRpm: number
}

/** 2A5B, wheel: 1/1024 s. 3,000 rpm are over 370 km/h on a road wheel. */
export const CSC_WHEEL: Counter = { revolutionsWrapAt: 2 ** 32, secondsWrapAt: 64, plausibleRpm: 3_000 }

/** 2A5B, crank: 1/1024 s. */
export const CSC_CRANK: Counter = { revolutionsWrapAt: 2 ** 16, secondsWrapAt: 64, plausibleRpm: 400 }

/** 2A63, wheel: 1/2048 s. */
export const POWER_WHEEL: Counter = { revolutionsWrapAt: 2 ** 32, secondsWrapAt: 32, plausibleRpm: 3_000 }

/** 2A63, crank: 1/1024 s, as in 2A5B. */
export const POWER_CRANK: Counter = { ...CSC_CRANK }

/** Without a new revolution for so long, what turned stands still. A rider at 20 rpm makes one every 3 s. */
export const STANDSTILL_MILLIS = 4_000

/** What a packet says of one counter. */
export interface Count {
  readonly revolutions: number
  readonly eventSeconds: number
  readonly arrivedAtMs: number
}

/** What is remembered between packets. */
export interface RevolutionState {
  /** The packet that told the last new event. */
  readonly last: Count
  /** Revolutions since the first packet; those before a reset of the sensor stay counted. */
  readonly total: number
  readonly still: boolean
}

export interface Revolutions {
  readonly state: RevolutionState
  /** Revolutions a minute since the packet before; 0 at a standstill; undefined when this packet does not tell. */
  readonly rpm: number | undefined
}

/** The next packet of a counter; `state` is what the packet before gave, undefined at the first. */
export const countRevolutions = (counter: Counter, state: RevolutionState | undefined, count: Count): Revolutions => {
  if (state === undefined) return { state: { last: count, total: 0, still: false }, rpm: undefined }
  const { last, total, still } = state
  const turned = modulo(count.revolutions - last.revolutions, counter.revolutionsWrapAt)
  const waitedMs = count.arrivedAtMs - last.arrivedAtMs
  if (turned === 0) {
    const stopped = still || waitedMs >= STANDSTILL_MILLIS
    return { state: { ...state, still: stopped }, rpm: stopped ? 0 : undefined }
  }
  const seconds = elapsedSeconds(counter, count.eventSeconds - last.eventSeconds, waitedMs / 1_000)
  const rpm = (60 * turned) / seconds
  // The time stood still while revolutions were counted, or too many were: no rate, and a new beginning.
  if (!(rpm <= counter.plausibleRpm)) return { state: { last: count, total, still: false }, rpm: undefined }
  // The first revolution after a standstill took as long as the rest did, which says nothing of its speed.
  return { state: { last: count, total: total + turned, still: false }, rpm: still ? undefined : rpm }
}

/** Metres a second of a wheel with this circumference (a 700 × 25C road wheel: 2.105 m). */
export const wheelSpeed = (rpm: number, circumferenceMetres: number): number => (rpm * circumferenceMetres) / 60

/** The time between two events, from the wrapped difference and about how long it was by arrival. */
const elapsedSeconds = ({ secondsWrapAt }: Counter, difference: number, aboutSeconds: number): number => {
  const least = modulo(difference, secondsWrapAt)
  return least + secondsWrapAt * Math.max(0, Math.round((aboutSeconds - least) / secondsWrapAt))
}

const modulo = (value: number, wrapAt: number): number => ((value % wrapAt) + wrapAt) % wrapAt
