/**
 * Who waits for a topic or a kind of aggregate is told that it may have changed: in this process at once, in the others
 * by `Notifications`, soon. One connection listens for all of it.
 *
 * Under load a process tells the others at most every 20 ms, all that changed in one message each. A hint that is lost
 * costs a poll's time, nothing else.
 */
import { Timers } from "@paceline/core/concurrency"
import { Effect, type Redacted, type Scope } from "effect"
import { type Hints, makeHints } from "../Hints.ts"
import { hostClock } from "./Collisions.ts"
import * as Notifications from "./Notifications.ts"
import type { Pools } from "./Pools.ts"

export interface HintHub {
  readonly topics: Pick<Hints, "subscribe" | "tell">
  readonly kinds: Pick<Hints, "subscribe" | "tell">
}

const CHANNEL = "paceline_hint"
const AT_MOST_EVERY_MILLIS = 20

export interface HintHubOptions {
  /** Where to listen for hints, when `url` is a pooler's. `url` if not given. */
  readonly listenUrl?: Redacted.Redacted
  /** How often the listener shows that it hears; one that does not for three times as long is replaced. Default 10 s. */
  readonly heartbeatMillis?: number
}

export const make = (
  pools: Pools,
  { heartbeatMillis, listenUrl }: HintHubOptions,
): Effect.Effect<HintHub, never, Scope.Scope> =>
  Effect.gen(function* () {
    const origin = crypto.randomUUID()
    const rooms = { t: makeHints(), k: makeHints() }
    const timers = yield* Timers.make

    const notifications = yield* Notifications.make(pools.client, timers, {
      channel: CHANNEL,
      atMostEveryMillis: AT_MOST_EVERY_MILLIS,
      ...(listenUrl === undefined ? {} : { listenUrl }),
      ...(heartbeatMillis === undefined ? {} : { heartbeatMillis }),
      onHint: (hint) => {
        const [from, room, ...name] = hint?.split(" ") ?? []
        if (from === origin) return
        if (room === "t" || room === "k") return rooms[room].tell(name.join(" "))
        rooms.t.tellAll()
        rooms.k.tellAll()
      },
    })

    const entrance = (room: "t" | "k") => ({
      subscribe: rooms[room].subscribe,
      tell: (name: string): void => {
        rooms[room].tell(name)
        notifications.tell(`${origin} ${room} ${name}`)
      },
    })
    return { topics: entrance("t"), kinds: entrance("k") }
  }).pipe(Effect.withClock(hostClock))
