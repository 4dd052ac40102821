/** Points: awarding them for completed workouts, leaderboards, and the explanation of every award. */
import { afterCommit } from "@paceline/core/consistency"
import {
  type AthleteId,
  type ClassId,
  ErasedAthletes,
  leaderboardChannel,
  orUnavailable,
  type ProfileChanged,
  type Topics,
} from "@paceline/core/contract"
import { LiveChannels } from "@paceline/core/messaging"
import { Effect } from "effect"
import * as Points from "./Model.ts"
import { type ClassStanding, PointsRepository } from "./Repository.ts"

/** So many awards are listed; the athlete's export has all of them. */
const AWARDS_LISTED = 500

export class Gamification extends Effect.Service<Gamification>()("paceline/gamification/Gamification", {
  dependencies: [PointsRepository.Default],
  effect: Effect.gen(function* () {
    const repository = yield* PointsRepository
    const live = yield* LiveChannels
    const erased = yield* ErasedAthletes

    const show = ({ classId, ...standing }: ClassStanding) =>
      live.set(leaderboardChannel(classId), standing.athleteId, standing)

    /** Shows where these athletes stand, once that is durable. */
    const showAfterCommit = Effect.fnUntraced(function* (athleteIds: Iterable<AthleteId>) {
      for (const athleteId of new Set(athleteIds)) {
        const standings = yield* repository.standingsOfAthlete(athleteId)
        yield* afterCommit(() => standings.forEach(show))
      }
    })

    /** Without what arrives late of athletes who were erased. */
    const ofThosePresent = <Event extends { readonly athleteId: AthleteId }>(events: ReadonlyArray<Event>) =>
      Effect.filter(events, ({ athleteId }) => Effect.map(erased.has(athleteId), (gone) => !gone))

    for (const standing of yield* repository.standings()) show(standing)

    return {
      /**
       * Awards points for each workout, once; for what several sources recorded, once for all of it. Inside the
       * caller's unit of work, in the order of the log.
       */
      award: Effect.fn("Gamification.award")(function* (events: ReadonlyArray<typeof Topics.training.schema.Type>) {
        for (const event of yield* ofThosePresent(events)) {
          switch (event._tag) {
            case "WorkoutCompleted":
              yield* repository.insertAward(Points.award(event))
              break
            case "ActivitiesMerged": {
              const award = Points.awardMerged(event)
              yield* repository.insertAward(award)
              yield* repository.mergeAwards(award)
              break
            }
            case "MergeUndone":
              yield* repository.removeMerge(event.mergeId, event.athleteId)
              break
          }
        }
        const athletes = new Set(events.map(({ athleteId }) => athleteId))
        for (const athleteId of athletes) {
          for (const classId of yield* repository.addUp(athleteId)) {
            yield* afterCommit(() => live.remove(leaderboardChannel(classId), athleteId))
          }
        }
        yield* showAfterCommit(athletes)
      }),

      /** Takes over aliases, inside the caller's unit of work. */
      saveAliases: Effect.fn("Gamification.saveAliases")(function* (athletes: ReadonlyArray<ProfileChanged>) {
        for (const { alias, athleteId } of yield* ofThosePresent(athletes))
          yield* repository.saveAlias(athleteId, alias)
        yield* showAfterCommit(athletes.map(({ athleteId }) => athleteId))
      }),

      /** A class's leaderboard, best first. */
      leaderboard: Effect.fn("Gamification.leaderboard")(function* (classId: ClassId) {
        return Points.inOrder(yield* repository.standingsOfClass(classId))
      }, orUnavailable),

      /** The newest awards of an athlete, each explained. */
      points: Effect.fn("Gamification.points")(function* (athleteId: AthleteId) {
        return (yield* repository.awards(athleteId, AWARDS_LISTED)).map(Points.explained)
      }, orUnavailable),
    }
  }),
}) {}
