/**
 * The tiles of all classes, in memory, shown on their live channels.
 *
 * Rebuilt at start from the open sessions. A tick once a second says truthfully which readings have grown old. A
 * tile goes when its session has been finished for a while, or when a strap was heard that never began one.
 */
import { type AthleteId, type ClassId, type HeartRateReading, tilesChannel } from "@paceline/core/contract"
import { Contact } from "@paceline/core/kernel"
import { LiveChannels } from "@paceline/core/messaging"
import { Context, Effect } from "effect"
import type { Athlete, TrainingSession } from "./Model.ts"
import { lastSampleAtMs, points } from "./Model.ts"
import { TrainingRepository } from "./Repository.ts"
import * as Tile from "./Tile.ts"

/** What can be set about tiles. */
export class WallOptions extends Context.Reference<WallOptions>()("paceline/training/WallOptions", {
  defaultValue: () => ({ contact: Contact.standard, lingerMillis: 15 * 60_000 }),
}) {}

const NANOS_PER_MILLI = 1_000_000n

interface Training {
  readonly classId: ClassId
  readonly athleteId: AthleteId
  readonly open: Set<string>
  heardAtMs: number
}

export class Wall extends Effect.Service<Wall>()("paceline/training/Wall", {
  dependencies: [TrainingRepository.Default],
  effect: Effect.gen(function* () {
    const live = yield* LiveChannels
    const { contact, lingerMillis } = yield* WallOptions
    const repository = yield* TrainingRepository
    const clock = yield* Effect.clock
    const athletes = new Map<AthleteId, Athlete>()
    const tiles = new Map<string, Tile.TileState>()
    /** What the sources of a tile record at once. */
    const rounds = new Map<string, Tile.Round>()
    /** Who has open sessions, those too that no tile shows, and when something was last heard of them. */
    const training = new Map<string, Training>()

    const now = () => Number(clock.unsafeCurrentTimeNanos() / NANOS_PER_MILLI)
    const keyOf = (classId: ClassId, athleteId: AthleteId) => `${classId}/${athleteId}`

    const show = (state: Tile.TileState) =>
      live.set(tilesChannel(state.classId), state.athlete.athleteId, Tile.tileOf(state, now(), contact))

    const put = (state: Tile.TileState) => {
      tiles.set(keyOf(state.classId, state.athlete.athleteId), state)
      show(state)
    }

    const find = (classId: ClassId, athleteId: AthleteId): Tile.TileState | null => {
      const athlete = athletes.get(athleteId)
      if (athlete === undefined) return null
      return tiles.get(keyOf(classId, athleteId)) ?? Tile.empty(athlete, classId, now())
    }

    const hear = ({ athleteId, classId, endedAtMs, sessionId }: TrainingSession) => {
      const key = keyOf(classId, athleteId)
      const one = training.get(key) ?? { classId, athleteId, open: new Set<string>(), heardAtMs: now() }
      one.heardAtMs = now()
      if (endedAtMs === null) one.open.add(sessionId)
      else one.open.delete(sessionId)
      if (one.open.size === 0) training.delete(key)
      else training.set(key, one)
    }

    const showSession = (session: TrainingSession) => {
      hear(session)
      // What a file brings happened long ago, or was shown already as it was measured.
      if (session.source?.kind === "file") return
      const state = find(session.classId, session.athleteId)
      if (state === null) return
      const key = keyOf(session.classId, session.athleteId)
      const round = Tile.withRecording(rounds.get(key) ?? Tile.noRound, session.sessionId, {
        open: session.endedAtMs === null,
        startedAtMs: session.startedAtMs,
        lastAtMs: lastSampleAtMs(session),
        effortPoints: points(session),
        maxHeartRateBpm: session.maxHeartRateBpm,
      })
      if (round === rounds.get(key)) return
      rounds.set(key, round)
      put(Tile.withSession(state, Tile.best(round), now()))
    }

    for (const athlete of yield* repository.listAthletes()) athletes.set(athlete.athleteId, athlete)
    for (const session of yield* repository.listOpen()) showSession(session)

    return {
      /** A heart rate arrived. */
      showReading: (reading: HeartRateReading): void => {
        const state = find(reading.classId, reading.athleteId)
        const heard = training.get(keyOf(reading.classId, reading.athleteId))
        if (heard !== undefined) heard.heardAtMs = now()
        if (state !== null) put(Tile.withReading(state, reading, now()))
      },

      /** A session changed, durably. */
      showSession,

      /** An athlete is new or changed something, durably. */
      showAthlete: (athlete: Athlete): void => {
        athletes.set(athlete.athleteId, athlete)
        for (const state of tiles.values()) {
          if (state.athlete.athleteId === athlete.athleteId) put(Tile.withAthlete(state, athlete))
        }
      },

      /** An athlete was erased, durably. */
      forgetAthlete: (athleteId: AthleteId): void => {
        athletes.delete(athleteId)
        for (const [key, one] of training) if (one.athleteId === athleteId) training.delete(key)
        for (const [key, state] of tiles) {
          if (state.athlete.athleteId !== athleteId) continue
          tiles.delete(key)
          rounds.delete(key)
          live.remove(tilesChannel(state.classId), athleteId)
        }
      },

      /** Lets readings grow old, and takes down what has hung long enough. */
      tick: (): void => {
        const nowMs = now()
        for (const [key, state] of tiles) {
          if (state.session !== "open" && nowMs - state.heardAtMs > lingerMillis) {
            tiles.delete(key)
            rounds.delete(key)
            live.remove(tilesChannel(state.classId), state.athlete.athleteId)
          } else {
            show(state)
          }
        }
      },

      /** Who has open sessions, and was not heard of for so long. */
      silentFor: (millis: number): ReadonlyArray<{ readonly classId: ClassId; readonly athleteId: AthleteId }> => {
        const nowMs = now()
        return Array.from(training.values()).filter(({ heardAtMs }) => nowMs - heardAtMs > millis)
      },
    }
  }),
}) {}
