/**
 * The server that runs on a data folder of this machine, with its admin's rights.
 *
 * Its address is in the folder's `owner.json` and its key in `admin.key`: whoever may read the folder may do this.
 */
import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { PacelineApi } from "@paceline/core/contract"
import { Effect, Option, ParseResult, Schema } from "effect"
import { findOwner } from "../adapters/sqlite/DataFolder.ts"
import type { ResolvedSettings } from "../config/Settings.ts"
import { ADMIN_KEY } from "./AdminKey.ts"

/** There is no server to talk to. */
class NoServer extends Schema.TaggedError<NoServer>("paceline/NoServer")("NoServer", {
  folder: Schema.String,
  problem: Schema.String,
}) {
  override get message(): string {
    return `${this.problem} (data folder ${this.folder}). Start one with "paceline serve", or name its folder with --data.`
  }
}

/** The server did not do it. */
class Refused extends Schema.TaggedError<Refused>("paceline/Refused")("Refused", {
  message: Schema.String,
}) {}

/** The API of the running server, where it is, and the admin's key. */
export const connect = Effect.fn("LocalServer.connect")(function* (settings: ResolvedSettings) {
  const folder = resolve(settings.data.value)
  const owner = Option.getOrNull(yield* findOwner(folder))
  if (owner === null || owner.url === null) {
    return yield* new NoServer({ folder, problem: "No server runs here" })
  }
  const { url } = owner
  const key = yield* Effect.try({
    try: () => readFileSync(join(folder, ADMIN_KEY), "utf8").trim(),
    catch: () => new NoServer({ folder, problem: `The admin key ${ADMIN_KEY} cannot be read` }),
  })
  const api = yield* HttpApiClient.make(PacelineApi, {
    baseUrl: url,
    transformClient: HttpClient.mapRequest(HttpClientRequest.bearerToken(key)),
  }).pipe(Effect.provide(FetchHttpClient.layer))
  return { api, url, key }
})

/** What `connect` gives to talk with. */
export type Api = Effect.Effect.Success<ReturnType<typeof connect>>["api"]

const messageOf = (error: { readonly message: string }): string => {
  if (error instanceof HttpClientError.RequestError) {
    return `The server does not answer at ${new URL(error.request.url).origin}. Does it still run?`
  }
  if (!ParseResult.isParseError(error)) return error.message
  return ParseResult.ArrayFormatter.formatErrorSync(error)[0]?.message ?? error.message
}

/** Says what is wrong in the server's own words. */
export const orRefused = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.mapError(effect, (error) => new Refused({ message: messageOf(error) }))
