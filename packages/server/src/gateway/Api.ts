/** The HTTP API of all contexts, as one handler from a web `Request` to a web `Response`. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import { type Actor, PacelineApi } from "@paceline/core/contract"
import { Context, Effect, Layer } from "effect"
import * as DevicesHttp from "../contexts/devices/Http.ts"
import * as SeriesHttp from "../contexts/devices/series/Http.ts"
import * as GamificationHttp from "../contexts/gamification/Http.ts"
import * as IdentityHttp from "../contexts/identity/Http.ts"
import * as PeopleHttp from "../contexts/people/Http.ts"
import * as PrivacyHttp from "../contexts/privacy/Http.ts"
import * as TrainingHttp from "../contexts/training/Http.ts"
import { answerErrors } from "./HttpErrors.ts"
import * as OperationsHttp from "./operations/Http.ts"

/** Each context's group, and that for whoever runs the server, behind authentication. */
const groups = Layer.mergeAll(
  DevicesHttp.layer,
  PeopleHttp.layer,
  TrainingHttp.layer,
  GamificationHttp.layer,
  SeriesHttp.layer,
  OperationsHttp.layer,
  PrivacyHttp.layer,
).pipe(Layer.provide(IdentityHttp.layer))

export class Api extends Context.Tag("paceline/gateway/Api")<
  Api,
  {
    /** `actor` is whose key the request has; null when that was not looked up, or the key is not known. */
    readonly handle: (request: Request, actor: Actor | null) => Promise<Response>
  }
>() {}

export const layer = Layer.scoped(
  Api,
  Effect.gen(function* () {
    const app = yield* HttpApiBuilder.httpApp
    const runtime = yield* Effect.runtime<HttpRouter.HttpRouter.DefaultServices>()
    const handle = HttpApp.toWebHandlerRuntime(runtime)(app)
    return Api.of({ handle: (request, actor) => handle(request, IdentityHttp.KnownActor.context(actor)) })
  }),
).pipe(
  Layer.provide(HttpApiBuilder.middleware(answerErrors)),
  Layer.provide(HttpApiBuilder.api(PacelineApi).pipe(Layer.provide(groups))),
  Layer.provide(Layer.mergeAll(HttpApiBuilder.Router.Live, HttpApiBuilder.Middleware.layer, HttpServer.layerContext)),
)
