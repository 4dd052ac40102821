/**
 * One connection of a bridge: greeting, then chunks and live readings, until either side ends it.
 *
 * Chunks keep their order. All that arrive while others are being stored go into the next unit of work together,
 * and only what is durable is acknowledged. What a bridge sends wrong is answered with a `Problem` in words before
 * the connection ends; nothing the bridge buffers is lost by it.
 */
import type { Bulkhead } from "@paceline/core/concurrency"
import type { DeviceId, TooManyRequests, Unavailable } from "@paceline/core/contract"
import { type FrameError, TelemetryFrame } from "@paceline/core/wire"
import { type Cause, Effect } from "effect"
import { type Item, isIncarnation, MOST_MISSING } from "../contexts/devices/Model.ts"
import type { Devices, Receipt } from "../contexts/devices/Service.ts"
import type { Keys } from "../contexts/identity/Service.ts"
import { CloseCode, type Connection } from "./Connection.ts"

/** What a session needs of its door. */
export interface Surroundings {
  readonly devices: Devices
  readonly keys: Keys
  /** Stores chunks and gaps when it is their turn. */
  readonly store: (
    deviceId: DeviceId,
    items: ReadonlyArray<Item>,
  ) => Effect.Effect<Receipt, Unavailable | Bulkhead.BulkheadFull | Bulkhead.BulkheadWaitExceeded>
  /** Counts a wrong key from an address; fails when there were too many. */
  readonly countWrongKey: (address: string) => Effect.Effect<void, TooManyRequests>
  /** So many chunks may be on their way without an acknowledgement. */
  readonly window: number
  /** Runs an effect of this session; the door waits for it when it closes. */
  readonly run: (effect: Effect.Effect<void>) => void
  /** This session now speaks for the device. */
  readonly enter: (deviceId: DeviceId, session: TelemetrySession) => void
  /** This session no longer does. */
  readonly leave: (deviceId: DeviceId, session: TelemetrySession) => void
}

type Phase =
  | { readonly _tag: "Greeting" }
  /** The hello came and is being looked at. */
  | { readonly _tag: "Checking"; readonly deviceId: DeviceId | null }
  | { readonly _tag: "Open"; readonly deviceId: DeviceId }
  | { readonly _tag: "Closed" }

/** A bridge opens one incarnation at each start; whoever has more than this many waiting is not a bridge. */
const MOST_INCARNATIONS = 10_000

const LONGEST_REASON = 64

const UNAVAILABLE = "The server cannot store anything now. Keep your chunks, and connect again in a moment."

export class TelemetrySession {
  readonly #connection: Connection
  readonly #door: Surroundings
  #phase: Phase = { _tag: "Greeting" }
  #waiting: Array<Item> = []
  /** How many chunks and gaps are being stored now. */
  #storing = 0
  #draining = false

  constructor(connection: Connection, door: Surroundings) {
    this.#connection = connection
    this.#door = door
  }

  receive(bytes: Uint8Array): void {
    if (this.#phase._tag === "Closed") return
    const fault = this.#handle(TelemetryFrame.decode(bytes))
    if (fault !== undefined) this.#refuse("malformed", fault)
  }

  /** What is wrong with the frame, if anything. */
  #handle(frame: TelemetryFrame.TelemetryFrame | FrameError): string | undefined {
    const phase = this.#phase
    switch (frame._tag) {
      case "FrameError":
        if (frame.reason !== "unknown-version") return frame.detail
        this.#refuse("unknown-version", frame.detail)
        return
      case "Heartbeat":
        if (!frame.echo) this.#send({ _tag: "Heartbeat", echo: true })
        return
      case "Hello":
        return phase._tag === "Greeting" ? this.#greet(frame) : "a second hello"
      case "Chunk":
        return phase._tag === "Open" ? this.#take(frame, phase.deviceId) : "a chunk before the welcome"
      case "Gap":
        return phase._tag === "Open" ? this.#take(frame, phase.deviceId) : "a gap before the welcome"
      case "Live":
        return phase._tag === "Open" ? this.#show(frame, phase.deviceId) : "live readings before the welcome"
      default:
        return `a ${frame._tag} frame is for the server to send`
    }
  }

  /** The connection is gone, or is to be ended with this code. */
  end(code?: CloseCode): void {
    const phase = this.#phase
    if (phase._tag === "Closed") return
    this.#phase = { _tag: "Closed" }
    this.#waiting = []
    if (code !== undefined) this.#connection.close(code)
    if (phase._tag !== "Greeting" && phase.deviceId !== null) this.#door.leave(phase.deviceId, this)
  }

  /** Another connection speaks for the device from now on. */
  supersede(): void {
    this.#refuse("superseded", "This device connected anew; the newest connection counts.", CloseCode.Superseded)
  }

  /** Ends a connection that has not said hello. */
  hurry(): void {
    if (this.#phase._tag === "Greeting") this.#refuse("malformed", "no hello came in time", CloseCode.HelloTimeout)
  }

  /** Takes nothing more in; what is being stored is still acknowledged. */
  drain(): void {
    this.#draining = true
    this.#waiting = []
    if (this.#storing === 0) this.end(CloseCode.GoingAway)
  }

  #send(frame: TelemetryFrame.TelemetryFrame): void {
    if (this.#phase._tag !== "Closed") this.#connection.send(TelemetryFrame.encode(frame))
  }

  #refuse(code: TelemetryFrame.ProblemCode, message: string, close: CloseCode = CloseCode.BadFrame): void {
    this.#send({ _tag: "Problem", code, message })
    this.end(close)
  }

  #sendAway(): Effect.Effect<void> {
    return Effect.sync(() => this.#refuse("unavailable", UNAVAILABLE, CloseCode.TryAgainLater))
  }

  #failed(cause: Cause.Cause<unknown>): Effect.Effect<void> {
    return Effect.zipRight(
      Effect.logError("A bridge was sent away because something failed inside.", cause),
      this.#sendAway(),
    )
  }

  #unauthorized(deviceId: string): Effect.Effect<void> {
    const { address } = this.#connection
    const message = `This is not the key of device "${deviceId}".`
    return Effect.matchEffect(this.#door.countWrongKey(address), {
      onFailure: (error) => Effect.sync(() => this.#refuse("unavailable", error.message, CloseCode.TryAgainLater)),
      onSuccess: () =>
        Effect.logWarning("A bridge came with a wrong key.").pipe(
          Effect.annotateLogs({ deviceId: deviceId.slice(0, 64), address }),
          Effect.zipRight(Effect.sync(() => this.#refuse("unauthorized", message, CloseCode.Unauthorized))),
        ),
    })
  }

  #greet(hello: TelemetryFrame.Hello): string | undefined {
    const { waiting } = hello
    if (waiting.length > MOST_INCARNATIONS) return `more than ${MOST_INCARNATIONS} incarnations`
    if (!waiting.every(({ incarnation }) => isIncarnation(incarnation))) {
      return "an incarnation's name is 1 to 64 letters, digits, - and _"
    }
    this.#phase = { _tag: "Checking", deviceId: null }
    const welcome = Effect.gen(this, function* () {
      const { devices, keys, window } = this.#door
      const actor = yield* keys.resolve(hello.key)
      if (actor._tag !== "Device" || actor.deviceId !== hello.deviceId) return yield* this.#unauthorized(hello.deviceId)
      if (this.#phase._tag === "Closed") return
      const { deviceId } = actor
      this.#phase = { _tag: "Checking", deviceId }
      this.#door.enter(deviceId, this)
      const marks = yield* devices.connect(deviceId, waiting)
      yield* Effect.sync(() =>
        this.#open(deviceId, { _tag: "Welcome", marks, window, speaks: [TelemetryFrame.features.gap] }),
      )
      yield* Effect.logInfo("A bridge connected.").pipe(
        Effect.annotateLogs({ deviceId, incarnationsWaiting: waiting.length }),
      )
    })
    this.#door.run(
      welcome.pipe(
        Effect.catchTags({
          Unauthorized: () => this.#unauthorized(hello.deviceId),
          Unavailable: () => this.#sendAway(),
        }),
        Effect.catchAllCause((cause) => this.#failed(cause)),
      ),
    )
    return
  }

  /** Unless the connection went while the hello was looked at. */
  #open(deviceId: DeviceId, welcome: TelemetryFrame.Welcome): void {
    if (this.#phase._tag === "Closed") {
      this.#door.leave(deviceId, this)
    } else {
      this.#phase = { _tag: "Open", deviceId }
      this.#send(welcome)
    }
  }

  #take(item: Item, deviceId: DeviceId): string | undefined {
    if (this.#draining) return
    const first = item._tag === "Gap" ? item.first : item.n
    if (!isIncarnation(item.incarnation) || first < 1) return "no such incarnation or number"
    if (item._tag === "Gap" && (item.last - first >= MOST_MISSING || item.reason.length > LONGEST_REASON)) {
      return `a gap of more than ${MOST_MISSING} chunks, or a reason of more than ${LONGEST_REASON} characters`
    }
    if (this.#waiting.length + this.#storing >= this.#door.window) {
      return `more than ${this.#door.window} chunks without an acknowledgement`
    }
    this.#waiting.push(item)
    if (this.#storing === 0) this.#store(deviceId)
    return
  }

  /** Stores what waits, until nothing waits. */
  #store(deviceId: DeviceId): void {
    const items = this.#waiting
    this.#waiting = []
    this.#storing = items.length
    this.#door.run(
      this.#door.store(deviceId, items).pipe(
        Effect.tap((receipt) => Effect.sync(() => this.#answer(receipt))),
        Effect.catchAll(() => this.#sendAway()),
        Effect.catchAllCause((cause) => this.#failed(cause)),
        Effect.ensuring(
          Effect.sync(() => {
            this.#storing = 0
            if (this.#draining) this.end(CloseCode.GoingAway)
            else if (this.#waiting.length > 0) this.#store(deviceId)
          }),
        ),
      ),
    )
  }

  #answer({ acknowledged, outOfOrder, setAside }: Receipt): void {
    for (const { chunk, reason } of setAside) {
      this.#send({ _tag: "Quarantined", incarnation: chunk.incarnation, n: chunk.n, reason })
    }
    for (const { incarnation, n } of acknowledged) this.#send({ _tag: "Ack", incarnation, n })
    if (outOfOrder === null) return
    const { expected, incarnation, provided } = outOfOrder
    const message = `Chunk ${provided} of ${incarnation} came before chunk ${expected}. Connect again, from there.`
    this.#refuse("out-of-order", message, CloseCode.OutOfOrder)
  }

  #show({ payload, sensedAtMs }: TelemetryFrame.Live, deviceId: DeviceId): string | undefined {
    const atMs = Math.round(sensedAtMs)
    if (!Number.isSafeInteger(atMs)) return "sensedAtMs is no time"
    const error = this.#door.devices.showLive(deviceId, atMs, payload)
    // Only the screen misses something, and chunks must go on flowing: so the connection stays.
    if (error !== null) this.#send({ _tag: "Problem", code: "malformed", message: `live readings: ${error.detail}` })
    return
  }
}
