/** Athletes and what they let others see: adding them, reading and changing profiles. */
import { UnitOfWork } from "@paceline/core/consistency"
import {
  AthleteCreated,
  AthleteDirectory,
  AthleteId,
  freshId,
  KeyIssuer,
  NotFound,
  once,
  orUnavailable,
  Profile,
  type ProfileChoices,
  requireAdmin,
  requireAthlete,
  Topics,
} from "@paceline/core/contract"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Layer } from "effect"
import * as Profiles from "./Model.ts"
import { ProfileRepository } from "./Repository.ts"

/** How often a change is tried before the athlete is asked. */
const OVERTAKEN_AT_MOST = 5

export class People extends Effect.Service<People>()("paceline/people/People", {
  dependencies: [ProfileRepository.Default],
  effect: Effect.gen(function* () {
    const repository = yield* ProfileRepository
    const work = yield* UnitOfWork
    const log = yield* EventLog.EventLog
    const keys = yield* KeyIssuer

    const tell = (profile: Profile) =>
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
        function* (choices: ProfileChoices) {
          const profile = Profiles.create(yield* freshId("athlete", AthleteId), choices)
          yield* repository.insert(profile)
          yield* tell(profile)
          const key = yield* keys.issue({ _tag: "Athlete", athleteId: profile.athleteId })
          return { profile, key }
        },
        (unit) => work.run(unit),
        (created, content) =>
          once({ operation: "people.create", content, answer: AthleteCreated, confidential: true }, created),
        orUnavailable,
        requireAdmin,
      ),

      list: Effect.fn("People.list")(() => repository.list(), orUnavailable, requireAdmin),

      profile: Effect.fn("People.profile")(get, orUnavailable, (effect, athleteId) =>
        requireAthlete(athleteId)(effect),
      ),

      /**
       * Changes a profile, and merges field by field when it changed since `seen`. What both changed differently fails
       * with `ProfileConflict`, and nothing is written.
       */
      change: Effect.fn("People.change")(
        function* (athleteId: AthleteId, choices: ProfileChoices, seen: Profiles.Seen) {
          const stored = yield* get(athleteId)
          const changed = yield* Profiles.change(stored, choices, seen)
          if (changed.version === stored.version) return stored
          yield* repository.update(changed)
          yield* tell(changed)
          return changed
        },
        (unit) => work.run(unit),
        (changed, athleteId, choices, seen) =>
          once({ operation: "people.change", content: { athleteId, choices, seen }, answer: Profile }, changed),
        // Where several processes write, another may be first between reading and writing.
        Effect.retry({ times: OVERTAKEN_AT_MOST - 1, while: ({ _tag }) => _tag === "VersionConflict" }),
        (changed, athleteId, choices, seen) =>
          Effect.catchTag(changed, "VersionConflict", () =>
            Effect.flatMap(get(athleteId), (stored) => Profiles.overtaken(stored, choices, seen)),
          ),
        orUnavailable,
        (effect, athleteId) => requireAthlete(athleteId)(effect),
      ),

      exists: Effect.fn("People.exists")(
        (athleteId: AthleteId) => Effect.map(repository.find(athleteId), (profile) => profile !== null),
        orUnavailable,
      ),

      showsHeartRate: Effect.fn("People.showsHeartRate")(
        (athleteId: AthleteId) =>
          Effect.map(repository.find(athleteId), (profile) => profile?.heartRateVisible === true),
        orUnavailable,
      ),
    }
  }),
}) {
  /** With the port through which other contexts ask of an athlete. */
  static readonly layer = Layer.effect(
    AthleteDirectory,
    Effect.map(People, (people) =>
      AthleteDirectory.of({ exists: people.exists, showsHeartRate: people.showsHeartRate }),
    ),
  ).pipe(Layer.provideMerge(People.Default))
}
