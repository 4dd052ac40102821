/**
 * The protocol over HTTP requests, for where no WebSocket gets through: to the delivery it is a connection like any
 * other.
 *
 * Each request is a small conversation of its own: it carries the hello and then frames, and is answered with the
 * welcome and what came of the frames, one after the other. One request is under way at a time, and no longer than
 * some kilobytes, which bounds what is on its way. Heartbeats are not sent: between requests there is no connection
 * that could be dead, and while one is unanswered the silence says so.
 */
import { FrameSequence, TelemetryFrame } from "@paceline/core/wire"
import { type Connection, type ConnectionEvents, type Dial, retryAfterOf } from "./Connection.ts"

/** A request takes no further frame once it has this many bytes: on a slow line it must be through in seconds. */
const MAX_REQUEST_BYTES = 64 * 1024

export const dialHttp: Dial = (url, events) => new HttpConnection(url.replace(/^ws/, "http"), events)

/** Node says "fetch failed", and why only in the cause. */
const reasonOf = (thrown: unknown): string => {
  if (!(thrown instanceof Error)) return String(thrown)
  const { cause } = thrown
  return cause instanceof Error && cause.message !== "" ? cause.message : thrown.message
}

class HttpConnection implements Connection {
  readonly #url: string
  readonly #events: ConnectionEvents
  readonly #abort = new AbortController()
  /** What every request begins with; the first names the incarnations that wait. */
  #hello: Uint8Array<ArrayBuffer> | null = null
  #helloAgain: Uint8Array<ArrayBuffer> | null = null
  #queue: Array<Uint8Array<ArrayBuffer>> = []
  #live: Uint8Array<ArrayBuffer> | null = null
  #welcomed = false
  #asking = false

  constructor(url: string, events: ConnectionEvents) {
    this.#url = url
    this.#events = events
    // Whoever dialled has this connection first.
    setTimeout(() => this.#say(() => events.opened()), 0)
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    const frame = TelemetryFrame.decode(bytes)
    switch (frame._tag) {
      case "Heartbeat":
        if (!this.#asking) this.#answer({ _tag: "Heartbeat", echo: true })
        return
      case "Hello":
        this.#hello = bytes
        this.#helloAgain = TelemetryFrame.encode({ ...frame, waiting: [] })
        break
      case "Live":
        this.#live = bytes
        break
      default:
        this.#queue.push(bytes)
    }
    // What is sent in one go goes into one request.
    queueMicrotask(() => void this.#ask())
  }

  get bufferedBytes(): number {
    return this.#queue.reduce((sum, { length }) => sum + length, 0)
  }

  hangUp(): void {
    this.#abort.abort()
  }

  async #ask(): Promise<void> {
    const frames = this.#asking || this.#abort.signal.aborted ? [] : this.#next()
    if (frames.length === 0) return
    this.#asking = true
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: { "content-type": FrameSequence.CONTENT_TYPE },
        body: FrameSequence.join(frames),
        signal: this.#abort.signal,
        // Keys are in the frames, and nothing else is to be told.
        credentials: "omit",
        cache: "no-store",
      })
      const body = new Uint8Array(await response.arrayBuffer())
      this.#asking = false
      this.#received(response, body)
    } catch (thrown) {
      this.#asking = false
      this.#say(() => this.#events.lost(reasonOf(thrown)))
    }
    await this.#ask()
  }

  /** The frames of the next request, or none when there is nothing to say. */
  #next(): ReadonlyArray<Uint8Array<ArrayBuffer>> {
    const hello = this.#hello
    if (hello !== null) {
      this.#hello = null
      return [hello]
    }
    if (!this.#welcomed || this.#helloAgain === null || (this.#queue.length === 0 && this.#live === null)) return []
    const frames = [this.#helloAgain]
    let bytes = 0
    let taken = 0
    for (const frame of this.#queue) {
      if (taken > 0 && bytes + frame.length > MAX_REQUEST_BYTES) break
      frames.push(frame)
      bytes += frame.length
      taken++
    }
    this.#queue = this.#queue.slice(taken)
    if (this.#live !== null) frames.push(this.#live)
    this.#live = null
    return frames
  }

  #received(response: Response, body: Uint8Array): void {
    if (response.headers.get("content-type") !== FrameSequence.CONTENT_TYPE) {
      const retryAfterMillis = retryAfterOf(response.status, response.headers.get("retry-after"))
      const whose = response.ok ? ", but by no Paceline server (a login page of the network?)" : ""
      this.#say(() => this.#events.lost(`it was answered with HTTP ${response.status}${whose}`, retryAfterMillis))
      return
    }
    const frames = FrameSequence.split(body)
    if (frames === null || frames.length === 0) {
      this.#say(() => this.#events.lost(frames === null ? "the answer was cut short" : "the server goes away"))
      return
    }
    for (const bytes of frames) {
      const repeated = this.#welcomed && TelemetryFrame.decode(bytes)._tag === "Welcome"
      if (!repeated) this.#say(() => this.#events.received(bytes))
      this.#welcomed = true
    }
  }

  #answer(frame: TelemetryFrame.TelemetryFrame): void {
    setTimeout(() => this.#say(() => this.#events.received(TelemetryFrame.encode(frame))), 0)
  }

  /** Nothing is said any more after `hangUp`. */
  #say(event: () => void): void {
    if (!this.#abort.signal.aborted) event()
  }
}
