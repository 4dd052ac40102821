/** Sessions: adding what was recorded, ending them, and reading completed workouts. */
import { afterCommit, UnitOfWork } from "@paceline/core/consistency"
import {
  type AthleteId,
  type ClassId,
  Conflict,
  ErasedAthletes,
  freshId,
  NotFound,
  once,
  orUnavailable,
  requireAthlete,
  SessionId,
  type TelemetryRecorded,
  Topics,
  Workout,
} from "@paceline/core/contract"
import { EventLog } from "@paceline/core/messaging"
import { Context, Effect } from "effect"
import * as Merges from "./Merge.ts"
import { MergeRepository } from "./MergeRepository.ts"
import { Merging } from "./Merging.ts"
import * as Session from "./Model.ts"
import { TrainingRepository } from "./Repository.ts"
import { Wall } from "./Wall.ts"

/** After so long without a word of an athlete, or between two heart rates of a source, a session is over, milliseconds. */
export class SilentSessions extends Context.Reference<SilentSessions>()("paceline/training/SilentSessions", {
  defaultValue: () => ({ endAfterMillis: 2 * 3_600_000 }),
}) {}

/** So many workouts are listed. */
const WORKOUTS_LISTED = 500

/** A session to which a batch adds, and what of its samples is not written yet. */
interface Growing {
  readonly session: Session.TrainingSession
  readonly counted: Session.HeartRates
  readonly speeds: Session.Speeds
}

const unchanged = (session: Session.TrainingSession): Growing => ({
  session,
  counted: Session.noHeartRates,
  speeds: Session.noSpeeds,
})

/** Names what one source records of an athlete in a class. */
const keyOf = ({ athleteId, classId }: Pick<TelemetryRecorded, "athleteId" | "classId">, source: Session.Source) =>
  JSON.stringify([classId, athleteId, source.deviceId, source.sensor])

export class Training extends Effect.Service<Training>()("paceline/training/Training", {
  dependencies: [TrainingRepository.Default, MergeRepository.Default, Merging.Default, Wall.Default],
  effect: Effect.gen(function* () {
    const repository = yield* TrainingRepository
    const series = yield* MergeRepository
    const merging = yield* Merging
    const wall = yield* Wall
    const erased = yield* ErasedAthletes
    const work = yield* UnitOfWork
    const log = yield* EventLog.EventLog
    const { endAfterMillis } = yield* SilentSessions

    /** Writes the session, and what was newly counted of it; one that has ended is told to others, and may be merged. */
    const save = Effect.fnUntraced(function* ({ counted, session, speeds }: Growing) {
      yield* repository.save(session)
      yield* series.addSeries(session.sessionId, session.version + 1, counted, speeds)
      if (session.endedAtMs !== null) {
        const event = Session.completed(session)
        yield* EventLog.append(Topics.training, [{ key: session.athleteId, event }]).pipe(
          Effect.provideService(EventLog.EventLog, log),
        )
        yield* merging.regroup(session.athleteId, [session.sessionId])
      }
      yield* afterCommit(() => wall.showSession(session))
    })

    const begin = Effect.fnUntraced(function* (event: TelemetryRecorded, startedAtMs: number) {
      const athlete = yield* repository.findAthlete(event.athleteId)
      if (athlete === null) return yield* new Session.AthleteNotYetKnown({ athleteId: event.athleteId })
      const source = Session.sourceOf(event)
      return Session.begin(yield* freshId("session", SessionId), athlete, event.classId, startedAtMs, source)
    })

    /** With what was recorded; a session that falls silent in between is written, and another one begun. */
    const grown = Effect.fnUntraced(function* (before: Growing | null, event: TelemetryRecorded) {
      let growing = before
      for (const [i, part] of Session.parts(before?.session ?? null, event, endAfterMillis).entries()) {
        if (growing !== null && i > 0) {
          yield* save({
            ...growing,
            session: Session.complete(growing.session, Session.lastSampleAtMs(growing.session)),
          })
          growing = null
        }
        const [startedAtMs] = part.heartRateAtMs
        if (startedAtMs === undefined) continue
        // A session is begun for those who are known. What comes late of somebody who was erased is passed over.
        if (growing === null && (yield* erased.has(event.athleteId))) return null
        growing ??= unchanged(yield* begin(event, startedAtMs))
        growing = {
          ...growing,
          session: Session.record(growing.session, part),
          counted: Session.joined(growing.counted, Session.counted(growing.session, part)),
        }
      }
      return growing === null ? null : { ...growing, speeds: Session.joinedSpeeds(growing.speeds, event.speed) }
    })

    /** Ends what all sources record of the athlete in the class; the answer is the activity that it comes to. */
    const end = Effect.fnUntraced(function* (classId: ClassId, athleteId: AthleteId) {
      const open = yield* repository.openOf(classId, athleteId)
      const completed = open.map((session) => Session.complete(session, Session.lastSampleAtMs(session)))
      for (const session of completed) yield* save(unchanged(session))
      const longest = completed.toSorted((a, b) => b.heartRateSamples - a.heartRateSamples)[0]
      if (longest === undefined) return yield* NotFound.of(`open session in class "${classId}" of athlete`, athleteId)
      const merge = yield* merging.mergeOf(longest.sessionId)
      return merge === null ? Session.workout(longest) : Merges.workout(merge)
    })

    /**
     * What an end means that comes from a sensor without heart rates, such as a phone's own: the athlete ended what the
     * other sensors of that device record. One that was heard of later than that goes on.
     */
    const endedElsewhere = Effect.fnUntraced(function* (
      open: ReadonlyMap<string, Growing | null>,
      event: TelemetryRecorded,
      endedAtMs: number,
    ) {
      const ended: Array<readonly [key: string, growing: Growing]> = []
      for (const stored of yield* repository.openOf(event.classId, event.athleteId)) {
        if (stored.source === null || open.has(keyOf(event, stored.source))) continue
        ended.push([keyOf(event, stored.source), unchanged(stored)])
      }
      for (const [key, growing] of open) if (growing !== null) ended.push([key, growing])
      return ended.filter(
        ([key, { session }]) =>
          session.source?.deviceId === event.deviceId &&
          key === keyOf(event, session.source) &&
          Session.lastSampleAtMs(session) <= endedAtMs,
      )
    })

    return {
      /**
       * Adds what was recorded, in order, inside the caller's unit of work. A session begins with the first heart
       * rate after an end, and ends where the athlete ended the activity, or the source fell silent.
       */
      record: Effect.fn("Training.record")(function* (events: ReadonlyArray<TelemetryRecorded>) {
        const open = new Map<string, Growing | null>()
        for (const event of events) {
          const key = keyOf(event, Session.sourceOf(event))
          let growing = open.get(key)
          if (growing === undefined) {
            const found = yield* repository.findOpen(event.classId, event.athleteId, Session.sourceOf(event))
            growing = found === null ? null : unchanged(found)
          }
          growing = yield* grown(growing, event)
          if (event.endedAtMs !== null) {
            const meant =
              growing === null ? yield* endedElsewhere(open, event, event.endedAtMs) : [[key, growing] as const]
            for (const [endedKey, one] of meant) {
              const ended = Session.endedBySource(one.session, event.endedAtMs, endAfterMillis)
              if (ended === null) continue
              yield* save({ ...one, session: ended })
              open.set(endedKey, null)
              if (endedKey === key) growing = null
            }
          }
          open.set(key, growing)
        }
        for (const growing of open.values()) if (growing !== null) yield* save(growing)
      }),

      /** Takes over what athletes chose, inside the caller's unit of work. */
      saveAthletes: Effect.fn("Training.saveAthletes")(function* (athletes: ReadonlyArray<Session.Athlete>) {
        for (const athlete of athletes) {
          if (yield* erased.has(athlete.athleteId)) continue
          yield* repository.saveAthlete(athlete)
          yield* afterCommit(() => wall.showAthlete(athlete))
        }
      }),

      /** Ends an athlete's session at its last sample. */
      complete: Effect.fn("Training.complete")(
        end,
        (unit) => work.run(unit),
        (ended, classId, athleteId) =>
          once({ operation: "training.complete", content: { classId, athleteId }, answer: Workout }, ended),
        Effect.retry({ times: 4, while: (error) => error._tag === "VersionConflict" }),
        Effect.catchTag("VersionConflict", ({ actualVersion, expectedVersion }) => {
          const message = "The session keeps changing while it is being ended. Try again in a moment."
          return new Conflict({ message, expectedVersion, actualVersion })
        }),
        orUnavailable,
        (effect, _, athleteId) => requireAthlete(athleteId)(effect),
      ),

      /** Ends the sessions of whom nothing was heard for `millis`: a strap went home without saying so. */
      completeSilent: Effect.fn("Training.completeSilent")(function* (millis: number) {
        for (const { athleteId, classId } of wall.silentFor(millis)) {
          const ended = yield* Effect.option(work.run(end(classId, athleteId)))
          yield* Effect.logInfo("A session was ended because its strap fell silent.").pipe(
            Effect.annotateLogs({ classId, athleteId, ended: ended._tag === "Some" }),
          )
        }
      }),

      /** Completed workouts, the newest first; what several sources recorded is one. */
      workouts: Effect.fn("Training.workouts")(
        function* (athleteId: AthleteId) {
          const single = (yield* repository.listCompleted(athleteId, WORKOUTS_LISTED)).map(Session.workout)
          const merged = (yield* merging.listAll(athleteId)).map(Merges.workout)
          return [...single, ...merged].toSorted((a, b) => b.endedAtMs - a.endedAtMs).slice(0, WORKOUTS_LISTED)
        },
        orUnavailable,
        (effect, athleteId) => requireAthlete(athleteId)(effect),
      ),
    }
  }),
}) {}
