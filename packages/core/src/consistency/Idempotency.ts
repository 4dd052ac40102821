/**
 * A request that comes twice is done once: both get the same answer.
 *
 * The answer is stored under the request's key in the unit of work that earned it, so there is no moment in which one
 * exists without the other. Who comes with the key while the first is still running waits for its answer; after a restart
 * it is still there. Another request under the same key is refused. A unit that fails has written nothing, its key
 * included: the same request is then decided anew.
 *
 * Keys are of whoever sends them: put the account in front (`${accountId}/${key}`), so that nobody meets another's.
 *
 * @example
 * Idempotency.once({ key: `${accountId}/${header}`, request: body, answer: OrderPlaced }, placeOrder(body))
 */
import { Clock, Duration, Effect, Either, Layer, Option, ParseResult, Schema } from "effect"
import * as Fingerprint from "../kernel/consistency/Fingerprint.ts"
import { Answers, type IdempotencyKeyReused } from "./Answers.ts"
import { StorageError, type Transaction, UnitOfWork } from "./UnitOfWork.ts"

export interface Once<A, I> {
  readonly key: string
  /** What is asked for, as JSON data: the same key with another request is refused. What is no JSON data dies. */
  readonly request: unknown
  /** Encodes the answer to JSON data, and reads it again for who comes later. */
  readonly answer: Schema.Schema<A, I>
  /** How long the answer is remembered; a day if not given. */
  readonly keepFor?: Duration.DurationInput
}

const KEEP_FOR = Duration.days(1)

/** Runs `unit` in a unit of work, unless its answer is known. Inside another unit it commits with that one. */
export const once = <A, I, E, R>(
  { answer, keepFor = KEEP_FOR, key, request }: Once<A, I>,
  unit: Effect.Effect<A, E, R>,
): Effect.Effect<A, E | StorageError | IdempotencyKeyReused, Exclude<R, Transaction> | UnitOfWork | Answers> =>
  Effect.flatMap(Answers, (answers) =>
    UnitOfWork.run(
      Effect.gen(function* () {
        const nowMs = yield* Clock.currentTimeMillis
        const expiresAtMs = nowMs + Duration.toMillis(keepFor)
        const before = yield* answers.take(key, Fingerprint.of(request), { nowMs, expiresAtMs })
        if (Option.isSome(before)) return yield* decoded(answer, key, before.value)
        const given = yield* unit
        yield* answers.put(key, Schema.encodeSync(answer)(given))
        return given
      }),
    ),
  )

/** Forgets answers whose time is over, up to `limit` in one unit; answers how many. */
export const removeExpired = (limit: number): Effect.Effect<number, StorageError, UnitOfWork | Answers> =>
  Effect.gen(function* () {
    const answers = yield* Answers
    const nowMs = yield* Clock.currentTimeMillis
    return yield* UnitOfWork.run(answers.removeExpired(nowMs, limit))
  })

/** How many are forgotten in one unit: the writer is busy with it that long. */
const SWEPT_AT_ONCE = 500

/** Forgets answers whose time is over, every `every` (a minute if not given), as long as the layer lives. */
export const layerCleanup = (
  every: Duration.DurationInput = Duration.minutes(1),
): Layer.Layer<never, never, UnitOfWork | Answers> => {
  const sweep: Effect.Effect<void, StorageError, UnitOfWork | Answers> = Effect.flatMap(
    removeExpired(SWEPT_AT_ONCE),
    (removed) => (removed < SWEPT_AT_ONCE ? Effect.void : sweep),
  )
  const resting = Effect.catchAll(sweep, (error) =>
    Effect.logWarning("Expired answers could not be removed; it will be tried again.", error),
  )
  return Layer.scopedDiscard(Effect.forkScoped(Effect.forever(Effect.zipRight(Effect.sleep(every), resting))))
}

const decoded = <A, I>(answer: Schema.Schema<A, I>, key: string, stored: unknown): Effect.Effect<A, StorageError> => {
  const read = Schema.decodeUnknownEither(answer)(stored)
  if (Either.isRight(read)) return Effect.succeed(read.right)
  const problem = ParseResult.TreeFormatter.formatErrorSync(read.left)
  const message = `The answer stored under the idempotency key "${key}" cannot be read: ${problem}`
  return Effect.fail(new StorageError({ reason: "corrupt", message, cause: read.left }))
}
