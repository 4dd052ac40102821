/**
 * Gives every heart beat its time, and adds up the energy that a strap tells.
 *
 * A strap bundles the intervals of several beats into one packet (2A37) and sends it when the radio lets it, so
 * arrival says little about a beat. Beats follow each other by the sum of their intervals, which is exact to
 * 1/1024 s; arrival only anchors the chain at its first packet and, after beats were lost, once more:
 *
 *     const { state, beats } = beatsOf(before, { rrIntervalsSeconds: packet.rrIntervalsSeconds ?? [], arrivedAtMs })
 *
 * Times never go back: a strap whose clock is fast, or a packet that came late, is told by `aheadMillis`, and the
 * chain goes on. Pure; `arrivedAtMs` must come from a clock that never goes back.
 */

/** How far a chain may fall behind arrival before beats count as lost and it begins anew. */
export const LOST_AFTER_MILLIS = 3_000

export interface HeartPacket {
  /** From beat to beat, oldest first. */
  readonly rrIntervalsSeconds: ReadonlyArray<number>
  readonly arrivedAtMs: number
}

export interface Beat {
  /** When the beat that ends the interval happened, milliseconds on the clock of arrival. */
  readonly atMs: number
  readonly rrIntervalSeconds: number
}

export interface BeatState {
  /** Where the chain began; seconds are summed from here, so that no rounding adds up. */
  readonly anchorMs: number
  readonly seconds: number
}

export interface Beats {
  readonly state: BeatState | undefined
  readonly beats: ReadonlyArray<Beat>
  /** Whether the chain begins anew with this packet. */
  readonly anchored: boolean
  /** How far the last beat lies ahead of its packet's arrival; negative is the normal delay. */
  readonly aheadMillis: number
}

/** The beats of the next packet; `state` is what the packet before gave, undefined at the first. */
export const beatsOf = (state: BeatState | undefined, { rrIntervalsSeconds, arrivedAtMs }: HeartPacket): Beats => {
  if (rrIntervalsSeconds.length === 0) {
    return { state, beats: [], anchored: false, aheadMillis: state === undefined ? 0 : lastBeat(state) - arrivedAtMs }
  }
  const span = rrIntervalsSeconds.reduce((sum, interval) => sum + interval, 0)
  const goesOn = state !== undefined && lastBeat(state) + 1_000 * span >= arrivedAtMs - LOST_AFTER_MILLIS
  // A chain begins so that its last beat is the packet's arrival.
  let chain = goesOn ? state : { anchorMs: arrivedAtMs - 1_000 * span, seconds: 0 }
  const beats = rrIntervalsSeconds.map((rrIntervalSeconds): Beat => {
    chain = { anchorMs: chain.anchorMs, seconds: chain.seconds + rrIntervalSeconds }
    return { atMs: lastBeat(chain), rrIntervalSeconds }
  })
  return { state: chain, beats, anchored: !goesOn, aheadMillis: lastBeat(chain) - arrivedAtMs }
}

const lastBeat = ({ anchorMs, seconds }: BeatState): number => anchorMs + 1_000 * seconds

export interface EnergyState {
  readonly lastKilojoules: number
  readonly totalKilojoules: number
}

/**
 * The energy expended since the first packet. The strap's own count starts again from 0 when it is reset (Heart Rate
 * Control Point); what was counted before stays. It does not wrap: at 65,535 kJ it stands.
 */
export const addEnergy = (state: EnergyState | undefined, kilojoules: number): EnergyState => {
  if (state === undefined) return { lastKilojoules: kilojoules, totalKilojoules: 0 }
  const more = kilojoules >= state.lastKilojoules ? kilojoules - state.lastKilojoules : kilojoules
  return { lastKilojoules: kilojoules, totalKilojoules: state.totalKilojoules + more }
}
