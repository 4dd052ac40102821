/** Versions on aggregates: a write names the version it was decided on, and fails when that has moved. */
import { Schema } from "effect"

/** The aggregate changed since it was read. Read it again, decide again. */
export class VersionConflict extends Schema.TaggedError<VersionConflict>("paceline/VersionConflict")(
  "VersionConflict",
  {
    aggregate: Schema.String,
    id: Schema.String,
    expectedVersion: Schema.Int,
    actualVersion: Schema.Int,
  },
) {
  override get message(): string {
    return `${this.aggregate} "${this.id}" is at version ${this.actualVersion}, not ${this.expectedVersion}`
  }
}
