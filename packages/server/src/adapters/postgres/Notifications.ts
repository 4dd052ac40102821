/**
 * Hints between processes on one PostgreSQL, by LISTEN and NOTIFY: fast, and never to be relied on.
 *
 * What is told is sent outside any transaction, all that waits in one statement: inside one it would make commits wait
 * for each other. A heartbeat shows that a listener still hears; one that hears nothing for three beats, or lost its
 * connection, is replaced, and its owner told that it may have missed something.
 */
import * as Reactivity from "@effect/experimental/Reactivity"
import { PgClient } from "@effect/sql-pg"
import { awaitWithin, type Timers } from "@paceline/core/concurrency"
import { Effect, Fiber, Queue, type Redacted, type Scope, Stream } from "effect"

export interface NotificationOptions {
  readonly channel: string
  /** Default 10 s. */
  readonly heartbeatMillis?: number
  /** The least time between two messages to the others; what is told meanwhile goes together. Default 0. */
  readonly atMostEveryMillis?: number
  /** Where to listen, when statements go through a pooler that does not pass notifications on. */
  readonly listenUrl?: Redacted.Redacted
  /** Called with what others told; without anything when something may have been missed. */
  readonly onHint: (hint?: string) => void
}

export interface Notifications {
  /** Tells all processes, soon. */
  readonly tell: (hint: string) => void
}

const BEATS_OF_SILENCE = 3
/** How long before a lost connection is replaced. */
const RECONNECT_MILLIS = 500
/** How long the end waits for a connection to close. */
const GOODBYE_MILLIS = 1_000
/** PostgreSQL takes payloads below 8,000 bytes. A longer hint is sent as "something". */
const LONGEST_HINT_BYTES = 7_900

const HEARTBEAT = "."
const SOMETHING = "*"
const prefix = (hint: string): string => (Buffer.byteLength(hint) > LONGEST_HINT_BYTES ? SOMETHING : `=${hint}`)

export const make = (
  sql: PgClient.PgClient,
  timers: Timers.TimersService,
  { atMostEveryMillis = 0, channel, heartbeatMillis = 10_000, listenUrl, onHint }: NotificationOptions,
): Effect.Effect<Notifications, never, Scope.Scope> =>
  Effect.gen(function* () {
    const waiting = new Set<string>()
    const signal = yield* Queue.sliding<void>(1)
    const tell = (payload: string): void => {
      waiting.add(payload)
      signal.unsafeOffer(undefined)
    }

    /** Its commit does not wait for the disk: a hint need not survive. */
    const send = Effect.gen(function* () {
      yield* Queue.take(signal)
      const payloads = JSON.stringify([...waiting])
      waiting.clear()
      yield* sql`
        WITH relaxed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
        SELECT pg_notify(${channel}, payload) FROM relaxed, json_array_elements_text(${payloads}::json) AS payload`
      if (atMostEveryMillis > 0) yield* timers.sleep(atMostEveryMillis)
    })
    yield* Effect.forkScoped(Effect.forever(Effect.ignore(send)))

    let heardAt = timers.now()
    const onPayload = (payload: string): void => {
      heardAt = timers.now()
      if (payload === SOMETHING) onHint()
      else if (payload.startsWith("=")) onHint(payload.slice(1))
    }

    const where = listenUrl === undefined ? sql.config : { url: listenUrl }
    /** Listens on connections of its own, so that one that is dead can be left behind. */
    const listen = PgClient.make({ ...where, maxConnections: 1, idleTimeout: "1 second" }).pipe(
      Effect.flatMap((own) =>
        Stream.runForEach(own.listen(channel), (payload) => Effect.sync(() => onPayload(payload))),
      ),
      Effect.scoped,
      Effect.provide(Reactivity.layer),
      Effect.exit,
    )

    /** The end of a connection that may be dead: begun, and waited for only a little. */
    const leave = (listening: Fiber.Fiber<unknown>) =>
      Effect.flatMap(Effect.forkDaemon(Fiber.interrupt(listening)), (leaving) =>
        awaitWithin(leaving, GOODBYE_MILLIS, timers),
      )

    const supervise = Effect.acquireUseRelease(
      Effect.forkDaemon(Effect.interruptible(listen)),
      (listening) =>
        Effect.gen(function* () {
          heardAt = timers.now()
          while (timers.now() - heardAt < BEATS_OF_SILENCE * heartbeatMillis) {
            tell(HEARTBEAT)
            if ((yield* awaitWithin(listening, heartbeatMillis, timers)) !== undefined) return
          }
        }),
      leave,
    )
    const again = Effect.zipRight(
      timers.sleep(RECONNECT_MILLIS),
      Effect.sync(() => onHint()),
    )
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(supervise, again)))

    return { tell: (hint) => tell(prefix(hint)) }
  })
