/**
 * Does what a request asks for once for each `Idempotency-Key`, and remembers the answer for a day.
 *
 * Keys are of the account that sends them, whatever operation they are for. The answer is stored in the unit of work that
 * earned it. An answer with a secret in it is sealed, and repeated only to the key that asked first.
 */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import {
  IdempotencyKeyReused as AnsweredAnother,
  type Answers,
  Idempotency,
  StorageError,
  type UnitOfWork,
} from "@paceline/core/consistency"
import {
  type Actor,
  CurrentActor,
  IDEMPOTENCY_KEY,
  IdempotencyKeyReused,
  Idempotent,
  IdempotentRequest,
  InvalidRequest,
  orUnavailable,
  parseIdempotencyKey,
  type Unavailable,
} from "@paceline/core/contract"
import { Effect, Layer } from "effect"
import * as Key from "./Model.ts"
import { sealed } from "./SealedAnswer.ts"

const invalid = new InvalidRequest({
  message:
    'An Idempotency-Key is a text of 1 to 255 printable ASCII characters in quotation marks, such as "8e03978e-40d5-43e8".',
})

const reused = new IdempotencyKeyReused({
  message:
    "This Idempotency-Key was already sent, with another request or by another key of the account. Nothing was done: " +
    "send a new key with a new request.",
})

/** The key in `Bearer …`. */
const senderOf = (authorization = ""): string => authorization.slice("Bearer ".length).trim()

const accountOf = (actor: Actor): string => {
  switch (actor._tag) {
    case "Admin":
      return "admin"
    case "Device":
      return `device/${actor.deviceId}`
    case "Athlete":
      return `athlete/${actor.athleteId}`
  }
}

export const layer = Layer.effect(
  Idempotent,
  Effect.map(Effect.context<UnitOfWork | Answers>(), (context) => {
    /** Does `work`, or answers what was answered under the key before. */
    const remembered = <A, I, E, R>(remember: Idempotency.Once<A, I>, work: Effect.Effect<A, E, R>) =>
      Idempotency.once(remember, work).pipe(
        Effect.provide(context),
        Effect.catchAll((error): Effect.Effect<never, E | Unavailable | IdempotencyKeyReused> => {
          if (error instanceof AnsweredAnother) return reused
          return error instanceof StorageError ? orUnavailable(error) : Effect.fail(error)
        }),
      )

    /** The request that came with this key. `sender` is the key of the account that sent it. */
    const requestWith = (key: string, sender: string) =>
      IdempotentRequest.of({
        once: ({ answer, confidential = false, content, operation }, work) =>
          Effect.flatMap(CurrentActor, (actor) => {
            const scoped = `http/${accountOf(actor)}/${key}`
            if (!confidential) return remembered({ key: scoped, request: { operation, content }, answer }, work)
            // What another key of the account sealed cannot be opened: for that key it is another request.
            const request = { operation, content, sender: Key.hashOf(sender) }
            return remembered({ key: scoped, request, answer: sealed(answer, sender, scoped) }, work)
          }),
      })

    return Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) => {
      const header = headers[IDEMPOTENCY_KEY]
      if (header === undefined) return Effect.succeed(IdempotentRequest.withoutKey)
      const key = parseIdempotencyKey(header)
      return key === undefined ? invalid : Effect.succeed(requestWith(key, senderOf(headers["authorization"])))
    })
  }),
)
