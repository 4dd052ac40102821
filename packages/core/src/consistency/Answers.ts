/**
 * The answers that were given under idempotency keys, kept in the unit of work that earned them.
 *
 * This is the port; `Idempotency.once` is what a command uses.
 */
import { Context, type Effect, type Option, Schema } from "effect"
import type { StorageError, Transaction } from "./UnitOfWork.ts"

/** The key was used before for another request. Send a new key with a new request. */
export class IdempotencyKeyReused extends Schema.TaggedError<IdempotencyKeyReused>("paceline/IdempotencyKeyReused")(
  "IdempotencyKeyReused",
  { key: Schema.String },
) {
  /** The same again would fail again. */
  get retryable(): boolean {
    return false
  }
  override get message(): string {
    return `The idempotency key "${this.key}" was already used for another request. Use a new key for a new request.`
  }
}

export class Answers extends Context.Tag("@paceline/core/consistency/Answers")<
  Answers,
  {
    /**
     * The answer that was stored under the key (JSON data), or none: the key is then this unit's, until it ends. Waits
     * while another unit that took the key is still running. A key whose time is over, at `expiresAtMs`, is as if never
     * used; so is one whose unit failed, or ended without an answer.
     */
    readonly take: (
      key: string,
      /** Names the request; the same key with another one is refused. */
      fingerprint: string,
      times: { readonly nowMs: number; readonly expiresAtMs: number },
    ) => Effect.Effect<Option.Option<unknown>, StorageError | IdempotencyKeyReused, Transaction>
    /** Stores the answer under a key that this unit took. */
    readonly put: (key: string, answer: unknown) => Effect.Effect<void, StorageError, Transaction>
    /** Forgets up to `limit` answers whose time is over; answers how many. */
    readonly removeExpired: (nowMs: number, limit: number) => Effect.Effect<number, StorageError, Transaction>
  }
>() {}
