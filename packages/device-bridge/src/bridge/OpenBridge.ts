/**
 * The bridge: a buffer, a delivery, and a timer that flushes. What fails in the background is an event and a
 * part of the status; what fails in answer to a call is thrown there.
 */
import { ChunkBuffer, type Packet, type StoredPacket } from "../buffer/ChunkBuffer.ts"
import { BufferClosed } from "../buffer/Errors.ts"
import { telemetryUrl } from "../delivery/Address.ts"
import { standardDial } from "../delivery/Connection.ts"
import { Delivery, type DeliveryOptions } from "../delivery/Delivery.ts"
import type { Link } from "../delivery/DeliveryState.ts"
import { dialHttp } from "../delivery/HttpConnection.ts"
import { standardLiveKinds } from "../delivery/LiveReadings.ts"
import { type Power, type Problem, standardLimits } from "../delivery/Protocol.ts"
import type { Bridge, BridgeEvent, BridgeOptions, BridgeStatus, RecordOptions, SampleKind } from "./Bridge.ts"
import { Drains } from "./Drains.ts"
import { safely } from "./Listening.ts"
import { LONGEST_TIMER_MILLIS } from "./LongestTimer.ts"
import { type SampleStream, type StreamOptions, sampleStream } from "./SampleStream.ts"
import { DeliveredBefore, flushBy } from "./Suspension.ts"

/** How long samples are gathered. What people watch does not wait for it: live readings go beside. */
const FLUSH_MILLIS = 5_000

/** How long a phone gives an application that goes to sleep. */
const SUSPEND_MILLIS = 5_000

const nothingStored = {
  chunks: 0,
  bytes: 0,
  oldestAtMs: null,
  gaps: 0,
  gapSamples: 0,
  bytesOnDisk: 0,
  packets: 0,
  packetBytes: 0,
}

type Stored = ReturnType<ChunkBuffer["backlog"]> & ReturnType<ChunkBuffer["size"]>

export class OpenBridge implements Bridge {
  readonly #buffer: ChunkBuffer
  /** A new one after each sleep. */
  #delivery: Delivery
  readonly #connect: () => Delivery
  readonly #delivered = new DeliveredBefore()
  readonly #onEvent: (event: BridgeEvent) => void
  readonly #flushMillis: number
  #flushTimer: ReturnType<typeof setInterval> | undefined
  readonly #listeners = new Map<object, (status: BridgeStatus) => void>()
  readonly #drains = new Drains()
  /** As it was last read. */
  #stored: Stored = nothingStored
  #recorded = 0
  #suspended = false
  #suspending: Promise<void> | null = null
  #flushSoon = false
  #power: Power
  #turningAway = false
  #writingProblem: Error | null = null
  #refused: Problem | null = null
  #telling = false
  #last: BridgeStatus | null = null

  constructor(options: BridgeOptions) {
    const { deviceId, key } = options
    const url = telemetryUrl(options.url)
    this.#onEvent = safely(options.onEvent ?? (() => {}))
    this.#flushMillis = options.flushMillis ?? FLUSH_MILLIS
    if (!(this.#flushMillis > 0 && this.#flushMillis <= LONGEST_TIMER_MILLIS)) {
      throw new RangeError(
        `flushMillis is ${this.#flushMillis}: more than 0 and at most ${LONGEST_TIMER_MILLIS} can be.`,
      )
    }
    let opened = false
    this.#buffer = ChunkBuffer.open({
      ...options,
      onEvent: (event) => {
        this.#onEvent(event)
        // While the buffer is being opened it may raise events already.
        if (!opened || event._tag !== "BufferSetAside") return
        this.#drains.startAfresh(this.#buffer.pendingSamples === 0)
        this.#delivery.restart("The buffer was damaged and has been set aside.")
      },
    })
    this.#power = options.power ?? "normal"
    const deliveryOptions: DeliveryOptions = {
      url,
      deviceId,
      key,
      buffer: this.#buffer,
      liveKinds: options.liveKinds ?? standardLiveKinds,
      dial: { websocket: options.dial ?? standardDial, http: dialHttp },
      limits: {
        ...standardLimits,
        ...options.limits,
        ...(options.httpFallback === false ? { webSocketFailures: Number.POSITIVE_INFINITY } : {}),
      },
      onChange: () => this.#changed(),
      onQuarantined: (chunk) => this.#onEvent({ _tag: "ChunkQuarantined", ...chunk }),
      onBufferError: (thrown) => this.#writingFailed(thrown),
    }
    this.#connect = () => {
      const delivery = new Delivery(deliveryOptions)
      delivery.setPower(this.#power)
      return delivery
    }
    this.#delivery = this.#connect()
    opened = true
    this.#awake()
  }

  record(sensor: string, kind: SampleKind, atMillis: number, value: number, options?: RecordOptions): boolean {
    if (!this.#taken(this.#buffer.record(sensor, kind, atMillis, value))) return false
    if (options?.live !== false) this.#delivery.sensed(sensor, kind, atMillis, value, Date.now())
    // Whoever watches wants to see at once who starts and who ends.
    if (kind === "activity") this.#flushAfterThis()
    return true
  }

  stream(options: StreamOptions): SampleStream {
    return sampleStream(
      options,
      (kind) => (sensor, atMillis, value) => this.record(sensor, kind, atMillis, value),
      (stream) => (sensor, atMillis, value) => this.#taken(this.#buffer.recordCustom(sensor, stream, atMillis, value)),
    )
  }

  recordRaw(packet: Packet): boolean {
    if (this.#suspended) this.#flushAfterThis()
    return this.#buffer.recordRaw(packet)
  }

  rawPackets(afterId: number, limit: number): ReadonlyArray<StoredPacket> {
    return this.#buffer.rawPackets(afterId, limit)
  }

  forgetRaw(upToId: number): number {
    return this.#buffer.forgetRaw(upToId)
  }

  moveCursor(source: string, position: string): void {
    this.#buffer.moveCursor(source, position)
  }

  cursor(source: string): string | null {
    return this.#buffer.cursor(source)
  }

  async flush(): Promise<void> {
    if (this.#last !== null) throw new BufferClosed()
    try {
      this.#flush()
    } catch (thrown) {
      this.#writingFailed(thrown)
      throw thrown
    }
  }

  setPower(power: Power): void {
    this.#power = power
    this.#delivery.setPower(power)
  }

  async suspend({ deadlineMillis = SUSPEND_MILLIS }: { readonly deadlineMillis?: number } = {}): Promise<void> {
    if (this.#last !== null) throw new BufferClosed()
    // Whoever asks again while the flush is tried waits for the same one.
    const suspending = this.#suspending ?? this.#fallAsleep(performance.now() + deadlineMillis)
    this.#suspending = suspending
    try {
      await suspending
    } finally {
      if (this.#suspending === suspending) this.#suspending = null
    }
  }

  resume(): void {
    if (!this.#suspended || this.#last !== null) return
    this.#suspended = false
    this.#suspending = null
    this.#delivery.stop()
    this.#delivered.add(this.#delivery)
    this.#delivery = this.#connect()
    this.#awake()
    this.#changed()
  }

  status(): BridgeStatus {
    if (this.#last !== null) return this.#last
    const { link, problem, transport } = this.#delivery.state
    const failed = this.#readStored() ?? this.#writingProblem
    const stored = this.#stored
    const { chunks, lastAckAtMs, quarantined } = this.#delivered.with(this.#delivery)
    return {
      connected: link._tag === "Streaming",
      state: this.#suspended ? "suspended" : stateOf(link),
      transport,
      recordedSamples: this.#recorded,
      droppedSamples: this.#buffer.lostSamples,
      pendingSamples: this.#buffer.pendingSamples,
      waitingChunks: stored.chunks,
      waitingBytes: stored.bytes,
      oldestWaitingAtMs: stored.oldestAtMs,
      waitingGaps: stored.gaps,
      gapSamples: stored.gapSamples,
      bytesOnDisk: stored.bytesOnDisk,
      keptPackets: stored.packets,
      keptPacketBytes: stored.packetBytes,
      deliveredChunks: chunks,
      quarantinedChunks: quarantined + this.#buffer.damagedChunks,
      lastAckAtMs,
      lastProblem: failed === null ? problem : { code: failed.name, message: failed.message },
    }
  }

  subscribe(listener: (status: BridgeStatus) => void): () => void {
    const subscription = {}
    this.#listeners.set(subscription, safely(listener))
    return () => void this.#listeners.delete(subscription)
  }

  drained(): Promise<void> {
    if (this.#last !== null) return Promise.reject(new BufferClosed())
    const drained = this.#drains.add()
    this.#flushInBackground()
    this.#delivery.hurry()
    this.#settleDrains()
    return drained
  }

  async close(): Promise<void> {
    if (this.#last !== null) return
    clearInterval(this.#flushTimer)
    this.#delivery.stop()
    try {
      this.#flush()
    } finally {
      this.#last = { ...this.status(), connected: false, state: "closed" }
      this.#drains.end(new BufferClosed())
      this.#tell()
      this.#buffer.close()
    }
  }

  #awake(): void {
    this.#flushTimer = setInterval(() => this.#flushInBackground(), this.#flushMillis)
    this.#delivery.start()
  }

  /** Counts a sample, and says when memory is full. */
  #taken(taken: boolean): boolean {
    if (taken) this.#recorded++
    else if (!this.#turningAway) this.#onEvent({ _tag: "SamplesTurnedAway" })
    this.#turningAway = !taken
    if (this.#suspended) this.#flushAfterThis()
    return taken
  }

  /** Flushes when the caller has recorded all of what it has now. */
  #flushAfterThis(): void {
    if (this.#flushSoon) return
    this.#flushSoon = true
    queueMicrotask(() => {
      this.#flushSoon = false
      if (this.#last === null) this.#flushInBackground()
    })
  }

  async #fallAsleep(deadline: number): Promise<void> {
    this.#suspended = true
    clearInterval(this.#flushTimer)
    try {
      await flushBy(
        deadline,
        () => this.#suspended && this.#last === null,
        () => this.#flush(),
      )
    } catch (thrown) {
      this.#writingFailed(thrown)
      throw thrown
    } finally {
      if (this.#suspended) this.#delivery.stop()
      this.#changed()
    }
  }

  #flush(): void {
    const chunks = this.#buffer.flush()
    const { own } = this.#buffer
    const failedBefore = this.#writingProblem !== null
    // Where nothing was to be written, that says nothing of the disk.
    if (failedBefore) this.#buffer.waiting(1)
    this.#drains.written(own?.n ?? 0)
    if (failedBefore) {
      this.#writingProblem = null
      this.#onEvent({ _tag: "WritingWorksAgain" })
    }
    if (chunks > 0) this.#delivery.appended()
    if (chunks > 0 || failedBefore) this.#changed()
  }

  #flushInBackground(): void {
    try {
      this.#flush()
    } catch (thrown) {
      this.#writingFailed(thrown)
    }
    this.#settleDrains()
  }

  /** What the buffer holds; where it cannot be read now, what it held before, and why. */
  #readStored(): Error | null {
    try {
      this.#stored = { ...this.#buffer.backlog(), ...this.#buffer.size() }
      return null
    } catch (thrown) {
      return errorOf(thrown)
    }
  }

  #writingFailed(thrown: unknown): void {
    const error = errorOf(thrown)
    if (this.#writingProblem === null) this.#onEvent({ _tag: "WritingFailed", error })
    this.#writingProblem = error
    this.#changed()
  }

  /** What is drained leaves the file. Where it cannot now, a later flush does that. */
  #settleBuffer(): void {
    try {
      this.#buffer.settle()
    } catch (thrown) {
      this.#writingFailed(thrown)
    }
  }

  #changed(): void {
    if (this.#last !== null) return
    const { link, problem } = this.#delivery.state
    if (link._tag === "Streaming") this.#refused = null
    if (link._tag === "Waiting" && link.refused && problem !== null && problem.message !== this.#refused?.message) {
      this.#refused = problem
      this.#onEvent({ _tag: "Refused", problem })
    }
    this.#settleDrains()
    if (this.#telling) return
    this.#telling = true
    queueMicrotask(() => {
      this.#telling = false
      this.#tell()
    })
  }

  #tell(): void {
    if (this.#listeners.size === 0) return
    const status = this.status()
    for (const listener of [...this.#listeners.values()]) listener(status)
  }

  #settleDrains(): void {
    if (!this.#drains.any || this.#last !== null) return
    let done: ReadonlyArray<() => void> = []
    try {
      done = this.#drains.delivered(this.#buffer)
    } catch {
      // It is looked at again with the next flush, which says what is wrong.
    }
    if (done.length === 0) return
    this.#settleBuffer()
    for (const resolve of done) resolve()
  }
}

const errorOf = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))

const stateOf = (link: Link): BridgeStatus["state"] => {
  switch (link._tag) {
    case "Idle":
    case "Dialling":
    case "Greeting":
      return "connecting"
    case "Streaming":
      return "connected"
    case "Waiting":
      return link.refused ? "refused" : "waiting"
    case "Resting":
      return "resting"
    case "Closed":
      return "closed"
  }
}
