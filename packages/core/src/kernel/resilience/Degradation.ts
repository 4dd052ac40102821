/**
 * Decides what is switched off when there is too much to do, in a written order, and when it comes back.
 *
 * The order is the mission's: recommendations first, then analytics, gamification and social; training and data
 * collection last. Security and privacy are not in the list and can never be switched off. One level goes at a time, when
 * pressure has stayed at `degradeAt` or above; it comes back, in reverse, when pressure has stayed at `recoverAt` or
 * below, which is lower and takes longer. In between nothing changes.
 *
 * @example
 * const change = Degradation.observe(state, pressure, now) // undefined while nothing changes
 * if (Degradation.isOn(state, "recommendations")) …
 */
import * as Snapshot from "./Snapshot.ts"

/** What each level switches off, in order. */
export const order = [
  ["recommendations"],
  ["analytics"],
  ["gamification"],
  ["social"],
  ["training", "collection"],
] as const

/** What can be switched off. */
export type Feature = (typeof order)[number][number]

/** What never can. */
export type Essential = "security" | "privacy"

export interface DegradationSettings {
  /** Pressure from which a level is switched off. 1 is all that can be done. */
  readonly degradeAt: number
  /** Pressure down to which a level comes back; below `degradeAt`. */
  readonly recoverAt: number
  /** How long pressure must have stayed high, in milliseconds, for each level. */
  readonly degradeAfterMillis: number
  /** How long pressure must have stayed low, in milliseconds, for each level. */
  readonly recoverAfterMillis: number
}

export const standard: DegradationSettings = {
  degradeAt: 0.9,
  recoverAt: 0.7,
  degradeAfterMillis: 5_000,
  recoverAfterMillis: 30_000,
}

export interface Degradation {
  readonly settings: DegradationSettings
  /** How many levels are off, from 0. */
  level: number
  /** Set by an operator: it stays so, whatever the pressure. */
  forced: number | undefined
  /** Since when pressure is high or low without a break; undefined when it is neither. */
  side: "high" | "low" | undefined
  sinceMillis: number
}

export interface Change {
  readonly from: number
  readonly to: number
  /** What went off, or came back. */
  readonly features: ReadonlyArray<Feature>
  readonly direction: "off" | "on"
  readonly pressure: number
}

/** @throws RangeError unless recoverAt < degradeAt and the times are from 0 */
export const make = (changes: Partial<DegradationSettings> = {}): Degradation => {
  const settings = { ...standard, ...changes }
  if (!(settings.recoverAt < settings.degradeAt)) {
    throw new RangeError(`recoverAt (${settings.recoverAt}) must be below degradeAt (${settings.degradeAt})`)
  }
  for (const name of ["degradeAfterMillis", "recoverAfterMillis"] as const) {
    if (!(settings[name] >= 0)) throw new RangeError(`${name} must be from 0, not ${settings[name]}`)
  }
  return { settings, level: 0, forced: undefined, side: undefined, sinceMillis: 0 }
}

/** Takes in the pressure of now, and says what changed. */
export const observe = (state: Degradation, pressure: number, nowMillis: number): Change | undefined => {
  const { settings } = state
  const side = pressure >= settings.degradeAt ? "high" : pressure <= settings.recoverAt ? "low" : undefined
  if (side !== state.side || nowMillis < state.sinceMillis) {
    state.side = side
    state.sinceMillis = nowMillis
  }
  if (side === undefined || state.forced !== undefined) return undefined
  const stayed = nowMillis - state.sinceMillis
  if (side === "high" && stayed >= settings.degradeAfterMillis) return step(state, state.level + 1, pressure, nowMillis)
  if (side === "low" && stayed >= settings.recoverAfterMillis) return step(state, state.level - 1, pressure, nowMillis)
  return undefined
}

const step = (state: Degradation, to: number, pressure: number, nowMillis: number): Change | undefined => {
  if (to < 0 || to > order.length) return undefined
  const from = state.level
  state.level = to
  state.sinceMillis = nowMillis
  return { from, to, features: between(from, to), direction: to > from ? "off" : "on", pressure }
}

const between = (from: number, to: number): ReadonlyArray<Feature> =>
  order.slice(Math.min(from, to), Math.max(from, to)).flat()

/** Holds a level, as an operator does; undefined, or what is no number, lets pressure decide again, from there. */
export const force = (state: Degradation, level: number | undefined): Change | undefined => {
  state.forced = undefined
  if (level === undefined || Number.isNaN(level)) return undefined
  const to = Math.max(0, Math.min(order.length, Math.floor(level)))
  state.forced = to
  const from = state.level
  if (to === from) return undefined
  state.level = to
  return { from, to, features: between(from, to), direction: to > from ? "off" : "on", pressure: Number.NaN }
}

export const isOn = (state: Degradation, feature: Feature | Essential): boolean =>
  order.findIndex((features: ReadonlyArray<string>) => features.includes(feature)) >= state.level ||
  feature === "security" ||
  feature === "privacy"

/** What is off now, in the order in which it went. */
export const off = (state: Degradation): ReadonlyArray<Feature> => between(0, state.level)

/** What `snapshot` gives: plain JSON. */
export interface DegradationSnapshot {
  readonly level: number
  readonly forced: number | null
  readonly side: "high" | "low" | null
  readonly sinceMillis: number
}

/** So that a restarted process does not switch everything on again in the midst of the storm. */
export const snapshot = ({ level, forced, side, sinceMillis }: Degradation): DegradationSnapshot => ({
  level,
  forced: forced ?? null,
  side: side ?? null,
  sinceMillis,
})

export const readSnapshot = (json: unknown): DegradationSnapshot | Snapshot.InvalidSnapshot =>
  Snapshot.read(json, (from) => ({
    level: from.field("level").whole(0, order.length),
    forced: from.field("forced").nullOr((level) => level.whole(0, order.length)),
    side: from.field("side").nullOr((side) => side.oneOf("high", "low")),
    sinceMillis: from.field("sinceMillis").number(),
  }))

/** A state that goes on where the other was, under these settings. */
export const restore = (changes: Partial<DegradationSettings>, from: DegradationSnapshot): Degradation => ({
  ...make(changes),
  level: from.level,
  forced: from.forced ?? undefined,
  side: from.side ?? undefined,
  sinceMillis: from.sinceMillis,
})
