/** What every request of the API brings along: whose key it has, and whether it may have come before. */
import { Idempotency } from "@paceline/core/consistency"
import { type Actor, Authentication } from "@paceline/core/contract"
import { Context, Effect, Layer, Redacted } from "effect"
import * as Idempotent from "./Idempotent.ts"
import { Keys } from "./Service.ts"
import * as Session from "./Session.ts"

/**
 * Whose key the request has, where whoever let it in has looked already; null where nobody did, or it is not known.
 * So that a key is looked up once a request.
 */
export class KnownActor extends Context.Reference<KnownActor>()("paceline/identity/KnownActor", {
  defaultValue: (): Actor | null => null,
}) {}

const BEARER = "Bearer ".length

/** The key of a request; null when it has none. */
export const keyOf = (request: Request): string | null => {
  const key = request.headers.get("authorization")?.slice(BEARER).trim()
  return key === undefined || key === "" ? null : key
}

/** Turns the key in `Authorization: Bearer …` into the actor of the request. */
const authentication = Layer.effect(
  Authentication,
  Effect.map(Keys, (keys) =>
    Authentication.of({
      key: (token) =>
        Effect.flatMap(KnownActor, (actor) =>
          actor === null ? keys.resolve(Redacted.value(token).trim()) : Effect.succeed(actor),
        ),
    }),
  ),
)

export const layer = Layer.mergeAll(authentication, Idempotent.layer, Session.layer, Idempotency.layerCleanup())
