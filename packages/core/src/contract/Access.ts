/**
 * Who is asking, and what they may do.
 *
 * A key names an actor: the admin of this server, a device, or an athlete. `Authentication` turns the key of a
 * request into the `CurrentActor`; `requireAdmin` and `requireAthlete` are the permissions, put behind a use case
 * so that its body is the business rule alone.
 *
 * @example
 * const list = Effect.fn("Devices.list")(function* () { … }, requireAdmin)
 */
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import * as HttpApiSecurity from "@effect/platform/HttpApiSecurity"
import * as OpenApi from "@effect/platform/OpenApi"
import { Context, Effect, Schema } from "effect"
import { Forbidden, Unauthorized, Unavailable } from "./Errors.ts"
import type { AthleteId, DeviceId } from "./Ids.ts"

export type Actor =
  | { readonly _tag: "Admin" }
  | { readonly _tag: "Device"; readonly deviceId: DeviceId }
  | { readonly _tag: "Athlete"; readonly athleteId: AthleteId }

/** Who is asking, from the key in `Authorization: Bearer …`. */
export class CurrentActor extends Context.Tag("@paceline/core/contract/CurrentActor")<CurrentActor, Actor>() {}

export class Authentication extends HttpApiMiddleware.Tag<Authentication>()("@paceline/core/contract/Authentication", {
  failure: Schema.Union(Unauthorized, Unavailable),
  provides: CurrentActor,
  security: {
    key: HttpApiSecurity.bearer.pipe(
      HttpApiSecurity.annotate(
        OpenApi.Description,
        "An admin, device or athlete key, as `Authorization: Bearer <key>`.",
      ),
    ),
  },
}) {}

/**
 * Port: a new key for an actor, as text, to be shown once. Whoever creates a device or an athlete calls it inside
 * that unit of work: the key is kept (as a hash) exactly when the unit commits.
 */
export class KeyIssuer extends Context.Tag("@paceline/core/contract/KeyIssuer")<
  KeyIssuer,
  { readonly issue: (actor: Actor) => Effect.Effect<string, Unavailable> }
>() {}

/**
 * Port: whether an athlete is known here, and whether others may see their heart rate (of one who is not known, they may
 * not). Asked inside a unit of work, the answer holds for that unit.
 */
export class AthleteDirectory extends Context.Tag("@paceline/core/contract/AthleteDirectory")<
  AthleteDirectory,
  {
    readonly exists: (athleteId: AthleteId) => Effect.Effect<boolean, Unavailable>
    readonly showsHeartRate: (athleteId: AthleteId) => Effect.Effect<boolean, Unavailable>
  }
>() {}

/** Only the admin may. */
export const requireAdmin = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, E | Forbidden, R | CurrentActor> =>
  Effect.flatMap(
    CurrentActor,
    (actor): Effect.Effect<A, E | Forbidden, R> =>
      actor._tag === "Admin" ? effect : new Forbidden({ message: "Only the admin key of this server may do this." }),
  )

/** The athlete may, and so may the admin. */
export const requireAthlete =
  (athleteId: AthleteId) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | Forbidden, R | CurrentActor> =>
    Effect.flatMap(
      CurrentActor,
      (actor): Effect.Effect<A, E | Forbidden, R> =>
        actor._tag === "Admin" || (actor._tag === "Athlete" && actor.athleteId === athleteId)
          ? effect
          : new Forbidden({ message: "Only this athlete, or the admin key of this server, may do this." }),
    )
