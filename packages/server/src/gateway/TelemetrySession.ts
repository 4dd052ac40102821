/**
 * One connection of a bridge: greeting, then chunks, gaps and live readings, until either side ends it.
 *
 * What waits to be stored is bounded: by a number of chunks for every bridge, and by bytes for those that know of
 * credit, which is given anew only for what was stored. So a slow disk slows bridges down, and no more.
 *
 * Chunks keep their order. All that arrive while others are being stored go into the next unit of work together,
 * and only what is durable is acknowledged. What a bridge sends wrong is answered with a `Problem` in words before
 * the connection ends; nothing the bridge buffers is lost by it.
 */
import type { DeviceId, TooManyRequests } from "@paceline/core/contract"
import { type ClockQuality, Credit } from "@paceline/core/kernel"
import { type FrameError, TelemetryFrame } from "@paceline/core/wire"
import { Cause, Effect, Exit } from "effect"
import { type Delivery, type Item, isIncarnation, MOST_MISSING } from "../contexts/devices/Model.ts"
import type { Receipt } from "../contexts/devices/Receiving.ts"
import type { Devices } from "../contexts/devices/Service.ts"
import type { Keys } from "../contexts/identity/Service.ts"
import { CloseCode, type Connection } from "./Connection.ts"
import type { NotStored, Sender } from "./Gathering.ts"

/** What a session needs of its door. */
export interface Surroundings {
  readonly devices: Devices
  readonly keys: Keys
  /** Stores what the session has when it is its turn. */
  readonly store: (session: TelemetrySession) => void
  /** Counts a wrong key from an address; fails when there were too many. */
  readonly countWrongKey: (address: string) => Effect.Effect<void, TooManyRequests>
  /** So many chunks may be on their way without an acknowledgement. */
  readonly window: number
  /** So many bytes may be on their way, of a bridge that knows of credit. */
  readonly share: () => number
  /** How long a key that was looked up is believed, milliseconds. */
  readonly keyCheckMillis: number
  /** The wall clock, milliseconds since the epoch. */
  readonly now: () => number
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
  | {
      readonly _tag: "Open"
      readonly deviceId: DeviceId
      readonly key: string
      /** The bridge's clocks at its hello, and this server's. */
      readonly hello: ClockQuality.Reference | null
    }
  | { readonly _tag: "Closed" }

const { features } = TelemetryFrame

/** What this server understands. */
const SPOKEN: ReadonlyArray<string> = [features.gap, features.credit]

/** A bridge opens one incarnation at each start; whoever has more than this many waiting is not a bridge. */
const MOST_INCARNATIONS = 10_000

/** The longest reason of a gap, characters. */
const LONGEST_REASON = 64

const UNAVAILABLE = "The server cannot store anything now. Keep your chunks, and connect again in a moment."

/** A store that could not is given this long before a bridge comes again, milliseconds. */
const UNAVAILABLE_MILLIS = 2_000

export class TelemetrySession implements Sender {
  readonly #connection: Connection
  readonly #door: Surroundings
  #phase: Phase = { _tag: "Greeting" }
  #waiting: Array<Item> = []
  #waitingBytes = 0
  /** In line to be asked for what waits. */
  #isInLine = false
  /** How many chunks and gaps are being stored now, and their bytes. */
  #storing = 0
  #storingBytes = 0
  #draining = false
  /** Null for a bridge that does not know of it. */
  #credit: Credit.Credit | null = null
  #keyCheckedAtMs = 0
  #settled: Array<() => void> = []

  constructor(connection: Connection, door: Surroundings) {
    this.#connection = connection
    this.#door = door
  }

  receive(bytes: Uint8Array): void {
    if (this.#phase._tag === "Closed") return
    const fault = this.#handle(TelemetryFrame.decode(bytes), bytes.length)
    if (fault !== undefined) this.#refuse("malformed", fault)
    else if (this.#phase._tag === "Open") this.#checkKey(this.#phase.deviceId, this.#phase.key)
  }

  /** Resolves when nothing that came before is being looked at or stored, or the session is over. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#settled.push(resolve)
      this.#tellSettled()
    })
  }

  /** Whether it is a connection that stays. */
  get lasts(): boolean {
    return this.#connection.lasts
  }

  get isOpen(): boolean {
    return this.#phase._tag === "Open"
  }

  /** What is wrong with the frame, if anything. */
  #handle(frame: TelemetryFrame.TelemetryFrame | FrameError, bytes: number): string | undefined {
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
        return phase._tag === "Open" ? this.#accept(frame, bytes) : "a chunk before the welcome"
      case "Gap":
        return phase._tag === "Open" ? this.#accept(frame, bytes) : "a gap before the welcome"
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
    this.#tellSettled()
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

  #refuseForNow(message: string, retryAfterMillis: number): void {
    this.#send({ _tag: "Problem", code: "unavailable", message, retryAfterMillis })
    this.end(CloseCode.TryAgainLater)
  }

  #sendAway(): Effect.Effect<void> {
    return Effect.sync(() => this.#refuseForNow(UNAVAILABLE, UNAVAILABLE_MILLIS))
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
      onFailure: (error) => Effect.sync(() => this.#refuseForNow(error.message, error.retryAfterSeconds * 1_000)),
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
      const { devices, keys, now, share, window } = this.#door
      const actor = yield* keys.resolve(hello.key)
      if (actor._tag !== "Device" || actor.deviceId !== hello.deviceId) return yield* this.#unauthorized(hello.deviceId)
      if (this.#phase._tag === "Closed") return
      const { deviceId } = actor
      this.#phase = { _tag: "Checking", deviceId }
      this.#door.enter(deviceId, this)
      const marks = yield* devices.connect(deviceId, waiting)
      yield* Effect.sync(() => {
        this.#keyCheckedAtMs = now()
        if (hello.speaks?.includes(features.credit) === true) this.#credit = Credit.open(share())
        const credit = this.#credit === null ? {} : { credit: this.#credit.granted }
        const reference = hello.clock === undefined ? null : { reading: hello.clock, receivedAtMs: now() }
        const open: Phase = { _tag: "Open", deviceId, key: hello.key, hello: reference }
        this.#open(open, { _tag: "Welcome", marks, window, speaks: SPOKEN, ...credit })
      })
      const said = "A bridge connected."
      yield* (this.#connection.lasts ? Effect.logInfo(said) : Effect.logDebug(said)).pipe(
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
  #open(phase: Extract<Phase, { readonly _tag: "Open" }>, welcome: TelemetryFrame.Welcome): void {
    if (this.#phase._tag === "Closed") {
      this.#door.leave(phase.deviceId, this)
    } else {
      this.#phase = phase
      this.#send(welcome)
      this.#tellSettled()
    }
  }

  /** A key that was revoked meanwhile ends the session: it is looked up again now and then. */
  #checkKey(deviceId: DeviceId, key: string): void {
    const nowMs = this.#door.now()
    if (nowMs - this.#keyCheckedAtMs < this.#door.keyCheckMillis) return
    this.#keyCheckedAtMs = nowMs
    this.#door.run(
      this.#door.keys.resolve(key).pipe(
        Effect.asVoid,
        Effect.catchTags({
          Unauthorized: () => this.#unauthorized(deviceId),
          // Whoever cannot be looked up now was known before.
          Unavailable: () => Effect.void,
        }),
      ),
    )
  }

  #accept(item: Item, bytes: number): string | undefined {
    if (this.#draining) return
    const charged = this.#credit === null ? null : Credit.charge(this.#credit, bytes)
    if (charged === null && this.#credit !== null) return `more than the ${this.#credit.granted} bytes of credit`
    this.#credit = charged
    const first = item._tag === "Gap" ? item.first : item.n
    if (!isIncarnation(item.incarnation) || first < 1) return "no such incarnation or number"
    if (item._tag === "Gap" && (item.last - first >= MOST_MISSING || item.reason.length > LONGEST_REASON)) {
      return `a gap of more than ${MOST_MISSING} chunks, or a reason of more than ${LONGEST_REASON} characters`
    }
    if (this.#waiting.length + this.#storing >= this.#door.window) {
      return `more than ${this.#door.window} chunks without an acknowledgement`
    }
    this.#waiting.push(item)
    this.#waitingBytes += bytes
    this.#standInLine()
    return
  }

  /** Whatever waits is stored when it is this session's turn; what comes after that, the next time. */
  #standInLine(): void {
    if (this.#isInLine || this.#storing > 0 || this.#waiting.length === 0) return
    this.#isInLine = true
    this.#door.store(this)
  }

  get waiting(): number {
    return this.#waiting.length
  }

  take(): Delivery {
    const phase = this.#phase
    if (phase._tag !== "Open") throw new Error("A session that is not open has nothing to store")
    const items = this.#waiting
    this.#storing = items.length
    this.#storingBytes = this.#waitingBytes
    this.#isInLine = false
    this.#waiting = []
    this.#waitingBytes = 0
    return { deviceId: phase.deviceId, items, hello: phase.hello }
  }

  told(exit: Exit.Exit<Receipt, NotStored>): void {
    if (Exit.isSuccess(exit)) this.#answer(exit.value, this.#storingBytes)
    else if (Cause.isDie(exit.cause)) this.#door.run(this.#failed(exit.cause))
    else this.#refuseForNow(UNAVAILABLE, UNAVAILABLE_MILLIS)
    this.#storing = 0
    if (this.#draining) this.end(CloseCode.GoingAway)
    else this.#standInLine()
    this.#tellSettled()
  }

  #tellSettled(): void {
    if (this.#settled.length === 0) return
    const busy = this.#phase._tag === "Checking" || this.#storing > 0 || this.#waiting.length > 0
    if (busy && this.#phase._tag !== "Closed") return
    for (const resolve of this.#settled.splice(0)) resolve()
  }

  #answer({ acknowledged, outOfOrder, setAside }: Receipt, bytes: number): void {
    for (const { chunk, reason } of setAside) {
      this.#send({ _tag: "Quarantined", incarnation: chunk.incarnation, n: chunk.n, reason })
    }
    for (const { incarnation, n } of acknowledged) this.#send({ _tag: "Ack", incarnation, n })
    this.#settle(bytes)
    if (outOfOrder === null) return
    const { expected, incarnation, provided } = outOfOrder
    const message = `Chunk ${provided} of ${incarnation} came before chunk ${expected}. Connect again, from there.`
    this.#refuse("out-of-order", message, CloseCode.OutOfOrder)
  }

  /** So many bytes are stored, and others may come. */
  #settle(bytes: number): void {
    if (this.#credit === null) return
    const { credit, grant } = Credit.settle(this.#credit, bytes, this.#door.share())
    this.#credit = credit
    if (grant !== null) this.#send({ _tag: "Credit", bytes: grant })
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
