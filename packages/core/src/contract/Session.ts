/**
 * Read your writes, by way of the client: a change is answered with `Paceline-Session`, a token of how far the server had
 * written. Whoever sends it with what they read next sees what they wrote, also where that comes about a moment later,
 * as points and leaderboards do.
 *
 * The token is opaque and grows: send the newest. A read waits for it up to two seconds; then it is `Unavailable`, and may
 * be asked again. Without a token nothing is waited for.
 */
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import { flow } from "effect"
import { InvalidRequest } from "./Errors.ts"
import { describeIdempotencyKey } from "./Idempotent.ts"

/** For endpoints that change something: their answer carries the session's token. */
export class SessionWrites extends HttpApiMiddleware.Tag<SessionWrites>()("@paceline/core/contract/SessionWrites", {
  failure: InvalidRequest,
}) {}

export const SESSION = "paceline-session"

export const invalidSession = new InvalidRequest({
  message: "The Paceline-Session header is not one that a server gave out. Leave it out.",
})

/** Names the header in the OpenAPI description of an endpoint that takes it. */
export const describeSession = (operation: Record<string, unknown>): Record<string, unknown> => {
  const { parameters } = operation
  return {
    ...operation,
    parameters: [
      ...(Array.isArray(parameters) ? parameters : []),
      {
        name: "Paceline-Session",
        in: "header",
        required: false,
        schema: { type: "string" },
        description:
          "The newest token that a change of yours was answered with, in the header of the same name. What is read then " +
          "has that change in it.",
      },
    ],
  }
}

/** The same of a change that may be sent again, and that its session reads afterwards. */
export const describeWrite = flow(describeIdempotencyKey, describeSession)
