/** The people group of the API: athletes, and what they choose of their profiles. */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import { Schema } from "effect"
import { Authentication } from "./Access.ts"
import { Forbidden, NotFound, Unavailable } from "./Errors.ts"
import { Idempotent } from "./Idempotent.ts"
import { AthleteId, OneLine } from "./Ids.ts"
import { describeWrite, SessionWrites } from "./Session.ts"

const Alias = OneLine.pipe(
  Schema.minLength(1, { message: () => "An alias needs at least one character." }),
  Schema.maxLength(24, { message: () => "An alias has at most 24 characters, so that it fits its tile." }),
)

export const Profile = Schema.Struct({
  athleteId: AthleteId,
  alias: Schema.String,
  heartRateVisible: Schema.Boolean,
  maxHeartRateBpm: Schema.Int,
  version: Schema.Int,
}).annotations({
  identifier: "Profile",
  description: "What an athlete lets others see, and what zones are computed from.",
})
export type Profile = typeof Profile.Type

const ProfileFields = {
  alias: Alias,
  heartRateVisible: Schema.Boolean,
  maxHeartRateBpm: Schema.Int.pipe(
    Schema.between(100, 240, { message: () => "The greatest heart rate is between 100 and 240 beats a minute." }),
  ),
}

/** What an athlete chooses of their profile, as it is stored. */
export const ProfileChoices = Schema.Struct({
  alias: Schema.String,
  heartRateVisible: Schema.Boolean,
  maxHeartRateBpm: Schema.Int,
}).annotations({ identifier: "ProfileChoices", description: "What an athlete chooses of their profile." })
export type ProfileChoices = typeof ProfileChoices.Type

/** The names of what an athlete chooses. */
export const ProfileField = Schema.Literal("alias", "heartRateVisible", "maxHeartRateBpm").annotations({
  identifier: "ProfileField",
})
export type ProfileField = typeof ProfileField.Type

/**
 * The athlete changed the same fields on another device meanwhile, to something else. Nothing was written; the athlete
 * chooses. To insist on `mine`, or on some of it, send that from `theirs`: its version, and `theirs` as what was seen.
 */
export class ProfileConflict extends Schema.TaggedError<ProfileConflict>("paceline/ProfileConflict")(
  "Conflict",
  {
    message: Schema.String,
    /** The version that the change was made from. */
    expectedVersion: Schema.Int,
    /** The version that is stored: that of `theirs`. */
    actualVersion: Schema.Int,
    /** The fields to choose for. */
    fields: Schema.Array(ProfileField),
    /** The profile as it would be with the change: what was sent, and theirs where only they changed something. */
    mine: ProfileChoices,
    /** The profile as it is. */
    theirs: Profile,
  },
  HttpApiSchema.annotations({
    status: 409,
    description:
      "The same fields were changed elsewhere meanwhile. Nothing was written: `fields` says which they are, `mine` is the " +
      "profile as it would be with this change, `theirs` the profile as it is. Let the athlete choose, then send that with " +
      "the version of `theirs`, and `theirs` as `seen`.",
  }),
) {}

/** A new athlete, and the key for their phone, which is shown once. */
export const AthleteCreated = Schema.Struct({ profile: Profile, key: Schema.String }).annotations({
  identifier: "AthleteCreated",
})

/** A change, the version it was made from, and what stood there, so that it can be merged field by field. */
export const ProfileChange = Schema.Struct({
  ...ProfileFields,
  version: Schema.Int.annotations({ description: "The version of the profile that the change was made from." }),
  seen: Schema.optional(
    ProfileChoices.annotations({
      identifier: "ProfileSeen",
      description:
        "What that version said. With it a change of other fields, made elsewhere meanwhile, is kept; without it every " +
        "difference is a conflict.",
    }),
  ),
}).annotations({ identifier: "ProfileChange" })
export type ProfileChange = typeof ProfileChange.Type

export class PeopleApi extends HttpApiGroup.make("people")
  .add(
    HttpApiEndpoint.post("create", "/athletes")
      .setPayload(
        Schema.Struct({
          alias: ProfileFields.alias,
          heartRateVisible: Schema.optionalWith(ProfileFields.heartRateVisible, { default: () => true }),
          maxHeartRateBpm: Schema.optionalWith(ProfileFields.maxHeartRateBpm, { default: () => 190 }),
        }),
      )
      .addSuccess(AthleteCreated, { status: 201 })
      .middleware(Idempotent)
      .middleware(SessionWrites)
      .annotate(OpenApi.Transform, describeWrite)
      .annotate(OpenApi.Summary, "Add an athlete and get the key for their phone"),
  )
  .add(
    HttpApiEndpoint.get("list", "/athletes")
      .addSuccess(Schema.Array(Profile))
      .annotate(OpenApi.Summary, "All athletes (admin)"),
  )
  .add(
    HttpApiEndpoint.get("me", "/me")
      .addSuccess(Profile)
      .addError(NotFound)
      .annotate(OpenApi.Summary, "The athlete's own profile"),
  )
  .add(
    HttpApiEndpoint.put("changeMe", "/me")
      .setPayload(ProfileChange)
      .addSuccess(Profile)
      .addError(NotFound)
      .addError(ProfileConflict)
      .middleware(Idempotent)
      .middleware(SessionWrites)
      .annotate(OpenApi.Transform, describeWrite)
      .annotate(OpenApi.Summary, "Choose alias, visibility of the heart rate, and greatest heart rate"),
  )
  .middleware(Authentication)
  .addError(Forbidden)
  .addError(Unavailable)
  .annotate(OpenApi.Title, "People")
  .annotate(OpenApi.Description, "Athletes and what they let others see.") {}
