/**
 * Carries out what `DeliveryState` decides: the sockets, timers and buffer reads around the state machine.
 *
 * Memory is bounded whatever the backlog: chunks are read from the buffer a few at a time, and no more of them
 * while the socket still holds some.
 */
import { Bundle, type FrameError, type SensorKind, TelemetryFrame } from "@paceline/core/wire"
import { LONGEST_TIMER_MILLIS } from "../bridge/LongestTimer.ts"
import type { ChunkBuffer, StoredItem } from "../buffer/ChunkBuffer.ts"
import { readClock } from "../buffer/DeviceClock.ts"
import { Acknowledgements } from "./Acknowledgements.ts"
import type { Connection, Dial } from "./Connection.ts"
import { type DeliveryState, initial, step, wakeAt } from "./DeliveryState.ts"
import { LiveReadings } from "./LiveReadings.ts"
import type { Command, DeliveryLimits, Input, Power, SentChunk, Transport } from "./Protocol.ts"

/** The device's key, or who gives it: asked at each connection, and again when the server refused what it gave. */
export type KeySource = string | (() => string | Promise<string>)

export interface DeliveryOptions {
  /** The full address of the telemetry door. */
  readonly url: string
  readonly deviceId: string
  readonly key: KeySource
  readonly buffer: ChunkBuffer
  /** The kinds that go out in live frames. */
  readonly liveKinds: ReadonlyArray<SensorKind.SensorKind>
  /** How a connection is made over each transport. */
  readonly dial: Readonly<Record<Transport, Dial>>
  readonly limits: DeliveryLimits
  /** The state has changed, or chunks have left the buffer. */
  readonly onChange: () => void
  readonly onQuarantined: (chunk: { readonly incarnation: string; readonly n: number; readonly reason: string }) => void
  /** The buffer would not delete or read; it is tried again. */
  readonly onBufferError: (error: unknown) => void
}

/** A socket that holds more than this, in bytes, is given no more for a while. */
const MAX_BUFFERED_BYTES = 64 * 1024

/** Chunks read from the buffer at a time. */
const PAGE = 16

/** Incarnations named in a hello. More than that wait only after a thousand restarts without a network. */
const MAX_NAMED = 1_000

export class Delivery {
  readonly #options: DeliveryOptions
  readonly #live: LiveReadings
  #state: DeliveryState = initial
  #connection: Connection | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #acknowledgements: Acknowledgements
  /** The key of the connection that is being made. */
  #key = ""
  /** The connection that a key is asked for at this moment. */
  #keyAskedFor: number | null = null
  /** Chunks are being read and sent; and something was appended meanwhile, by who answers an event of the buffer. */
  #sending = false
  #appendedMeanwhile = false
  quarantinedChunks = 0
  /** Wall clock of the last acknowledgement, milliseconds since the epoch. */
  lastAckAtMs: number | null = null

  constructor(options: DeliveryOptions) {
    this.#options = options
    this.#live = new LiveReadings(options.liveKinds)
    this.#acknowledgements = new Acknowledgements(options.buffer, options.onChange, options.onBufferError)
  }

  get deliveredChunks(): number {
    return this.#acknowledgements.chunks
  }

  get state(): DeliveryState {
    return this.#state
  }

  start(): void {
    this.#give({ _tag: "Start" })
  }

  /** The buffer has new chunks. */
  appended(): void {
    this.#appendedMeanwhile = this.#sending
    // The machine does not know yet what of this page went out, and would have it sent again.
    if (this.#sending) return
    const waits = this.#state.link._tag === "Resting"
    this.#give({ _tag: "Appended", waitingBytes: waits ? this.#options.buffer.backlog().bytes : 0 })
  }

  setPower(power: Power): void {
    this.#give({ _tag: "Power", power })
  }

  /** Somebody waits for what is in the buffer: in low power it goes out now. */
  hurry(): void {
    this.#give({ _tag: "Hurry" })
  }

  /** A reading arrived at `sensedAtMs`, wall clock. It is only for those who watch now: without a connection it is let go. */
  sensed(sensor: string, kind: SensorKind.SensorKind, atMillis: number, value: number, sensedAtMs: number): void {
    if (this.#state.link._tag !== "Streaming" || this.#state.power === "low") return
    if (this.#live.add(sensor, kind, atMillis, value, sensedAtMs)) this.#give({ _tag: "Sensed" })
  }

  /** The buffer was replaced by a fresh one: all that was known of its chunks is void. */
  restart(reason: string): void {
    this.#acknowledgements.forget()
    this.#give({ _tag: "Lost", connection: this.#state.connection, reason })
  }

  /** Hangs up and applies the acknowledgements that came in. */
  stop(): void {
    this.#give({ _tag: "Stop" })
    clearTimeout(this.#timer)
    this.#acknowledgements.apply()
    this.#acknowledgements.stop()
  }

  #give(input: Input): void {
    const before = this.#state
    const { state, commands } = step(before, input, {
      now: performance.now(),
      random: Math.random(),
      limits: this.#options.limits,
      renewsKey: typeof this.#options.key !== "string",
    })
    this.#state = state
    for (const command of commands) this.#carryOut(command)
    this.#schedule()
    if (this.#state.link._tag !== before.link._tag) this.#options.onChange()
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    const at = wakeAt(this.#state, this.#options.limits)
    if (at === null) return
    // A timer may fire early by a fraction of a millisecond, and would then have to be set again.
    const wait = Math.min(LONGEST_TIMER_MILLIS, Math.max(0, Math.ceil(at - performance.now())))
    this.#timer = setTimeout(() => this.#tick(), wait)
  }

  #tick(): void {
    const { connection, link } = this.#state
    const { deadMillis } = this.#options.limits
    if (link._tag === "Dialling" && this.#keyAskedFor === connection && performance.now() >= link.since + deadMillis) {
      this.#noKey(connection, `it did not come within ${deadMillis / 1_000} s`)
    } else this.#give({ _tag: "Tick" })
  }

  #carryOut(command: Command): void {
    switch (command._tag) {
      case "Dial":
        void this.#dial(command.connection, command.transport)
        return
      case "HangUp":
        this.#connection?.hangUp()
        this.#connection = null
        this.#live.take()
        return
      case "SendHello":
        this.#sendHello()
        return
      case "SendChunks":
        this.#sendChunks(command)
        return
      case "SendLive":
        this.#sendLive()
        return
      case "SendHeartbeat":
        this.#send({ _tag: "Heartbeat", echo: command.echo })
        return
      case "Acknowledge":
        this.#acknowledgements.add(command.incarnation, command.n)
        this.lastAckAtMs = Date.now()
        return
      case "Quarantine":
        this.#quarantine(command)
        return
    }
  }

  async #dial(connection: number, transport: Transport): Promise<void> {
    const wanted = (): boolean => connection === this.#state.connection && this.#state.link._tag === "Dialling"
    const { dial, key, url } = this.#options
    let given: string
    try {
      this.#keyAskedFor = connection
      given = typeof key === "string" ? key : await key()
    } catch (thrown) {
      this.#noKey(connection, messageOf(thrown))
      return
    } finally {
      if (this.#keyAskedFor === connection) this.#keyAskedFor = null
    }
    // One that came late is perhaps no more what the next attempt was given.
    if (!wanted()) return
    this.#key = given
    try {
      const dialled = await dial[transport](url, {
        opened: () => this.#give({ _tag: "Opened", connection }),
        received: (bytes) => this.#give({ _tag: "Received", connection, frame: decode(bytes) }),
        lost: (reason, retryAfterMillis) => this.#lost(connection, reason, retryAfterMillis),
      })
      if (wanted()) this.#connection = dialled
      else dialled.hangUp()
    } catch (thrown) {
      this.#lost(connection, messageOf(thrown))
    }
  }

  #noKey(connection: number, why: string): void {
    const reason = `There is no key to connect with: ${why.replace(/\.$/, "")}.`
    this.#give({ _tag: "Lost", connection, reason, code: "no-key" })
  }

  #lost(connection: number, detail: string, retryAfterMillis?: number): void {
    const reason = `No connection to ${this.#options.url}: ${/[.?!]$/.test(detail) ? detail : `${detail}.`}`
    if (retryAfterMillis === undefined) this.#give({ _tag: "Lost", connection, reason })
    else this.#give({ _tag: "Lost", connection, reason, code: "unavailable", retryAfterMillis })
  }

  /** The length of the frame, in bytes. */
  #send(frame: TelemetryFrame.TelemetryFrame): number {
    const bytes = TelemetryFrame.encode(frame)
    try {
      this.#connection?.send(bytes)
    } catch (thrown) {
      this.#lost(this.#state.connection, messageOf(thrown))
    }
    return bytes.length
  }

  #sendHello(): void {
    const { connection, transport } = this.#state
    this.#acknowledgements.apply()
    this.#reading(({ buffer, deviceId }) => {
      const waiting = buffer.waiting(MAX_NAMED)
      const speaks = transport === "http" ? [features.gap] : [features.gap, features.credit]
      this.#send({ _tag: "Hello", deviceId, key: this.#key, waiting, speaks, clock: readClock() })
      this.#give({ _tag: "Greeted", connection, own: buffer.own })
    })
  }

  #sendChunks({ after, budgetBytes, gaps, limit }: Extract<Command, { readonly _tag: "SendChunks" }>): void {
    const { connection } = this.#state
    this.#sending = true
    this.#reading(({ buffer }) => {
      const chunks: Array<SentChunk> = []
      let bytes = 0
      let congested = false
      let drained = false
      let untellable: SentChunk | undefined
      while (!congested && !drained && untellable === undefined && chunks.length < limit && bytes < budgetBytes) {
        const asked = Math.min(PAGE, limit - chunks.length)
        const page = buffer.page(chunks.at(-1) ?? after, asked)
        drained = page.length < asked
        for (const item of page) {
          const { incarnation, n, opened } = item
          if (this.#connection === null) return
          congested = this.#connection.bufferedBytes > MAX_BUFFERED_BYTES
          if (item._tag === "Gap" && !gaps) untellable = { opened, incarnation, n, bytes: 0 }
          if (congested || bytes >= budgetBytes || untellable !== undefined) {
            drained = false
            break
          }
          const length = this.#send(frameOf(item))
          bytes += length
          chunks.push({ opened, incarnation, n, bytes: length })
        }
      }
      this.#sending = false
      const sent = { _tag: "Sent", connection, chunks, congested, drained } as const
      this.#give(untellable === undefined ? sent : { ...sent, untellable })
    })
    this.#sending = false
    if (this.#appendedMeanwhile) this.appended()
  }

  #sendLive(): void {
    if ((this.#connection?.bufferedBytes ?? 0) > MAX_BUFFERED_BYTES) {
      // What is shown live later may as well be newer.
      this.#give({ _tag: "Sensed" })
      return
    }
    const readings = this.#live.take()
    if (readings === null) return
    this.#send({ _tag: "Live", sensedAtMs: readings.sensedAtMs, payload: Bundle.encode(readings.bundle) })
  }

  #quarantine({ incarnation, n, reason }: { incarnation: string; n: number; reason: string }): void {
    this.#reading(({ buffer }) => {
      if (!buffer.quarantine(incarnation, n, reason)) return
      this.quarantinedChunks++
      this.#options.onQuarantined({ incarnation, n, reason })
      this.#options.onChange()
    })
  }

  /** Uses the buffer for a command. If it fails, the connection is given up, so that all is read anew. */
  #reading(action: (options: DeliveryOptions) => void): void {
    try {
      action(this.#options)
    } catch (thrown) {
      this.#options.onBufferError(thrown)
      this.#give({ _tag: "Lost", connection: this.#state.connection, reason: messageOf(thrown) })
    }
  }
}

const { features } = TelemetryFrame

const frameOf = (item: StoredItem): TelemetryFrame.TelemetryFrame => {
  const { _tag, incarnation } = item
  if (_tag === "Chunk") {
    const { clock, crc, n, payload } = item
    return { _tag, incarnation, n, crc, payload, ...(clock === null ? {} : { clock }) }
  }
  const { first, fromMillis, last, reason, samples, toMillis } = item
  return { _tag, incarnation, first, last, samples, fromMillis, toMillis, reason }
}

const decode = (bytes: Uint8Array | null): TelemetryFrame.TelemetryFrame | FrameError =>
  bytes === null ? { _tag: "FrameError", reason: "malformed", detail: "a text message" } : TelemetryFrame.decode(bytes)

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
