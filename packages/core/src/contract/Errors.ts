/** Errors that the API answers with: few, named for what is wrong, each saying what to do. */
import { HttpApiSchema } from "@effect/platform"
import { Schema } from "effect"

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

/** Someone else changed it first. Read it again, decide again. */
export class Conflict extends Schema.TaggedError<Conflict>("paceline/Conflict")(
  "Conflict",
  { message: Schema.String, expectedVersion: Schema.Int, actualVersion: Schema.Int },
  HttpApiSchema.annotations({ status: 409 }),
) {}

/** The server cannot do it now; nothing was changed. Try again later. */
export class Unavailable extends Schema.TaggedError<Unavailable>("paceline/Unavailable")(
  "Unavailable",
  { message: Schema.String },
  HttpApiSchema.annotations({ status: 503 }),
) {}
