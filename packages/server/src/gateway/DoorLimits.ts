/**
 * How often somebody may knock at the doors: the limits by key and by address, of which each request needs all that
 * apply to it, together or not at all.
 *
 * | who | limits |
 * | --- | --- |
 * | an athlete's or a device's key | that key's own, and its address's |
 * | nobody: no key, or none that is known | its address's, that for those without a key, and that for scanning |
 * | a bridge that connects | its address's; what it delivers afterwards is not counted |
 * | the admin's key | its own only: whoever floods the address does not lock the operator out |
 *
 * Scanning is what ends in 401, 403 or 404. It is counted when it ends so; from its limit on, such an end is answered
 * with 429 instead, and whoever comes without a key is not let in. A known key still is, so that one scanner behind
 * a gym's common address does not keep its members out.
 *
 * What was used is in the `RateLimitStore`. If that cannot answer, requests pass: limits protect the service, and
 * must not be what takes it down.
 */
import type { Actor } from "@paceline/core/contract"
import { TooManyRequests } from "@paceline/core/contract"
import { RateLimiter as Kernel } from "@paceline/core/kernel"
import { type Ask, RateLimiter } from "@paceline/core/resilience"
import { Context, Effect, Layer } from "effect"

/** Requests in a minute; 0 for no limit. */
export interface LimitsPerMinute {
  /** Of one athlete's or device's key. */
  readonly user: number
  /** Of the admin's key. */
  readonly admin: number
  /** Of one address in all. */
  readonly address: number
  /** Of one address without a known key. */
  readonly unauthenticated: number
  /** Of one address, that end in 401, 403 or 404. */
  readonly scanning: number
}

export interface DoorLimitsOptions {
  readonly limitsPerMinute: LimitsPerMinute
  /** So much of a minute's limit may come at once, percent. */
  readonly burstPercent: number
}

/** The mission's limits. */
export const standard: DoorLimitsOptions = {
  limitsPerMinute: {
    user: Kernel.limits.user.api.limit,
    admin: 1_000,
    address: Kernel.limits.address.all.limit,
    unauthenticated: Kernel.limits.address.unauthenticated.limit,
    scanning: Kernel.limits.address.scanning.limit,
  },
  burstPercent: 20,
}

/** Who knocks. */
export interface Caller {
  readonly address: string
  /** Null when the request has no key, or none that is known. */
  readonly actor: Actor | null
}

export class DoorLimits extends Context.Tag("paceline/gateway/DoorLimits")<
  DoorLimits,
  {
    /** Takes what a request needs, or nothing. */
    readonly admit: (caller: Caller) => Effect.Effect<void, TooManyRequests>
    /** The same for the connection of a bridge, whose key comes in its first frame. */
    readonly admitBridge: (address: string) => Effect.Effect<void, TooManyRequests>
    /** How a request ended: one that found nothing, or was not allowed to, is counted. */
    readonly ended: (caller: Caller, status: number) => Effect.Effect<void, TooManyRequests>
  }
>() {}

const limitOf = (preset: Kernel.Limit, perMinute: number, burstPercent: number): Kernel.Limit | null =>
  perMinute === 0
    ? null
    : { ...preset, limit: perMinute, burst: Math.max(1, Math.round((perMinute * burstPercent) / 100)) }

/** An operator's script that overdoes it is slowed down, but never punished. */
const ADMIN: Kernel.Limit = { ...Kernel.limits.user.api, name: "admin", adapts: false }

const limitsOf = ({ burstPercent, limitsPerMinute }: DoorLimitsOptions) => ({
  user: limitOf(Kernel.limits.user.api, limitsPerMinute.user, burstPercent),
  admin: limitOf(ADMIN, limitsPerMinute.admin, burstPercent),
  address: limitOf(Kernel.limits.address.all, limitsPerMinute.address, burstPercent),
  unauthenticated: limitOf(Kernel.limits.address.unauthenticated, limitsPerMinute.unauthenticated, burstPercent),
  scanning: limitOf(Kernel.limits.address.scanning, limitsPerMinute.scanning, burstPercent),
})

const reasons: Readonly<Record<string, string>> = {
  [Kernel.limits.user.api.name]: "This key is used too often.",
  [ADMIN.name]: "The admin key is used too often.",
  [Kernel.limits.address.all.name]: "Too many requests come from your address.",
  [Kernel.limits.address.unauthenticated.name]: "Too many requests without a key come from your address.",
  [Kernel.limits.address.scanning.name]: "Too many requests from your address are refused or find nothing.",
}

const tooMany = (limit: string, retryAfterMillis: number): TooManyRequests => {
  const retryAfterSeconds = Math.max(1, Math.ceil(retryAfterMillis / 1000))
  const message = `${reasons[limit] ?? "Too many requests."} Try again in ${retryAfterSeconds} s.`
  return new TooManyRequests({ message, limit, retryAfterSeconds })
}

const idOf = (actor: Exclude<Actor, { _tag: "Admin" }>): string =>
  actor._tag === "Athlete" ? `athlete:${actor.athleteId}` : `device:${actor.deviceId}`

const isScanning = (status: number): boolean => status === 401 || status === 403 || status === 404

const make = (options: DoorLimitsOptions) =>
  Effect.map(RateLimiter.RateLimiter, (limiter) => {
    const limits = limitsOf(options)
    const ask = (limit: Kernel.Limit | null, key: string): ReadonlyArray<Ask> =>
      limit === null ? [] : [{ limit, key }]

    const take = (asks: ReadonlyArray<Ask>): Effect.Effect<void, TooManyRequests> =>
      asks.length === 0
        ? Effect.void
        : limiter
            .limit(asks)(Effect.void)
            .pipe(
              Effect.catchTags({
                RateLimited: ({ limit, retryAfterMillis }) => Effect.fail(tooMany(limit, retryAfterMillis)),
                RateLimitStoreError: (error) =>
                  Effect.logWarning("The rate limits could not be looked up; a request passed without them.", error),
              }),
            )

    const scanning = (address: string) => ask(limits.scanning, address)

    /** Passes when there is room for one more that finds nothing; whether this is one is known at its end. */
    const admitUnknown = (address: string): Effect.Effect<void, TooManyRequests> =>
      Effect.zipRight(
        take([...ask(limits.address, address), ...ask(limits.unauthenticated, address), ...scanning(address)]),
        Effect.ignore(limiter.refund(scanning(address))),
      )

    return DoorLimits.of({
      admit: ({ actor, address }) => {
        if (actor === null) return admitUnknown(address)
        if (actor._tag === "Admin") return take(ask(limits.admin, "admin"))
        return take([...ask(limits.user, idOf(actor)), ...ask(limits.address, address)])
      },
      admitBridge: (address) => take(ask(limits.address, address)),
      ended: ({ actor, address }, status) =>
        isScanning(status) && actor?._tag !== "Admin" ? take(scanning(address)) : Effect.void,
    })
  })

export const layer = (options: DoorLimitsOptions): Layer.Layer<DoorLimits, never, RateLimiter.RateLimiter> =>
  Layer.effect(DoorLimits, make(options))
