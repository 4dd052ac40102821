/** What stands between a bridge and a server: a TCP relay that can refuse WebSockets as some proxies do, or go deaf. */
import { once } from "node:events"
import { connect, createServer, type Server, type Socket } from "node:net"
import { Effect } from "effect"

const REFUSAL = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

export class Relay {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Answer every upgrade to a WebSocket with 403. */
  refusesUpgrades = false
  /** Connections that are there now go deaf: nothing arrives any more, and nobody is told. */
  #deaf = new WeakSet<Socket>()
  upgradesRefused = 0
  requests = 0
  /** Bytes that came from the bridge. */
  bytesUp = 0

  private constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, "127.0.0.1")
      for (const socket of [near, far]) {
        this.#sockets.add(socket)
        socket.on("error", () => {})
        socket.on("close", () => {
          this.#sockets.delete(socket)
          if (this.#deaf.has(socket)) return
          near.destroy()
          far.destroy()
        })
      }
      near.on("data", (data) => {
        if (this.#deaf.has(near) || typeof data === "string") return
        this.bytesUp += data.length
        const head = data.subarray(0, 2_000).toString("latin1")
        if (/^(GET|POST) /.test(head)) this.requests++
        if (/^GET .*upgrade: websocket/is.test(head) && this.refusesUpgrades) {
          this.upgradesRefused++
          near.end(REFUSAL)
        } else {
          far.write(data)
        }
      })
      far.on("data", (data) => {
        if (!this.#deaf.has(far)) near.write(data)
      })
    })
  }

  get url(): string {
    const address = this.#server.address()
    return `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`
  }

  goDeaf(): void {
    for (const socket of this.#sockets) this.#deaf.add(socket)
  }

  /** In front of a server; gone with the scope. */
  static readonly before = (url: string) =>
    Effect.acquireRelease(
      Effect.promise(async () => {
        const relay = new Relay(Number(new URL(url).port))
        relay.#server.listen(0, "127.0.0.1")
        await once(relay.#server, "listening")
        return relay
      }),
      (relay) =>
        Effect.sync(() => {
          for (const socket of relay.#sockets) socket.destroy()
          relay.#server.close()
        }),
    )
}
