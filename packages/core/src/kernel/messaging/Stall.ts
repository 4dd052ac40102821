/**
 * Which consumer groups do not get on: there are records to read, and the offset has not moved for a while.
 *
 * How long a group has stood is summed up from look to look, and no step counts for more than `longestStepMillis`: a
 * clock that jumps, or a machine that slept, makes no group stalled and hides no stall.
 *
 * @example
 * let state = Stall.none
 * const look = Stall.look(state, lags, nowMillis, { afterMillis: 30_000 })
 * look.stalled // those that have stood for 30 s
 */

/** How far a group has read in a partition, and how far it could. */
export interface Standing {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly committed: number
  readonly end: number
}

export interface Stalled<A extends Standing> {
  readonly lag: A
  readonly stoodMillis: number
}

export interface StallSettings {
  /** A group that has stood so long is stalled. */
  readonly afterMillis: number
  /** No pause between two looks counts for more. A quarter of `afterMillis` if not given. */
  readonly longestStepMillis?: number
}

export interface StallState {
  readonly lookedAtMillis: number | null
  /** For each partition with a lag: where the group stood, and for how long. */
  readonly standing: ReadonlyMap<string, { readonly committed: number; readonly stoodMillis: number }>
}

export const none: StallState = { lookedAtMillis: null, standing: new Map() }

export const look = <A extends Standing>(
  state: StallState,
  lags: ReadonlyArray<A>,
  nowMillis: number,
  settings: StallSettings,
): { readonly state: StallState; readonly stalled: ReadonlyArray<Stalled<A>> } => {
  const longest = settings.longestStepMillis ?? settings.afterMillis / 4
  const step = state.lookedAtMillis === null ? 0 : Math.min(longest, Math.max(0, nowMillis - state.lookedAtMillis))
  const standing = new Map<string, { readonly committed: number; readonly stoodMillis: number }>()
  const stalled: Array<Stalled<A>> = []
  for (const lag of lags) {
    if (lag.committed >= lag.end) continue
    const name = JSON.stringify([lag.group, lag.topic, lag.partition])
    const before = state.standing.get(name)
    const stoodMillis = before?.committed === lag.committed ? before.stoodMillis + step : 0
    standing.set(name, { committed: lag.committed, stoodMillis })
    if (stoodMillis >= settings.afterMillis) stalled.push({ lag, stoodMillis })
  }
  return { state: { lookedAtMillis: nowMillis, standing }, stalled }
}
