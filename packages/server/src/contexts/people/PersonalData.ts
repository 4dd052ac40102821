/** What people keep of an athlete: the profile. */
import * as SqlClient from "@effect/sql/SqlClient"
import { UnitOfWork } from "@paceline/core/consistency"
import { orUnavailable, type PersonalDataSection } from "@paceline/core/contract"
import { Effect, Stream } from "effect"
import { ProfileRepository } from "./Repository.ts"

export const section = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const work = yield* UnitOfWork
  const profiles = yield* ProfileRepository
  const people: PersonalDataSection = {
    name: "people",
    export: (athleteId) =>
      Stream.unwrap(
        Effect.map(orUnavailable(profiles.find(athleteId)), (profile) =>
          profile === null ? Stream.empty : Stream.make({ type: "profile", ...profile }),
        ),
      ),
    close: (athleteId) => orUnavailable(work.run(sql`DELETE FROM profile WHERE athlete_id = ${athleteId}`)),
    forget: () => Effect.succeed(null),
  }
  return people
}).pipe(Effect.provide(ProfileRepository.Default))
