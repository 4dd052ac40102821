/**
 * What time a source's samples are labelled with, while the host's clock may be set at any moment.
 *
 * Sensors are followed on the host's *steady* clock, which never goes back (`performance.now()`); a sample's label is
 * that time plus an offset to the wall clock, taken when the timeline begins. So when the wall clock is set:
 *
 * - **Forward by more than a second:** followed at once. A gateway without a battery for its clock starts in the past
 *   and learns the time from the network. Labels jump forward; nothing is dropped.
 * - **Back:** not followed, so that labels keep the order in which things happened; `aheadMillis` says by how much they
 *   are ahead. A new connection of the sensor begins a new timeline, with the wall clock as it is then.
 * - **Back by more than three hours:** followed. It was the clock before that was wrong, and days of labels in the
 *   future would be worse than some that go back. Order does not rest on labels: samples stay as they were recorded.
 *
 *     const at = labelOf(timeline, clock.steadyMillis(), clock.wallMillis())
 */

/** Two clocks of the host: one that never goes back, and the one on the wall (milliseconds since the epoch). */
export interface SourceClock {
  readonly steadyMillis: () => number
  readonly wallMillis: () => number
}

export const hostClock: SourceClock = { steadyMillis: () => performance.now(), wallMillis: () => Date.now() }

export interface Timeline {
  /** Add it to a steady time to get a label. */
  readonly offsetMillis: number
  /** How far labels are ahead of the wall clock; about 0 unless it was set back. */
  readonly aheadMillis: number
  /** How often the wall clock was seen to be set, forward or back. */
  readonly steps: number
}

/** What a wall clock may gain on a steady one without having been set. */
const DRIFT_MILLIS = 1_000

const GREATEST_STEP_BACK_MILLIS = 3 * 3_600_000

/** The timeline after a look at both clocks; undefined begins one. */
export const follow = (timeline: Timeline | undefined, steadyMillis: number, wallMillis: number): Timeline => {
  const offsetMillis = wallMillis - steadyMillis
  if (timeline === undefined) return { offsetMillis, aheadMillis: 0, steps: 0 }
  const aheadMillis = timeline.offsetMillis - offsetMillis
  if (aheadMillis < -DRIFT_MILLIS || aheadMillis > GREATEST_STEP_BACK_MILLIS) {
    return { offsetMillis, aheadMillis: 0, steps: timeline.steps + 1 }
  }
  if (aheadMillis === timeline.aheadMillis) return timeline
  const stepped = aheadMillis - timeline.aheadMillis > DRIFT_MILLIS
  return { ...timeline, aheadMillis, steps: timeline.steps + (stepped ? 1 : 0) }
}

/** The label of something that happened at `steadyMillis`: whole milliseconds since the epoch. */
export const labelOf = (timeline: Timeline, steadyMillis: number): number =>
  Math.round(steadyMillis + timeline.offsetMillis)
