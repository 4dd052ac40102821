/**
 * What the wall shows of one athlete, as a pure function of what is known and of the time.
 *
 * Readings come by the live door, at once; points come from what is durable. How fresh a reading is, is measured
 * from its arrival on this server's own monotonic clock. What an athlete does not show is not in the tile.
 */
import type { ClassId, HeartRateReading, Tile } from "@paceline/core/contract"
import { Contact, HeartRateZone } from "@paceline/core/kernel"
import type { Athlete } from "./Model.ts"

/** Times are milliseconds on the monotonic clock, except `sensedAtMs`, which is the bridge's own. */
export interface TileState {
  readonly athlete: Athlete
  readonly classId: ClassId
  readonly reading: {
    readonly heartRateBpm: number
    readonly sensedAtMs: number
    readonly arrivedAtMs: number
  } | null
  /** `waiting`: readings, but nothing durable yet. */
  readonly session: "waiting" | "open" | "finished"
  readonly effortPoints: number
  /** What this session's zones are measured against, beats a minute. */
  readonly maxHeartRateBpm: number
  /** When something was last heard of the athlete, or the session finished. */
  readonly heardAtMs: number
}

export const empty = (athlete: Athlete, classId: ClassId, nowMs: number): TileState => ({
  athlete,
  classId,
  reading: null,
  session: "waiting",
  effortPoints: 0,
  maxHeartRateBpm: athlete.maxHeartRateBpm,
  heardAtMs: nowMs,
})

/** A reading arrived. A finished tile stays as it is until a new session begins. */
export const withReading = (state: TileState, reading: HeartRateReading, nowMs: number): TileState =>
  state.session === "finished"
    ? state
    : {
        ...state,
        reading: { heartRateBpm: reading.heartRateBpm, sensedAtMs: reading.sensedAtMs, arrivedAtMs: nowMs },
        heardAtMs: nowMs,
      }

/** What a recording has come to. */
export interface RecordingFigures {
  readonly open: boolean
  /** Of its samples, by the clock of its source, milliseconds since the epoch. */
  readonly startedAtMs: number
  readonly lastAtMs: number
  readonly effortPoints: number
  readonly maxHeartRateBpm: number
}

/** The recordings of one training: those of several sources that were open, or measured, at once. */
export type Round = ReadonlyMap<string, RecordingFigures>

export const noRound: Round = new Map()

/**
 * With what a recording has come to now. One that is of another time belongs to another training: what was over before the
 * round began comes late, and leaves the round as it is; what begins when all of it has ended begins a new one.
 */
export const withRecording = (round: Round, id: string, figures: RecordingFigures): Round => {
  const others = Array.from(round.values())
  if (round.has(id) || others.some((other) => isAtOnce(other, figures))) return new Map(round).set(id, figures)
  const open = others.filter((one) => one.open)
  const present = open.length > 0 ? open : others
  if (present.length > 0 && present.every(({ startedAtMs }) => figures.lastAtMs < startedAtMs)) return round
  return new Map(open.length > 0 ? round : []).set(id, figures)
}

const isAtOnce = (one: RecordingFigures, other: RecordingFigures): boolean =>
  one.startedAtMs <= other.lastAtMs && other.startedAtMs <= one.lastAtMs

/** What the round is shown as: what its best recording has come to, for the same minutes do not count twice. */
export const best = (round: Round): RecordingFigures => {
  let best: RecordingFigures = { open: false, startedAtMs: 0, lastAtMs: 0, effortPoints: 0, maxHeartRateBpm: 0 }
  let open = false
  for (const figures of round.values()) {
    open ||= figures.open
    if (best.maxHeartRateBpm === 0 || figures.effortPoints > best.effortPoints) best = figures
  }
  return { ...best, open }
}

/** The session stands like this now, durably. */
export const withSession = (
  state: TileState,
  session: Omit<RecordingFigures, "startedAtMs" | "lastAtMs">,
  nowMs: number,
): TileState => ({
  ...state,
  session: session.open ? "open" : "finished",
  effortPoints: session.effortPoints,
  maxHeartRateBpm: session.maxHeartRateBpm,
  heardAtMs: nowMs,
})

/** The athlete chose something else. The zones of an open session stay as they began. */
export const withAthlete = (state: TileState, athlete: Athlete): TileState => ({
  ...state,
  athlete,
  maxHeartRateBpm: state.session === "waiting" ? athlete.maxHeartRateBpm : state.maxHeartRateBpm,
})

const contactOf = (state: TileState, nowMs: number, limits: Contact.ContactLimits): Tile["contact"] => {
  if (state.session === "finished") return "finished"
  return state.reading === null ? "lost" : Contact.of(nowMs - state.reading.arrivedAtMs, limits)
}

export const tileOf = (state: TileState, nowMs: number, limits: Contact.ContactLimits): Tile => {
  const { athlete, maxHeartRateBpm, reading } = state
  const contact = contactOf(state, nowMs, limits)
  const present = contact === "live" || contact === "stale"
  const bpm = reading === null || !present || !athlete.heartRateVisible ? 0 : Math.round(reading.heartRateBpm)
  return {
    athleteId: athlete.athleteId,
    alias: athlete.alias,
    heartRateBpm: bpm > 0 ? bpm : null,
    percentOfMax: bpm > 0 ? HeartRateZone.percentOfMax(bpm, maxHeartRateBpm) : null,
    zone: bpm > 0 ? HeartRateZone.of(bpm, maxHeartRateBpm) : null,
    heartRateVisible: athlete.heartRateVisible,
    effortPoints: state.effortPoints,
    contact,
    sensedAtMs: reading?.sensedAtMs ?? null,
  }
}
