/** Athletes and what they let others see: adding them, reading and changing profiles. */
import { UnitOfWork } from "@paceline/core/consistency"
import {
  AthleteDirectory,
  AthleteId,
  Conflict,
  freshId,
  KeyIssuer,
  NotFound,
  orUnavailable,
  requireAdmin,
  requireAthlete,
  Topics,
} from "@paceline/core/contract"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Layer } from "effect"
import * as Profiles from "./Model.ts"
import { ProfileRepository } from "./Repository.ts"

export class People extends Effect.Service<People>()("paceline/people/People", {
  dependencies: [ProfileRepository.Default],
  effect: Effect.gen(function* () {
    const repository = yield* ProfileRepository
    const work = yield* UnitOfWork
    const log = yield* EventLog.EventLog
    const keys = yield* KeyIssuer

    const tell = (profile: ReturnType<typeof Profiles.create>) =>
      EventLog.append(Topics.people, [{ key: profile.athleteId, event: Profiles.changed(profile) }]).pipe(
        Effect.provideService(EventLog.EventLog, log),
      )

    const get = Effect.fnUntraced(function* (athleteId: AthleteId) {
      const profile = yield* repository.find(athleteId)
      return profile === null ? yield* NotFound.of("athlete", athleteId) : profile
    })

    return {
      /** A new athlete, with the key for their phone. */
      create: Effect.fn("People.create")(
        function* (choices: Profiles.Choices) {
          const profile = Profiles.create(yield* freshId("athlete", AthleteId), choices)
          yield* repository.insert(profile)
          yield* tell(profile)
          const key = yield* keys.issue({ _tag: "Athlete", athleteId: profile.athleteId })
          return { profile, key }
        },
        (unit) => work.run(unit),
        orUnavailable,
        requireAdmin,
      ),

      list: Effect.fn("People.list")(() => repository.list(), orUnavailable, requireAdmin),

      profile: Effect.fn("People.profile")(get, orUnavailable, (effect, athleteId) =>
        requireAthlete(athleteId)(effect),
      ),

      /** Changes a profile, unless it changed since `version`: then `Conflict`, and nothing is written. */
      change: Effect.fn("People.change")(
        function* (athleteId: AthleteId, choices: Profiles.Choices, version: number) {
          const changed = yield* Profiles.change(yield* get(athleteId), choices, version)
          yield* repository.update(changed)
          yield* tell(changed)
          return changed
        },
        (unit) => work.run(unit),
        Effect.catchTag("VersionConflict", (conflict) => {
          const { actualVersion, expectedVersion } = conflict
          const message = `The profile is at version ${actualVersion}, not ${expectedVersion}. Read it again, then decide.`
          return new Conflict({ message, expectedVersion, actualVersion })
        }),
        orUnavailable,
        (effect, athleteId) => requireAthlete(athleteId)(effect),
      ),

      exists: Effect.fn("People.exists")(
        (athleteId: AthleteId) => Effect.map(repository.find(athleteId), (profile) => profile !== null),
        orUnavailable,
      ),
    }
  }),
}) {
  /** With the port through which other contexts ask whether an athlete is known. */
  static readonly layer = Layer.effect(
    AthleteDirectory,
    Effect.map(People, (people) => AthleteDirectory.of({ exists: people.exists })),
  ).pipe(Layer.provideMerge(People.Default))
}
