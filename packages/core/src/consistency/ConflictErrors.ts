/** What a writer is told whose write was overtaken and could not be brought together with what is stored. */
import { Schema } from "effect"

/** A field that both sides changed. A value that is not there was absent on that side. */
export class FieldConflict extends Schema.Class<FieldConflict>("paceline/FieldConflict")({
  /** The field's name, and inside nested ones the way to it; empty when the values differ as wholes. */
  path: Schema.Array(Schema.String),
  base: Schema.optional(Schema.Unknown),
  mine: Schema.optional(Schema.Unknown),
  theirs: Schema.optional(Schema.Unknown),
}) {}

/**
 * Somebody else changed it, and a person has to decide: both values, and the fields in question. Nothing was written. To
 * insist, send the command again as one who saw `actualVersion`.
 */
export class ConflictUnresolved extends Schema.TaggedError<ConflictUnresolved>("paceline/ConflictUnresolved")(
  "ConflictUnresolved",
  {
    aggregate: Schema.String,
    id: Schema.String,
    /** What the command was decided on. */
    expectedVersion: Schema.Int,
    /** What `theirs` is the state of. */
    actualVersion: Schema.Int,
    /** The state that the command would have written, as JSON data. */
    mine: Schema.Unknown,
    /** The state that is stored, as JSON data; null when it has gone. */
    theirs: Schema.Unknown,
    fields: Schema.Array(FieldConflict),
  },
) {
  /** The same again would fail again. */
  get retryable(): boolean {
    return false
  }
  override get message(): string {
    const fields = this.fields.map(({ path }) => path.join(".") || "all of it").join(", ")
    return (
      `${this.aggregate} "${this.id}" was changed by somebody else (version ${this.actualVersion}, not ` +
      `${this.expectedVersion}). Choose between both values of: ${fields || "nothing that differs any more"}`
    )
  }
}

/** A later write had been stored already, and the last one wins: this one was not written. */
export class Superseded extends Schema.TaggedError<Superseded>("paceline/Superseded")("Superseded", {
  aggregate: Schema.String,
  id: Schema.String,
  actualVersion: Schema.Int,
}) {
  /** The same again would fail again. */
  get retryable(): boolean {
    return false
  }
  override get message(): string {
    return `A later write to ${this.aggregate} "${this.id}" is stored already (version ${this.actualVersion})`
  }
}
