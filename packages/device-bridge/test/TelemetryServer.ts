/** The simulated server of the kit on a `Bun.serve` of its own, for the bridge's tests: a broken rule ends the test. */
import type { Server, ServerWebSocket } from "bun"
import { type Behaviour, type Line, SimulatedServer } from "../src/verify/SimulatedServer.ts"

export type { Behaviour } from "../src/verify/SimulatedServer.ts"

interface Session {
  line: Line | null
}

export class TelemetryServer extends SimulatedServer {
  #server: Server<Session> | null = null
  #port = 0

  static start(behaviour: Partial<Behaviour> = {}): TelemetryServer {
    const server = new TelemetryServer(behaviour)
    server.start()
    return server
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`
  }

  start(): void {
    this.#server = Bun.serve<Session>({
      hostname: "127.0.0.1",
      port: this.#port,
      fetch: (request, server) =>
        new URL(request.url).pathname === "/v1/telemetry" && server.upgrade(request, { data: { line: null } })
          ? undefined
          : new Response("not here", { status: 404 }),
      websocket: {
        open: (socket) => {
          socket.data.line = lineOf(socket)
          this.joined(socket.data.line)
        },
        message: ({ data }, message) => {
          if (data.line !== null) this.received(data.line, typeof message === "string" ? null : new Uint8Array(message))
        },
        close: ({ data }) => {
          if (data.line !== null) this.left(data.line)
        },
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

  protected override fault(what: string): void {
    throw new Error(`The bridge broke a rule: ${what}`)
  }
}

const lineOf = (socket: ServerWebSocket<Session>): Line => ({
  send: (bytes) => void socket.send(bytes),
  close: () => socket.close(),
  terminate: () => socket.terminate(),
})
