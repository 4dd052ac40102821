/**
 * What happens to a request before and after its answer is made: its key is looked up once, the limits of that key
 * and of its address are taken, it waits for its turn, and one that found nothing is counted.
 *
 * A request that is too many is answered with 429, one for which there is no room with 503; both say in `Retry-After`
 * when to come again, and neither was done. A body is read before the turn begins, so that whoever sends slowly holds
 * nobody up.
 */
import { Context, Effect, Layer } from "effect"
import { keyOf } from "../contexts/identity/Http.ts"
import { Keys } from "../contexts/identity/Service.ts"
import { Api } from "./Api.ts"
import { Compartments, priorityOf } from "./Compartments.ts"
import { type Caller, DoorLimits } from "./DoorLimits.ts"
import * as HttpErrors from "./HttpErrors.ts"

/** Undefined when the connection became a WebSocket. */
type Answer = Response | undefined

export class Reception extends Context.Tag("paceline/gateway/Reception")<
  Reception,
  {
    /** A request of the API. */
    readonly api: (request: Request, address: string) => Effect.Effect<Response>
    /** A request that needs no key: a watcher, the documentation, or a path where there is nothing. */
    readonly open: <A extends Answer>(address: string, answer: Effect.Effect<A>) => Effect.Effect<A | Response>
    /** A request that needs the admin's key, and is not of the API. */
    readonly admin: (request: Request, address: string, answer: Effect.Effect<Response>) => Effect.Effect<Response>
    /** A bridge that connects; its key comes in its first frame. */
    readonly bridge: <A extends Answer>(address: string, answer: Effect.Effect<A>) => Effect.Effect<A | Response>
  }
>() {}

const unreadable = (): Response =>
  Response.json({ _tag: "HttpApiDecodeError", message: "The body did not come whole.", issues: [] }, { status: 400 })

const adminOnly = (caller: Caller): Response =>
  caller.actor === null
    ? Response.json(
        { _tag: "Unauthorized", message: "This needs the admin key of this server, as Authorization: Bearer KEY." },
        { status: 401 },
      )
    : Response.json({ _tag: "Forbidden", message: "Only the admin key of this server may do this." }, { status: 403 })

/** The request with its body at hand; null when that did not come. */
const whole = (request: Request): Effect.Effect<Request | null> => {
  if (request.body === null) return Effect.succeed(request)
  const { headers, method, url } = request
  return Effect.tryPromise(() => request.arrayBuffer()).pipe(
    Effect.map((body) => new Request(url, { method, headers, body })),
    Effect.orElseSucceed(() => null),
  )
}

const make = Effect.gen(function* () {
  const api = yield* Api
  const compartments = yield* Compartments
  const keys = yield* Keys
  const limits = yield* DoorLimits

  const callerOf = (request: Request, address: string): Effect.Effect<Caller> => {
    const key = keyOf(request)
    if (key === null) return Effect.succeed({ address, actor: null })
    return keys.resolve(key).pipe(
      Effect.map((actor) => ({ address, actor })),
      // Whether a path needs a key, and what is wrong with this one, is the API's to say.
      Effect.orElseSucceed(() => ({ address, actor: null })),
    )
  }

  const receive = <A extends Answer>(
    caller: Caller,
    admitted: ReturnType<typeof limits.admitBridge>,
    answer: Effect.Effect<A>,
  ): Effect.Effect<A | Response> =>
    Effect.zipRight(admitted, answer).pipe(
      Effect.tap((response) => (response === undefined ? Effect.void : limits.ended(caller, response.status))),
      Effect.catchTag("TooManyRequests", (error) => Effect.succeed(HttpErrors.tooManyRequests(error))),
    )

  const answer = (request: Request, { actor }: Caller): Effect.Effect<Response> =>
    Effect.flatMap(whole(request), (complete) =>
      complete === null
        ? Effect.succeed(unreadable())
        : compartments.api
            .run(
              Effect.promise(() => api.handle(complete, actor)),
              priorityOf(actor),
            )
            .pipe(
              Effect.map(HttpErrors.withRetryAfter),
              Effect.catchAll(() => Effect.succeed(HttpErrors.overloaded())),
            ),
    )

  return Reception.of({
    api: (request, address) =>
      Effect.flatMap(callerOf(request, address), (caller) =>
        receive(caller, limits.admit(caller), answer(request, caller)),
      ),
    open: (address, answer) => {
      const caller = { address, actor: null }
      return receive(caller, limits.admit(caller), answer)
    },
    admin: (request, address, answer) =>
      Effect.flatMap(callerOf(request, address), (caller) =>
        receive(
          caller,
          limits.admit(caller),
          caller.actor?._tag === "Admin" ? answer : Effect.sync(() => adminOnly(caller)),
        ),
      ),
    bridge: (address, answer) => receive({ address, actor: null }, limits.admitBridge(address), answer),
  })
})

export const layer: Layer.Layer<Reception, never, Api | Compartments | DoorLimits | Keys> = Layer.effect(
  Reception,
  make,
)
