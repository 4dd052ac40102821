/**
 * The bridge: a buffer, a delivery, and a timer that flushes. What fails in the background is an event and a
 * part of the status; what fails in answer to a call is thrown there.
 */
import { ChunkBuffer } from "../buffer/ChunkBuffer.ts"
import { BufferClosed } from "../buffer/Errors.ts"
import { telemetryUrl } from "../delivery/Address.ts"
import { standardDial } from "../delivery/Connection.ts"
import { Delivery } from "../delivery/Delivery.ts"
import type { Link } from "../delivery/DeliveryState.ts"
import { dialHttp } from "../delivery/HttpConnection.ts"
import { standardLiveKinds } from "../delivery/LiveReadings.ts"
import { type Power, type Problem, standardLimits } from "../delivery/Protocol.ts"
import type { Bridge, BridgeEvent, BridgeOptions, BridgeStatus, SampleKind } from "./Bridge.ts"

/** Somebody waits until all up to and with chunk `n` of this opening is delivered. */
interface Drain {
  /** Null until what was in memory at the call is on disk. */
  n: number | null
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class OpenBridge implements Bridge {
  readonly #buffer: ChunkBuffer
  readonly #delivery: Delivery
  readonly #onEvent: (event: BridgeEvent) => void
  readonly #flushTimer: ReturnType<typeof setInterval>
  readonly #listeners = new Set<(status: BridgeStatus) => void>()
  #drains: Array<Drain> = []
  #recorded = 0
  #dropped = 0
  #turningAway = false
  #writingProblem: Error | null = null
  #refused: Problem | null = null
  #telling = false
  #last: BridgeStatus | null = null

  constructor(options: BridgeOptions) {
    const { path, driver, deviceId, key, keepDelivered = false, maxPendingSamples = 1_000_000 } = options
    const url = telemetryUrl(options.url)
    this.#onEvent = options.onEvent ?? (() => {})
    // Null while the buffer is being opened, which may raise events already.
    let delivery: Delivery | null = null
    this.#buffer = ChunkBuffer.open({
      path,
      driver,
      keepDelivered,
      maxPendingSamples,
      onEvent: (event) => {
        this.#onEvent(event)
        if (event._tag === "BufferSetAside") delivery?.restart("The buffer was damaged and has been set aside.")
      },
    })
    delivery = new Delivery({
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
    })
    this.#delivery = delivery
    this.#flushTimer = setInterval(() => this.#flushInBackground(), options.flushMillis ?? 1_000)
    if (options.power !== undefined) this.#delivery.setPower(options.power)
    this.#delivery.start()
  }

  record(sensor: string, kind: SampleKind, atMillis: number, value: number): boolean {
    if (!this.#buffer.record(sensor, kind, atMillis, value)) {
      this.#dropped++
      if (!this.#turningAway) this.#onEvent({ _tag: "SamplesTurnedAway" })
      this.#turningAway = true
      return false
    }
    this.#recorded++
    this.#turningAway = false
    this.#delivery.sensed(sensor, kind, atMillis, value, Date.now())
    return true
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
    this.#delivery.setPower(power)
  }

  status(): BridgeStatus {
    if (this.#last !== null) return this.#last
    const { link, problem, transport } = this.#delivery.state
    const backlog = this.#buffer.backlog()
    const writing = this.#writingProblem
    return {
      connected: link._tag === "Streaming",
      state: stateOf(link),
      transport,
      recordedSamples: this.#recorded,
      droppedSamples: this.#dropped,
      pendingSamples: this.#buffer.pendingSamples,
      waitingChunks: backlog.chunks,
      waitingBytes: backlog.bytes,
      oldestWaitingAtMs: backlog.oldestAtMs,
      deliveredChunks: this.#delivery.deliveredChunks,
      quarantinedChunks: this.#delivery.quarantinedChunks,
      lastAckAtMs: this.#delivery.lastAckAtMs,
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
