/**
 * Requests that may be sent again: whoever repeats one with the same `Idempotency-Key` gets the same answer, and what was
 * asked for is done once.
 *
 * An endpoint says so with the middleware `Idempotent`. It gives the use case `IdempotentRequest.once`, to be put behind
 * its unit of work. The header is that of the IETF draft "The Idempotency-Key HTTP Header Field": a text in quotation
 * marks, such as `Idempotency-Key: "8e03978e-40d5-43e8-bc93-6894a57f9324"`; without them it is understood too. Keys are
 * of the account that sends them. The same key with another request is refused with 422. A repetition that comes while
 * the first request is still running waits for its answer. Only what was done is remembered, for a day: a request that
 * was refused did nothing, so its repetition is decided anew.
 *
 * @example
 * // Service.ts
 * create: Effect.fn("Devices.create")(
 *   function* (name: string) { … },
 *   (unit) => work.run(unit),
 *   (done, name) => once({ operation: "devices.create", content: { name }, answer: DeviceCreated }, done),
 * )
 */
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import { Context, Effect, Schema } from "effect"
import type { CurrentActor } from "./Access.ts"
import { IdempotencyKeyReused, InvalidRequest, type Unavailable } from "./Errors.ts"

/** What a request asks for, and what it is answered with. */
export interface Repeatable<A, I> {
  /** What is asked for: the same key for another operation is another request. */
  readonly operation: string
  /** With which values, as JSON data. */
  readonly content: unknown
  /** Encodes the answer to JSON data, and reads it again for who repeats the request. */
  readonly answer: Schema.Schema<A, I>
  /** The answer has a secret in it: it is kept so that only the key which sent the request opens it. */
  readonly confidential?: boolean
}

/** The request that is being handled. */
export class IdempotentRequest extends Context.Tag("@paceline/core/contract/IdempotentRequest")<
  IdempotentRequest,
  {
    /** `work`, in a unit of work with its answer, unless that is known already. Without a key just `work`. */
    readonly once: <A, I, E, R>(
      request: Repeatable<A, I>,
      work: Effect.Effect<A, E, R>,
    ) => Effect.Effect<A, E | IdempotencyKeyReused | Unavailable, R | CurrentActor>
  }
>() {
  /** One that names no key, and whatever is no request at all. */
  static readonly withoutKey = IdempotentRequest.of({ once: (_, work) => work })
}

export const once = <A, I, E, R>(
  request: Repeatable<A, I>,
  work: Effect.Effect<A, E, R>,
): Effect.Effect<A, E | IdempotencyKeyReused | Unavailable, R | CurrentActor | IdempotentRequest> =>
  Effect.flatMap(IdempotentRequest, (current) => current.once(request, work))

/** For endpoints that change something and may be sent again. */
export class Idempotent extends HttpApiMiddleware.Tag<Idempotent>()("@paceline/core/contract/Idempotent", {
  failure: Schema.Union(InvalidRequest, IdempotencyKeyReused),
  provides: IdempotentRequest,
}) {}

export const IDEMPOTENCY_KEY = "idempotency-key"

const LONGEST_KEY = 255

/** Printable ASCII in quotation marks, with `\"` and `\\` for those two (RFC 8941, section 3.3.3). */
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/

/** What many clients send instead. */
const BARE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x7e]+$/

/** The key in a header; undefined when there is none in it. */
export const parseIdempotencyKey = (header: string): string | undefined => {
  const text = header.trim()
  const key = QUOTED.exec(text)?.[1]?.replaceAll(/\\(["\\])/g, "$1") ?? BARE.exec(text)?.[0] ?? ""
  return key.length >= 1 && key.length <= LONGEST_KEY ? key : undefined
}

/** Names the header in the OpenAPI description of an endpoint, which knows middleware only by its errors. */
export const describeIdempotencyKey = (operation: Record<string, unknown>): Record<string, unknown> => {
  const { parameters } = operation
  return {
    ...operation,
    parameters: [
      ...(Array.isArray(parameters) ? parameters : []),
      {
        name: "Idempotency-Key",
        in: "header",
        required: false,
        schema: { type: "string", minLength: 1, maxLength: LONGEST_KEY + 2 },
        description:
          'A text of your own for this one request, new for each, in quotation marks: `"8e03978e-40d5-43e8-bc93-6894a57f9324"`. ' +
          "With it the request may be sent again when no answer came: it is done once, and answered the same. " +
          "Remembered for a day.",
      },
    ],
  }
}
