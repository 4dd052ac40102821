/** States of a stream as they are stored: JSON data of a schema; what does not fit it is trouble of the store. */
import { Effect, Either, ParseResult, Schema } from "effect"
import { StorageError } from "../consistency/UnitOfWork.ts"

export class StateCodec<S, I> {
  readonly encode: (state: S) => I
  readonly #decode: (stored: unknown) => Either.Either<S, ParseResult.ParseError>

  constructor(schema: Schema.Schema<S, I>) {
    this.encode = Schema.encodeSync(schema)
    this.#decode = Schema.decodeUnknownEither(schema)
  }

  decode(kind: string, id: string, stored: unknown): Effect.Effect<S, StorageError> {
    const read = this.#decode(stored)
    if (Either.isRight(read)) return Effect.succeed(read.right)
    const problem = ParseResult.TreeFormatter.formatErrorSync(read.left)
    const message = `The stored state of ${kind} "${id}" cannot be read: ${problem}`
    return Effect.fail(new StorageError({ reason: "corrupt", message, cause: read.left }))
  }
}
