/** The privacy group of the API: an athlete's data, to be taken along or to be erased. */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import { Schema } from "effect"
import { Authentication } from "./Access.ts"
import { Forbidden, NotFound, Unavailable } from "./Errors.ts"
import { EpochMillis } from "./Events.ts"
import { AthleteId } from "./Ids.ts"

/** How far an erasure is, without a word of whose it is. */
export const ErasureProgress = Schema.Struct({
  status: Schema.Literal("running", "complete"),
  /** What is being done, or waited for, in words. */
  step: Schema.String,
  requestedAtMs: EpochMillis,
  completedAtMs: Schema.NullOr(EpochMillis),
}).annotations({ identifier: "ErasureProgress", description: "How far an erasure is." })
export type ErasureProgress = typeof ErasureProgress.Type

export const Erasure = Schema.Struct({
  athleteId: AthleteId,
  ...ErasureProgress.fields,
  receipt: Schema.optional(
    Schema.String.annotations({
      description:
        "In the first answer only: with it whoever asked can see how far the erasure is, when no key of theirs is left.",
    }),
  ),
}).annotations({
  identifier: "Erasure",
  description: "How far an athlete's erasure is. It goes on by itself, also after a restart.",
})
export type Erasure = typeof Erasure.Type

/** 128 random bits; only their hash is kept. */
const receipt = HttpApiSchema.param("receipt", Schema.String.pipe(Schema.pattern(/^[A-Za-z0-9_-]{22}$/)))

const athlete = HttpApiSchema.param("athleteId", AthleteId)

export class PrivacyApi extends HttpApiGroup.make("privacy")
  .add(
    HttpApiEndpoint.get("export")`/athletes/${athlete}/export`
      .addSuccess(
        Schema.String.pipe(
          HttpApiSchema.withEncoding({ kind: "Text", contentType: "application/x-ndjson" }),
        ).annotations({
          description: "One JSON record a line, the last one `end`. See docs/privacy.md for the shapes.",
        }),
      )
      .addError(NotFound)
      .annotate(OpenApi.Summary, "All that this server keeps of an athlete, as a stream (admin, or the athlete)"),
  )
  .add(
    HttpApiEndpoint.del("erase")`/athletes/${athlete}`
      .addSuccess(Erasure, { status: 202 })
      .addError(NotFound)
      .annotate(OpenApi.Summary, "Erase an athlete and all that is kept of them (admin, or the athlete)"),
  )
  .add(
    HttpApiEndpoint.get("erasure")`/athletes/${athlete}/erasure`
      .addSuccess(Erasure)
      .addError(NotFound)
      .annotate(OpenApi.Summary, "How far an erasure is (admin; the athlete's own key is gone with the rest)"),
  )
  .middlewareEndpoints(Authentication)
  .addError(Forbidden)
  // Below the authentication, which holds for what stands above it: who asks here has no key any more.
  .add(
    HttpApiEndpoint.get("erasureByReceipt")`/erasures/${receipt}`
      .addSuccess(ErasureProgress)
      .addError(NotFound)
      .annotate(OpenApi.Summary, "How far an erasure is, for whoever has the receipt of it (no key)"),
  )
  .addError(Unavailable)
  .annotate(OpenApi.Title, "Privacy")
  .annotate(OpenApi.Description, "An athlete's data, to be taken along or to be erased.") {}
