/**
 * What a request that went wrong is answered with, as JSON with a `_tag` and a `message` for people.
 *
 * The API's own errors are answered as its contract says. Here is the rest: what does not fit the schema (400, with
 * the field and what is wrong with it), a path that does not exist (404), too many requests of one (429) or of all
 * (503), and what should not have happened (500, with the id under which the log tells more; nothing of the inside
 * reaches the user).
 */
import { HttpApiDecodeError } from "@effect/platform/HttpApiError"
import type * as HttpApp from "@effect/platform/HttpApp"
import { RequestError, RouteNotFound } from "@effect/platform/HttpServerError"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { TooManyRequests, Unavailable } from "@paceline/core/contract"
import { Cause, Effect, Schema } from "effect"

type Issue = HttpApiDecodeError["issues"][number]

const sentence = ({ message, path }: Issue): string => {
  const field = path.length === 0 ? "The request" : path.map(String).join(".")
  return message.startsWith("is ") ? `${field} ${message}` : `${field}: ${message}`
}

/** One problem a field: what follows the first is a consequence of it. */
const firstOfEachField = (issues: ReadonlyArray<Issue>): ReadonlyArray<Issue> =>
  Array.from(Map.groupBy(issues, ({ path }) => path.map(String).join(".")).values(), ([first]) => first).filter(
    (issue) => issue !== undefined,
  )

const badRequest = (message: string, issues: ReadonlyArray<Issue>) =>
  HttpServerResponse.unsafeJson({ _tag: "HttpApiDecodeError", message, issues }, { status: 400 })

/** What is answered to somebody who comes too often. */
export const tooManyRequests = (error: TooManyRequests): Response =>
  Response.json(Schema.encodeSync(TooManyRequests)(error), {
    status: 429,
    headers: { "retry-after": String(error.retryAfterSeconds) },
  })

const overloadedError = new Unavailable({
  message: "The server has too much to do right now. Nothing was changed; try again in a moment.",
})

/** What is answered when too much is under way. */
export const overloaded = (): Response =>
  Response.json(Schema.encodeSync(Unavailable)(overloadedError), { status: 503, headers: { "retry-after": "1" } })

/** Every 503 says when to come again. */
export const withRetryAfter = (response: Response): Response => {
  if (response.status === 503 && !response.headers.has("retry-after")) response.headers.set("retry-after", "5")
  return response
}

/** What is answered under a path that does not exist. */
export const notFound = (method: string, path: string) => ({
  _tag: "NotFound",
  what: "path",
  id: path,
  message: `There is nothing at ${method} ${path}. See /docs for what there is.`,
})

const unexpected = (cause: Cause.Cause<unknown>) =>
  Effect.gen(function* () {
    const id = crypto.randomUUID()
    yield* Effect.logError("A request failed in a way that nobody expected.", cause).pipe(Effect.annotateLogs({ id }))
    const message = `Something went wrong inside the server. The server's log tells more, under ${id}.`
    return HttpServerResponse.unsafeJson({ _tag: "InternalError", id, message }, { status: 500 })
  })

/** What a defect or an error that the contract does not name is answered with; undefined for those it names. */
const answer = (error: unknown, cause: Cause.Cause<unknown>) => {
  if (error instanceof HttpApiDecodeError) {
    const issues = firstOfEachField(error.issues)
    return Effect.succeed(badRequest(issues.map(sentence).join("; "), issues))
  }
  if (error instanceof RequestError) {
    return Effect.succeed(badRequest("The body could not be read: send JSON, as `content-type: application/json`.", []))
  }
  if (error instanceof RouteNotFound) {
    const { method, url } = error.request
    return Effect.succeed(HttpServerResponse.unsafeJson(notFound(method, url), { status: 404 }))
  }
  return Cause.isDie(cause) ? unexpected(cause) : undefined
}

/** A middleware for the whole API. What it does not answer goes on to be encoded as the contract says. */
export const answerErrors = <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E, R> =>
  Effect.catchAllCause(app, (cause) => answer(Cause.squash(cause), cause) ?? Effect.failCause(cause))
