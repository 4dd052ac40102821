import { describe, expect, it } from "@effect/vitest"
import { VersionConflict } from "@paceline/core/consistency"
import { CurrentActor, IdempotentRequest, KeyIssuer } from "@paceline/core/contract"
import { Effect, Layer } from "effect"
import * as SqliteStore from "../../adapters/sqlite/SqliteStore.ts"
import { ProfileRepository } from "./Repository.ts"
import { People } from "./Service.ts"

/** The real repository; the first `times` writes of changes find that another process was first. */
const overtaken = (times: number) =>
  Layer.effect(
    ProfileRepository,
    Effect.map(ProfileRepository, (repository) => {
      let left = times
      return ProfileRepository.make({
        ...repository,
        update: (profile) => {
          if (left-- <= 0) return repository.update(profile)
          const [expectedVersion, actualVersion] = [profile.version - 1, profile.version]
          return new VersionConflict({ aggregate: "profile", id: profile.athleteId, expectedVersion, actualVersion })
        },
      })
    }),
  ).pipe(Layer.provide(ProfileRepository.Default))

const people = (times: number) =>
  People.DefaultWithoutDependencies.pipe(
    Layer.provide(overtaken(times)),
    Layer.provide(Layer.succeed(KeyIssuer, { issue: () => Effect.succeed("pl_key") })),
    Layer.provide(SqliteStore.layerTest()),
    Layer.merge(Layer.succeed(CurrentActor, { _tag: "Admin" })),
    Layer.merge(Layer.succeed(IdempotentRequest, IdempotentRequest.withoutKey)),
  )

const choices = { alias: "Anna", heartRateVisible: true, maxHeartRateBpm: 190 }
const changed = { ...choices, alias: "Anka" }

const rename = Effect.gen(function* () {
  const service = yield* People
  const { profile } = yield* service.create(choices)
  return yield* service.change(profile.athleteId, changed, { version: 1, choices })
})

describe("A change that other processes overtake", () => {
  it.effect("[log 2] is tried again, five times in all", () =>
    Effect.gen(function* () {
      expect(yield* rename).toMatchObject({ ...changed, version: 2 })
    }).pipe(Effect.provide(people(4))),
  )

  it.effect("[log 2] then takes both values to the athlete", () =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(rename)).toMatchObject({
        _tag: "Conflict",
        fields: ["alias"],
        mine: changed,
        theirs: { ...choices, version: 1 },
      })
    }).pipe(Effect.provide(people(5))),
  )
})
