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
import type { Bridge, BridgeEvent, BridgeOptions, BridgeStatus, SampleKind } from "./Bridge.ts"
import { type SampleStream, type StreamOptions, sampleStream } from "./SampleStream.ts"
import { DeliveredBefore, flushBy } from "./Suspension.ts"

/** How long samples are gathered. What people watch does not wait for it: live readings go beside. */
const FLUSH_MILLIS = 5_000

/** How long a phone gives an application that goes to sleep. */
const SUSPEND_MILLIS = 5_000

/** Somebody waits until all up to and with chunk `n` of this opening is delivered. */
interface Drain {
  /** Null until what was in memory at the call is on disk. */
  n: number | null
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class OpenBridge implements Bridge {
  readonly #buffer: ChunkBuffer
  /** A new one after each sleep. */
  #delivery: Delivery
  readonly #connect: () => Delivery
  readonly #delivered = new DeliveredBefore()
  readonly #onEvent: (event: BridgeEvent) => void
  readonly #flushMillis: number
  #flushTimer: ReturnType<typeof setInterval> | undefined
  readonly #listeners = new Set<(status: BridgeStatus) => void>()
  #drains: Array<Drain> = []
  #recorded = 0
  #suspended = false
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
    this.#onEvent = options.onEvent ?? (() => {})
    let opened = false
    this.#buffer = ChunkBuffer.open({
      ...options,
      onEvent: (event) => {
        this.#onEvent(event)
        // While the buffer is being opened it may raise events already.
        if (!opened || event._tag !== "BufferSetAside") return
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
    this.#flushMillis = options.flushMillis ?? FLUSH_MILLIS
    this.#awake()
  }

  record(sensor: string, kind: SampleKind, atMillis: number, value: number): boolean {
    if (!this.#taken(this.#buffer.record(sensor, kind, atMillis, value))) return false
    this.#delivery.sensed(sensor, kind, atMillis, value, Date.now())
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
    if (this.#suspended) return
    this.#suspended = true
    clearInterval(this.#flushTimer)
    try {
      await flushBy(
        performance.now() + deadlineMillis,
        () => this.#suspended,
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

  resume(): void {
    if (!this.#suspended || this.#last !== null) return
    this.#suspended = false
    this.#delivery.stop()
    this.#delivered.add(this.#delivery)
    this.#delivery = this.#connect()
    this.#awake()
    this.#changed()
  }

  status(): BridgeStatus {
    if (this.#last !== null) return this.#last
    const { link, problem, transport } = this.#delivery.state
    const backlog = this.#buffer.backlog()
    const size = this.#buffer.size()
    const { chunks, lastAckAtMs, quarantined } = this.#delivered.with(this.#delivery)
    const writing = this.#writingProblem
    return {
      connected: link._tag === "Streaming",
      state: this.#suspended ? "suspended" : stateOf(link),
      transport,
      recordedSamples: this.#recorded,
      droppedSamples: this.#buffer.lostSamples,
      pendingSamples: this.#buffer.pendingSamples,
      waitingChunks: backlog.chunks,
      waitingBytes: backlog.bytes,
      oldestWaitingAtMs: backlog.oldestAtMs,
      waitingGaps: backlog.gaps,
      gapSamples: backlog.gapSamples,
      bytesOnDisk: size.bytesOnDisk,
      keptPackets: size.packets,
      keptPacketBytes: size.packetBytes,
      deliveredChunks: chunks,
      quarantinedChunks: quarantined + this.#buffer.damagedChunks,
      lastAckAtMs,
      lastProblem: writing === null ? problem : { code: writing.name, message: writing.message },
    }
  }

  subscribe(listener: (status: BridgeStatus) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  drained(): Promise<void> {
    if (this.#last !== null) return Promise.reject(new BufferClosed())
    return new Promise((resolve, reject) => {
      this.#drains.push({ n: null, resolve, reject })
      this.#flushInBackground()
      this.#delivery.hurry()
      this.#settleDrains()
    })
  }

  async close(): Promise<void> {
    if (this.#last !== null) return
    clearInterval(this.#flushTimer)
    this.#delivery.stop()
    try {
      this.#flush()
    } finally {
      this.#last = { ...this.status(), connected: false, state: "closed" }
      for (const { reject } of this.#drains.splice(0)) reject(new BufferClosed())
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

  #flush(): void {
    const chunks = this.#buffer.flush()
    const { own } = this.#buffer
    for (const drain of this.#drains) drain.n ??= own?.n ?? 0
    if (this.#writingProblem !== null) {
      this.#writingProblem = null
      this.#onEvent({ _tag: "WritingWorksAgain" })
    }
    if (chunks === 0) return
    this.#delivery.appended()
    this.#changed()
  }

  #flushInBackground(): void {
    try {
      this.#flush()
    } catch (thrown) {
      this.#writingFailed(thrown)
    }
  }

  #writingFailed(thrown: unknown): void {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
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
    for (const listener of this.#listeners) listener(status)
  }

  #settleDrains(): void {
    if (this.#drains.length === 0 || this.#last !== null) return
    const [oldest] = this.#buffer.waiting(1)
    const { own } = this.#buffer
    // Older openings are delivered first, so nothing of them waits when this opening's chunks are the oldest.
    const firstWaiting = oldest === undefined ? Number.POSITIVE_INFINITY : oldest.first
    const onlyOwn = oldest === undefined || oldest.incarnation === own?.incarnation
    const settled = (drain: Drain): boolean => onlyOwn && drain.n !== null && firstWaiting > drain.n
    const done = this.#drains.filter(settled)
    this.#drains = this.#drains.filter((drain) => !settled(drain))
    if (done.length === 0) return
    this.#settleBuffer()
    for (const { resolve } of done) resolve()
  }
}

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
