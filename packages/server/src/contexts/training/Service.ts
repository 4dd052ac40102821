/** Sessions: adding what was recorded, ending them, and reading completed workouts. */
import { afterCommit, UnitOfWork } from "@paceline/core/consistency"
import {
  type AthleteId,
  type ClassId,
  Conflict,
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
import { Effect } from "effect"
import * as Session from "./Model.ts"
import { TrainingRepository } from "./Repository.ts"
import { Wall } from "./Wall.ts"

/** So many workouts are listed. */
const WORKOUTS_LISTED = 500

export class Training extends Effect.Service<Training>()("paceline/training/Training", {
  dependencies: [TrainingRepository.Default, Wall.Default],
  effect: Effect.gen(function* () {
    const repository = yield* TrainingRepository
    const wall = yield* Wall
    const work = yield* UnitOfWork
    const log = yield* EventLog.EventLog

    /** Writes the session; one that has ended is told to others. */
    const save = Effect.fnUntraced(function* (session: Session.TrainingSession) {
      yield* repository.save(session)
      if (session.endedAtMs !== null) {
        const event = Session.completed(session)
        yield* EventLog.append(Topics.training, [{ key: session.athleteId, event }]).pipe(
          Effect.provideService(EventLog.EventLog, log),
        )
      }
      yield* afterCommit(() => wall.showSession(session))
    })

    const begin = Effect.fnUntraced(function* (event: TelemetryRecorded, startedAtMs: number) {
      const athlete = yield* repository.findAthlete(event.athleteId)
      if (athlete === null) return yield* new Session.AthleteNotYetKnown({ athleteId: event.athleteId })
      return Session.begin(yield* freshId("session", SessionId), athlete, event.classId, startedAtMs)
    })

    const end = Effect.fnUntraced(function* (classId: ClassId, athleteId: AthleteId) {
      const open = yield* repository.findOpen(classId, athleteId)
      if (open === null) return yield* NotFound.of(`open session in class "${classId}" of athlete`, athleteId)
      const completed = Session.complete(open, Session.lastSampleAtMs(open))
      yield* save(completed)
      return Session.workout(completed)
    })

    return {
      /**
       * Adds what was recorded, in order, inside the caller's unit of work. A session begins with the first heart
       * rate after an end, and ends where the athlete ended the activity.
       */
      record: Effect.fn("Training.record")(function* (events: ReadonlyArray<TelemetryRecorded>) {
        const open = new Map<string, Session.TrainingSession | null>()
        for (const event of events) {
          const key = `${event.classId}/${event.athleteId}`
          let session = open.get(key)
          if (session === undefined) session = yield* repository.findOpen(event.classId, event.athleteId)
          const [startedAtMs] = event.heartRateAtMs
          if (startedAtMs !== undefined) {
            session = Session.record(session ?? (yield* begin(event, startedAtMs)), event)
          }
          if (event.endedAtMs !== null && session !== null) {
            yield* save(Session.complete(session, event.endedAtMs))
            session = null
          }
          open.set(key, session)
        }
        for (const session of open.values()) if (session !== null) yield* save(session)
      }),

      /** Takes over what athletes chose, inside the caller's unit of work. */
      saveAthletes: Effect.fn("Training.saveAthletes")(function* (athletes: ReadonlyArray<Session.Athlete>) {
        for (const athlete of athletes) {
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

      /** Completed workouts, the newest first. */
      workouts: Effect.fn("Training.workouts")(
        function* (athleteId: AthleteId) {
          return (yield* repository.listCompleted(athleteId, WORKOUTS_LISTED)).map(Session.workout)
        },
        orUnavailable,
        (effect, athleteId) => requireAthlete(athleteId)(effect),
      ),
    }
  }),
}) {}
