/**
 * A small real server for the bridge's tests: it stores by high-water mark as the protocol asks, keeps what it
 * got in memory, and misbehaves when told to.
 */
import { HighWaterMark } from "@paceline/core/kernel"
import { Bundle, crc32, TelemetryFrame } from "@paceline/core/wire"
import type { Server, ServerWebSocket } from "bun"

type Socket = ServerWebSocket<undefined>

export interface Behaviour {
  /** The device's right key. */
  key: string
  window: number
  /** Commits, but says so to nobody. */
  losesAcks: boolean
  /** Sends every acknowledgement twice. */
  repeatsAcks: boolean
  /** Reads nothing and says nothing. */
  silent: boolean
  /** Cannot store for the time being. */
  unavailable: boolean
  /** Speaks another version of the protocol. */
  otherVersion: boolean
  /** Acknowledges a chunk more than it has. */
  boasts: boolean
  /** Sets these numbers aside as unreadable. */
  cannotRead: ReadonlySet<number>
}

export class TelemetryServer {
  readonly behaviour: Behaviour = {
    key: "secret",
    window: 8,
    losesAcks: false,
    repeatsAcks: false,
    silent: false,
    unavailable: false,
    otherVersion: false,
    boasts: false,
    cannotRead: new Set(),
  }
  readonly stored: Array<TelemetryFrame.Chunk> = []
  readonly setAside: Array<TelemetryFrame.Chunk> = []
  readonly live: Array<{ readonly atMs: number; readonly sensedAtMs: number; readonly bundle: Bundle.Bundle }> = []
  readonly hellos: Array<TelemetryFrame.Hello> = []
  readonly marks = new Map<string, number>()
  /** Chunks that came again after they were stored. */
  redeliveries = 0
  /** The most chunks that were ever on their way without an acknowledgement. */
  mostUnacknowledged = 0
  #unacknowledged = 0
  #server: Server<undefined> | null = null
  readonly #sockets = new Set<Socket>()
  #port = 0

  static start(behaviour: Partial<Behaviour> = {}): TelemetryServer {
    const server = new TelemetryServer()
    Object.assign(server.behaviour, behaviour)
    server.start()
    return server
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`
  }

  get connections(): number {
    return this.#sockets.size
  }

  /** The values of all samples stored, in the order of storing. */
  get values(): Array<number> {
    return this.stored.flatMap(({ payload }) => {
      const bundle = Bundle.decode(payload)
      return "_tag" in bundle ? [] : bundle.flatMap((block) => block.values)
    })
  }

  start(): void {
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: this.#port,
      fetch: (request, server) =>
        new URL(request.url).pathname === "/v1/telemetry" && server.upgrade(request, { data: undefined })
          ? undefined
          : new Response("not here", { status: 404 }),
      websocket: {
        open: (socket) => {
          this.#sockets.add(socket)
          this.#unacknowledged = 0
        },
        message: (socket, data) => this.#received(socket, data),
        close: (socket) => void this.#sockets.delete(socket),
      },
    })
    this.#port = this.#server.port ?? 0
  }

  /** As if killed: connections end, the port is free; what was stored stays. */
  async stop(): Promise<void> {
    this.dropAll()
    await this.#server?.stop(true)
    this.#server = null
  }

  dropAll(): void {
    for (const socket of this.#sockets) socket.terminate()
  }

  send(frame: TelemetryFrame.TelemetryFrame): void {
    for (const socket of this.#sockets) socket.send(TelemetryFrame.encode(frame))
  }

  #received(socket: Socket, data: string | Buffer): void {
    const { behaviour } = this
    if (behaviour.silent) return
    const frame = typeof data === "string" ? null : TelemetryFrame.decode(new Uint8Array(data))
    const answer = (reply: TelemetryFrame.TelemetryFrame): void => void socket.send(TelemetryFrame.encode(reply))
    if (frame === null || frame._tag === "FrameError") throw new Error("the bridge sent a frame that is none")
    if (frame._tag === "Hello") this.#greeted(frame, answer, socket)
    if (frame._tag === "Chunk") this.#offered(frame, answer)
    if (frame._tag === "Heartbeat" && !frame.echo) answer({ _tag: "Heartbeat", echo: true })
    if (frame._tag === "Live") {
      const bundle = Bundle.decode(frame.payload)
      if ("_tag" in bundle) throw new Error(bundle.detail)
      this.live.push({ atMs: Date.now(), sensedAtMs: frame.sensedAtMs, bundle })
    }
  }

  #greeted(hello: TelemetryFrame.Hello, answer: (reply: TelemetryFrame.TelemetryFrame) => void, socket: Socket): void {
    const { behaviour } = this
    this.hellos.push(hello)
    if (behaviour.otherVersion) {
      // The same envelope with another version number in front.
      const bytes = TelemetryFrame.encode({ _tag: "Heartbeat", echo: false })
      bytes[1] = 99
      socket.send(bytes)
      return
    }
    if (hello.key !== behaviour.key) {
      answer({ _tag: "Problem", code: "unauthorized", message: "The key of this device is wrong." })
      socket.close()
      return
    }
    const marks = hello.waiting.map(({ incarnation, first }) => {
      const { mark } = HighWaterMark.resume(this.marks.get(incarnation) ?? 0, first)
      this.marks.set(incarnation, mark)
      return { incarnation, mark }
    })
    answer({ _tag: "Welcome", marks, window: behaviour.window })
  }

  #offered(chunk: TelemetryFrame.Chunk, answer: (reply: TelemetryFrame.TelemetryFrame) => void): void {
    const { behaviour } = this
    const { incarnation, n } = chunk
    this.#unacknowledged++
    this.mostUnacknowledged = Math.max(this.mostUnacknowledged, this.#unacknowledged)
    if (behaviour.unavailable) {
      answer({ _tag: "Problem", code: "unavailable", message: "The disk is full." })
      return
    }
    const verdict = HighWaterMark.offer(this.marks.get(incarnation) ?? 0, n)
    if (verdict._tag === "OutOfOrder") {
      answer({ _tag: "Problem", code: "out-of-order", message: `expected ${verdict.expected}` })
      return
    }
    if (verdict._tag === "Duplicate") this.redeliveries++
    else {
      this.marks.set(incarnation, n)
      if (crc32(chunk.payload) !== chunk.crc || behaviour.cannotRead.has(n)) {
        this.setAside.push(chunk)
        answer({ _tag: "Quarantined", incarnation, n, reason: "unreadable" })
      } else this.stored.push(chunk)
    }
    if (behaviour.losesAcks) return
    this.#unacknowledged = 0
    for (let times = behaviour.repeatsAcks ? 2 : 1; times > 0; times--) {
      answer({ _tag: "Ack", incarnation, n: n + (behaviour.boasts ? 1 : 0) })
    }
  }
}
