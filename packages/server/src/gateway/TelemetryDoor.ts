/**
 * The door that bridges deliver through: `/v1/telemetry`. It keeps the sessions: one for each connection, and for
 * each device only the newest.
 *
 * When the server stops, what is being stored is still stored and acknowledged; then every bridge is told to go,
 * and comes back when there is a server again.
 */
import type { DeviceId } from "@paceline/core/contract"
import { Credit } from "@paceline/core/kernel"
import { Context, Duration, Effect, FiberSet, Layer } from "effect"
import { Devices } from "../contexts/devices/Service.ts"
import { Keys } from "../contexts/identity/Service.ts"
import { Compartments } from "./Compartments.ts"
import { CloseCode, type Connection } from "./Connection.ts"
import { DoorLimits } from "./DoorLimits.ts"
import { Gathering } from "./Gathering.ts"
import { type Surroundings, TelemetrySession } from "./TelemetrySession.ts"

/** What can be set about the door. */
export interface TelemetryDoorOptions {
  /** So many chunks of a bridge may be on their way without an acknowledgement. */
  readonly window: number
  /** How long a bridge's key that was looked up is believed, milliseconds. Default 10 s. */
  readonly keyCheckMillis?: number
}

export class TelemetryDoor extends Context.Tag("paceline/gateway/TelemetryDoor")<
  TelemetryDoor,
  {
    readonly open: (connection: Connection) => TelemetrySession
    /** Call it when the connection is gone. */
    readonly closed: (session: TelemetrySession) => void
    /** Stores and acknowledges what is being stored, then closes all connections. */
    readonly shutdown: Effect.Effect<void>
  }
>() {}

/**
 * What bridges may have on their way: 128 MiB in all, shared equally. A bundle of a second of forty straps is a
 * kilobyte or two, so the least keeps ten thousand of them going.
 */
const SHARES: Credit.Shares = { total: 128 * 1024 * 1024, least: 16 * 1024, most: 256 * 1024 }

/** So many chunks are stored as one unit: some tens of milliseconds of work at most, then others get their turn. */
const MOST_IN_A_UNIT = 1_024

const HELLO_TIMEOUT = Duration.seconds(5)

const KEY_CHECK_MILLIS = 10_000

/** How long closing waits for what is being stored. */
const DRAIN_TIMEOUT = Duration.seconds(3)

const make = (options: TelemetryDoorOptions) =>
  Effect.gen(function* () {
    const devices = yield* Devices
    const keys = yield* Keys
    const { telemetry } = yield* Compartments
    const limits = yield* DoorLimits
    const clock = yield* Effect.clock
    const open = new Set<TelemetrySession>()
    const speaking = new Map<DeviceId, TelemetrySession>()
    const timers = yield* FiberSet.makeRuntime<never>()
    const work = yield* FiberSet.make<void>()
    const run = yield* FiberSet.runtime(work)<never>()

    const gathering = new Gathering({
      store: (take) =>
        telemetry.run(
          Effect.suspend(() => {
            const deliveries = take()
            return deliveries.length === 0 ? Effect.succeed([]) : devices.receive(deliveries)
          }),
        ),
      run,
      mostItems: MOST_IN_A_UNIT,
    })

    const surroundings: Surroundings = {
      devices,
      keys,
      store: (session) => gathering.add(session),
      countWrongKey: (address) => limits.ended({ address, actor: null }, 401),
      window: options.window,
      share: () => Credit.shareOf(SHARES, open.size),
      keyCheckMillis: options.keyCheckMillis ?? KEY_CHECK_MILLIS,
      now: () => clock.unsafeCurrentTimeMillis(),
      run,
      enter: (deviceId, session) => {
        const before = speaking.get(deviceId)
        speaking.set(deviceId, session)
        before?.supersede()
      },
      leave: (deviceId, session) => {
        if (speaking.get(deviceId) === session) speaking.delete(deviceId)
        if (speaking.has(deviceId)) return
        devices.disconnect(deviceId)
        const said = "A bridge disconnected."
        run((session.lasts ? Effect.logInfo(said) : Effect.logDebug(said)).pipe(Effect.annotateLogs({ deviceId })))
      },
    }

    return TelemetryDoor.of({
      open: (connection) => {
        const session = new TelemetrySession(connection, surroundings)
        open.add(session)
        timers(
          Effect.delay(
            Effect.sync(() => session.hurry()),
            HELLO_TIMEOUT,
          ),
        )
        return session
      },
      closed: (session) => {
        session.end()
        open.delete(session)
      },
      shutdown: Effect.gen(function* () {
        for (const session of open) session.drain()
        yield* Effect.timeoutOption(FiberSet.awaitEmpty(work), DRAIN_TIMEOUT)
        for (const session of open) session.end(CloseCode.GoingAway)
      }),
    })
  })

export const layer = (
  options: TelemetryDoorOptions,
): Layer.Layer<TelemetryDoor, never, Compartments | Devices | DoorLimits | Keys> =>
  Layer.scoped(TelemetryDoor, make(options))
