/**
 * Carries out what `DeliveryState` decides: the sockets, timers and buffer reads around the state machine.
 *
 * Memory is bounded whatever the backlog: chunks are read from the buffer a few at a time, and no more of them
 * while the socket still holds some. Acknowledgements are gathered for a moment, so that a quick server does
 * not make a disk commit each; until they are applied the chunks are merely still there.
 */
import { Bundle, type FrameError, type SensorKind, TelemetryFrame } from "@paceline/core/wire"
import type { ChunkBuffer, Position, StoredItem } from "../buffer/ChunkBuffer.ts"
import type { Connection, Dial } from "./Connection.ts"
import { type DeliveryState, initial, step, wakeAt } from "./DeliveryState.ts"
import { LiveReadings } from "./LiveReadings.ts"
import type { Command, DeliveryLimits, Input, SentChunk } from "./Protocol.ts"

export interface DeliveryOptions {
  /** The full address of the telemetry door. */
  readonly url: string
  readonly deviceId: string
  readonly key: string
  readonly buffer: ChunkBuffer
  /** The kinds that go out in live frames. */
  readonly liveKinds: ReadonlyArray<SensorKind.SensorKind>
  readonly dial: Dial
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

/** Acknowledgements are applied together after this long. */
const ACKNOWLEDGE_MILLIS = 20

/** Incarnations named in a hello. More than that wait only after a thousand restarts without a network. */
const MAX_NAMED = 1_000

export class Delivery {
  readonly #options: DeliveryOptions
  readonly #live: LiveReadings
  #state: DeliveryState = initial
  #connection: Connection | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #acknowledged = new Map<string, number>()
  #acknowledgeTimer: ReturnType<typeof setTimeout> | undefined
  deliveredChunks = 0
  quarantinedChunks = 0
  /** Wall clock of the last acknowledgement, milliseconds since the epoch. */
  lastAckAtMs: number | null = null

  constructor(options: DeliveryOptions) {
    this.#options = options
    this.#live = new LiveReadings(options.liveKinds)
  }

  get state(): DeliveryState {
    return this.#state
  }

  start(): void {
    this.#give({ _tag: "Start" })
  }

  /** The buffer has new chunks. */
  appended(): void {
    this.#give({ _tag: "Appended" })
  }

  /** A reading arrived at `sensedAtMs`, wall clock. It is only for those who watch now: without a connection it is let go. */
  sensed(sensor: string, kind: SensorKind.SensorKind, atMillis: number, value: number, sensedAtMs: number): void {
    if (this.#state.link._tag !== "Streaming") return
    if (this.#live.add(sensor, kind, atMillis, value, sensedAtMs)) this.#give({ _tag: "Sensed" })
  }

  /** The buffer was replaced by a fresh one: all that was known of its chunks is void. */
  restart(reason: string): void {
    this.#acknowledged.clear()
    this.#give({ _tag: "Lost", connection: this.#state.connection, reason })
  }

  /** Hangs up and applies the acknowledgements that came in. */
  stop(): void {
    this.#give({ _tag: "Stop" })
    clearTimeout(this.#timer)
    this.#applyAcknowledgements()
    clearTimeout(this.#acknowledgeTimer)
  }

  #give(input: Input): void {
    const before = this.#state
    const { state, commands } = step(before, input, {
      now: performance.now(),
      random: Math.random(),
      limits: this.#options.limits,
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
    const wait = Math.max(0, Math.ceil(at - performance.now()))
    this.#timer = setTimeout(() => this.#give({ _tag: "Tick" }), wait)
  }

  #carryOut(command: Command): void {
    switch (command._tag) {
      case "Dial":
        void this.#dial(command.connection)
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
        this.#sendChunks(command.after, command.limit, command.budgetBytes)
        return
      case "SendLive":
        this.#sendLive()
        return
      case "SendHeartbeat":
        this.#send({ _tag: "Heartbeat", echo: command.echo })
        return
      case "Acknowledge": {
        const { incarnation, n } = command
        this.#acknowledged.set(incarnation, Math.max(n, this.#acknowledged.get(incarnation) ?? 0))
        this.lastAckAtMs = Date.now()
        this.#acknowledgeTimer ??= setTimeout(() => this.#applyAcknowledgements(), ACKNOWLEDGE_MILLIS)
        return
      }
      case "Quarantine":
        this.#quarantine(command)
        return
    }
  }

  async #dial(connection: number): Promise<void> {
    try {
      const dialled = await this.#options.dial(this.#options.url, {
        opened: () => this.#give({ _tag: "Opened", connection }),
        received: (bytes) => this.#give({ _tag: "Received", connection, frame: decode(bytes) }),
        lost: (reason) => this.#lost(connection, reason),
      })
      if (connection === this.#state.connection && this.#state.link._tag === "Dialling") this.#connection = dialled
      else dialled.hangUp()
    } catch (thrown) {
      this.#lost(connection, messageOf(thrown))
    }
  }

  #lost(connection: number, detail: string): void {
    this.#give({ _tag: "Lost", connection, reason: `No connection to ${this.#options.url}: ${detail}.` })
  }

  #send(frame: TelemetryFrame.TelemetryFrame): void {
    try {
      this.#connection?.send(TelemetryFrame.encode(frame))
    } catch (thrown) {
      this.#lost(this.#state.connection, messageOf(thrown))
    }
  }

  #sendHello(): void {
    const { deviceId, key } = this.#options
    const { connection } = this.#state
    this.#applyAcknowledgements()
    this.#reading(({ buffer }) => {
      this.#send({ _tag: "Hello", deviceId, key, waiting: buffer.waiting(MAX_NAMED) })
      this.#give({ _tag: "Greeted", connection, own: buffer.own })
    })
  }

  #sendChunks(from: Position | null, limit: number, budgetBytes: number): void {
    const { connection } = this.#state
    this.#reading(({ buffer }) => {
      const chunks: Array<SentChunk> = []
      let after = from
      let bytes = 0
      let congested = false
      for (let more = true; more && !congested; ) {
        const page = buffer.page(after, Math.min(PAGE, limit - chunks.length))
        for (const item of page) {
          if (this.#connection === null) return
          congested = this.#connection.bufferedBytes > MAX_BUFFERED_BYTES
          if (congested || bytes >= budgetBytes) break
          const { opened, incarnation, n } = item
          const size = item._tag === "Chunk" ? item.payload.length : GAP_BYTES
          this.#send(frameOf(item))
          after = { opened, n }
          bytes += size
          chunks.push({ opened, incarnation, n, bytes: size })
        }
        more = page.length === PAGE && chunks.length < limit && bytes < budgetBytes
      }
      if (chunks.length > 0 || congested) this.#give({ _tag: "Sent", connection, chunks, congested })
    })
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

  /** Deletes what was acknowledged. What cannot be deleted now, on a full disk, is tried again with the next. */
  #applyAcknowledgements(): void {
    clearTimeout(this.#acknowledgeTimer)
    this.#acknowledgeTimer = undefined
    if (this.#acknowledged.size === 0) return
    try {
      for (const [incarnation, n] of this.#acknowledged) {
        this.deliveredChunks += this.#options.buffer.acknowledge(incarnation, n)
        this.#acknowledged.delete(incarnation)
      }
    } catch (thrown) {
      this.#options.onBufferError(thrown)
      this.#acknowledgeTimer = setTimeout(() => this.#applyAcknowledgements(), 50 * ACKNOWLEDGE_MILLIS)
    }
    this.#options.onChange()
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

/** What a gap takes of the budget. */
const GAP_BYTES = 64

const frameOf = (item: StoredItem): TelemetryFrame.TelemetryFrame => {
  const { _tag, incarnation } = item
  if (_tag === "Chunk") return { _tag, incarnation, n: item.n, crc: item.crc, payload: item.payload }
  const { first, fromMillis, last, reason, samples, toMillis } = item
  return { _tag, incarnation, first, last, samples, fromMillis, toMillis, reason }
}

const decode = (bytes: Uint8Array | null): TelemetryFrame.TelemetryFrame | FrameError =>
  bytes === null ? { _tag: "FrameError", reason: "malformed", detail: "a text message" } : TelemetryFrame.decode(bytes)

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
