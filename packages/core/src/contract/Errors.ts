/** Errors that the API answers with: few, named for what is wrong, each saying what to do. */
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import { Effect, Schema } from "effect"

export class Unauthorized extends Schema.TaggedError<Unauthorized>("paceline/Unauthorized")(
  "Unauthorized",
  { message: Schema.String },
  HttpApiSchema.annotations({ status: 401 }),
) {}

export class Forbidden extends Schema.TaggedError<Forbidden>("paceline/Forbidden")(
  "Forbidden",
  { message: Schema.String },
  HttpApiSchema.annotations({ status: 403 }),
) {}

export class NotFound extends Schema.TaggedError<NotFound>("paceline/NotFound")(
  "NotFound",
  { what: Schema.String, id: Schema.String, message: Schema.String },
  HttpApiSchema.annotations({ status: 404 }),
) {
  static of(what: string, id: string): NotFound {
    return new NotFound({ what, id, message: `There is no ${what} "${id}".` })
  }
}

/** It is well formed, and cannot be meant: the message says why, and what can be asked for. Nothing was done. */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>("paceline/InvalidRequest")(
  "InvalidRequest",
  { message: Schema.String },
  HttpApiSchema.annotations({ status: 400 }),
) {}

/** Someone else changed it first. Read it again, decide again. */
export class Conflict extends Schema.TaggedError<Conflict>("paceline/Conflict")(
  "Conflict",
  { message: Schema.String, expectedVersion: Schema.Int, actualVersion: Schema.Int },
  HttpApiSchema.annotations({ status: 409 }),
) {}

/** The idempotency key came before, with another request. Nothing was done. Send a new key with a new request. */
export class IdempotencyKeyReused extends Schema.TaggedError<IdempotencyKeyReused>("paceline/IdempotencyKeyReused")(
  "IdempotencyKeyReused",
  { message: Schema.String },
  HttpApiSchema.annotations({
    status: 422,
    description: "The `Idempotency-Key` came before, with another request. Nothing was done.",
  }),
) {}

/**
 * More requests of one key or one address than a minute allows. Nothing was done; after `retryAfterSeconds`, which
 * `Retry-After` says too, one passes again.
 */
export class TooManyRequests extends Schema.TaggedError<TooManyRequests>("paceline/TooManyRequests")(
  "TooManyRequests",
  {
    message: Schema.String,
    /** The limit's name, such as `user-api` or `address-scanning`. */
    limit: Schema.String,
    retryAfterSeconds: Schema.Int,
  },
  HttpApiSchema.annotations({
    status: 429,
    description:
      "More requests of one key or one address than a minute allows. `Retry-After` says when one passes again.",
  }),
) {}

/** The server cannot do it now, or has too much to do; nothing was changed. Try again when `Retry-After` says. */
export class Unavailable extends Schema.TaggedError<Unavailable>("paceline/Unavailable")(
  "Unavailable",
  { message: Schema.String },
  HttpApiSchema.annotations({
    status: 503,
    description:
      "The server cannot do it now, or has too much to do. Nothing was changed; `Retry-After` says when to try again.",
  }),
) {}

/** How a store says that it cannot. Matched by shape, so that this file knows no store. */
type StoreFailure = { readonly _tag: "StorageError" | "SqlError"; readonly message: string }

const isStoreFailure = <E>(error: E): error is Extract<E, StoreFailure> =>
  typeof error === "object" &&
  error !== null &&
  "_tag" in error &&
  (error._tag === "StorageError" || error._tag === "SqlError")

/** At the edge of a use case: what a store could not do becomes `Unavailable`. The detail goes to the log, not to the user. */
export const orUnavailable = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, Exclude<E, Extract<E, StoreFailure>> | Unavailable, R> =>
  Effect.catchIf(effect, isStoreFailure, (error) =>
    Effect.zipRight(
      Effect.logError("The store could not do what was asked.", error),
      new Unavailable({ message: "The server cannot store this now. Nothing was changed; try again in a moment." }),
    ),
  )
