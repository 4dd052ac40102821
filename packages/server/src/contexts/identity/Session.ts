/**
 * Answers a change with the token of the session that made it: how far the store and the log had come after it.
 *
 * The token names the topics that projections follow and people change: what was appended lies among the last of them.
 */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { ReadYourWrites, WritePosition } from "@paceline/core/consistency"
import { invalidSession, SESSION, SessionWrites, Topics } from "@paceline/core/contract"
import { SessionToken } from "@paceline/core/kernel"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Layer } from "effect"

const TOPICS = [Topics.people.name, Topics.training.name]

export const layer = Layer.effect(
  SessionWrites,
  Effect.gen(function* () {
    const log = yield* EventLog.EventLog
    const position = yield* WritePosition.WritePosition

    /** With the token, unless nothing was done. A token that cannot be had takes nothing from the answer. */
    const tell = (since: string | undefined, response: HttpServerResponse.HttpServerResponse) =>
      response.status >= 300
        ? Effect.succeed(response)
        : ReadYourWrites.token({
            ...(since !== undefined && { since: ReadYourWrites.SessionToken.make(since) }),
            logged: { log, topics: TOPICS },
          }).pipe(
            Effect.provideService(WritePosition.WritePosition, position),
            Effect.map((token) => HttpServerResponse.setHeader(response, SESSION, token)),
            Effect.catchAll((error) =>
              Effect.as(Effect.logWarning("A change was answered without its session.", error), response),
            ),
          )

    return Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) => {
      const since = headers[SESSION]
      if (since !== undefined && SessionToken.decode(since) === undefined) return invalidSession
      return HttpApp.appendPreResponseHandler((_, response) => tell(since, response))
    })
  }),
)
