/**
 * A real live door on a real socket, which can do what servers do on bad days: cut everybody off, come back as a
 * new run, skip a change, fall silent, or speak a language that the client does not know.
 */
import { LiveFrame } from "@paceline/core/wire"

type Socket = Bun.ServerWebSocket<undefined>

interface Channel {
  seq: number
  /** Each value with the number of its last change; null when it is gone. */
  readonly values: Map<string, { seq: number; value: unknown }>
}

export class LiveServer {
  readonly #channels = new Map<string, Channel>()
  readonly #sockets = new Map<Socket, Set<string>>()
  readonly #answers = new Map<string, () => Response | Promise<Response>>()
  #server: Bun.Server<undefined> | null = null
  #port = 0
  #run = 0
  /** What clients sent, in order. */
  readonly heard: Array<LiveFrame.LiveFrame> = []
  readonly requests: Array<{ method: string; path: string; key: string | null; body: unknown }> = []
  /** The idempotency keys of the requests, in the same order. */
  readonly idempotencyKeys: Array<string | null> = []
  /** The session tokens of the requests, in the same order. */
  readonly sessions: Array<string | null> = []

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get connections(): number {
    return this.#sockets.size
  }

  start(): void {
    this.#run += 1
    for (const channel of this.#channels.values()) channel.seq = 0
    for (const channel of this.#channels.values()) for (const entry of channel.values.values()) entry.seq = 0
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: this.#port,
      fetch: (request, server) => this.#fetch(request, server),
      websocket: {
        open: (socket) => void this.#sockets.set(socket, new Set()),
        close: (socket) => void this.#sockets.delete(socket),
        message: (socket, data) => this.#message(socket, data),
      },
    })
    this.#port = this.#server.port ?? 0
  }

  /** As a process that is killed: sockets end without a word. */
  async stop(): Promise<void> {
    const server = this.#server
    this.#server = null
    for (const socket of this.#sockets.keys()) socket.terminate()
    this.#sockets.clear()
    await server?.stop(true)
  }

  cutOff(): void {
    for (const socket of this.#sockets.keys()) socket.terminate()
  }

  set(name: string, key: string, value: unknown): void {
    const after = this.#change(name, key, value)
    this.#send(name, after)
  }

  /** A change that is never sent by itself: the next one leaves a gap. */
  skip(name: string, key: string, value: unknown): void {
    this.#change(name, key, value)
  }

  heartbeat(): void {
    for (const socket of this.#sockets.keys()) socket.send(LiveFrame.encode({ _tag: "Heartbeat", echo: false }))
  }

  sendRaw(data: string | Uint8Array): void {
    for (const socket of this.#sockets.keys()) socket.send(data)
  }

  answer(path: string, answer: () => Response | Promise<Response>): void {
    this.#answers.set(path, answer)
  }

  #channel(name: string): Channel {
    const channel = this.#channels.get(name) ?? { seq: 0, values: new Map() }
    this.#channels.set(name, channel)
    return channel
  }

  #change(name: string, key: string, value: unknown): number {
    const channel = this.#channel(name)
    channel.seq += 1
    channel.values.set(key, { seq: channel.seq, value })
    return channel.seq - 1
  }

  #changes(name: string, after: number): Uint8Array<ArrayBuffer> {
    const { seq, values } = this.#channel(name)
    const entries = [...values]
      .filter(([, entry]) => entry.seq > after)
      .map(([key, { value }]) => [key, value] as const)
    return LiveFrame.encode({
      _tag: "Changes",
      channel: name,
      epoch: `run-${this.#run}`,
      after,
      to: seq,
      head: seq,
      entries,
    })
  }

  #send(name: string, after: number): void {
    const bytes = this.#changes(name, after)
    for (const [socket, channels] of this.#sockets) if (channels.has(name)) socket.send(bytes)
  }

  #message(socket: Socket, data: string | Uint8Array): void {
    const frame = typeof data === "string" ? null : LiveFrame.decode(new Uint8Array(data))
    if (frame === null || frame._tag === "FrameError") throw new Error("the client sent what is no frame")
    this.heard.push(frame)
    if (frame._tag === "Unsubscribe") this.#sockets.get(socket)?.delete(frame.channel)
    if (frame._tag !== "Subscribe") return
    this.#sockets.get(socket)?.add(frame.channel)
    const { seq, values } = this.#channel(frame.channel)
    const epoch = `run-${this.#run}`
    if (frame.after?.epoch === epoch) {
      socket.send(this.#changes(frame.channel, frame.after.seq))
      return
    }
    const entries = [...values].flatMap(([key, { value }]) => (value === null ? [] : [[key, value] as const]))
    socket.send(LiveFrame.encode({ _tag: "Snapshot", channel: frame.channel, at: { epoch, seq }, entries }))
  }

  async #fetch(request: Request, server: Bun.Server<undefined>): Promise<Response | undefined> {
    const { pathname } = new URL(request.url)
    if (pathname === "/v1/live" && server.upgrade(request, { data: undefined })) return undefined
    const text = await request.text()
    this.requests.push({
      method: request.method,
      path: pathname,
      key: request.headers.get("authorization"),
      body: text === "" ? null : JSON.parse(text),
    })
    this.idempotencyKeys.push(request.headers.get("idempotency-key"))
    this.sessions.push(request.headers.get("paceline-session"))
    return (await this.#answers.get(pathname)?.()) ?? new Response("not here", { status: 404 })
  }
}
