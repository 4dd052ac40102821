/**
 * The network between bridge and server, as a TCP proxy that can be cut.
 *
 * It passes bytes on as they come. A cut is what real networks do: reset every connection (`closed`), hold all
 * bytes back and deliver them late (`stalled`), or swallow the connections that are open so that neither side
 * hears of it (`black-hole`). The way back is swallowed first: what the bridge sends for a moment still arrives,
 * and its acknowledgement never does. A connection that is opened while the network holds back begins to work
 * when it is back, like a SYN that is sent again.
 *
 * @example
 * const proxy = yield* TcpProxy.make({ host: "127.0.0.1", port: 8080 })
 * proxy.cut("black-hole") // … later: proxy.restore()
 */
import * as Net from "node:net"
import { Effect, type Scope } from "effect"
import type { CutKind } from "./Schedule.ts"

/** In a black hole the way to the server is open so much longer than the way back, in milliseconds. */
const ONE_WAY_MILLIS = 300

export interface TcpProxy {
  /** Where to connect, on 127.0.0.1. */
  readonly port: number
  readonly cut: (kind: CutKind) => void
  readonly restore: () => void
  /** Since when bytes flow on a connection (ms since the epoch), or null while none does. */
  readonly flowingSinceMs: () => number | null
  /** Connections opened so far through a network that was there. */
  readonly connections: () => number
}

/** One connection through the proxy: both sockets, and whether bytes pass between them. */
interface Link {
  readonly near: Net.Socket
  readonly far: Net.Socket
  state: "flowing" | "held" | "swallowed"
  /** A socket that closes while its bytes are held closes the other only when the network is back. */
  closed: boolean
  flowingSinceMs: number
}

export const make = (target: {
  readonly host: string
  readonly port: number
}): Effect.Effect<TcpProxy, Error, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<{ readonly proxy: TcpProxy; readonly close: () => void }, Error>((resume) => {
      const links = new Set<Link>()
      let network: "open" | CutKind = "open"
      let connections = 0

      const end = (link: Link) => {
        links.delete(link)
        link.near.destroy()
        link.far.destroy()
      }
      const flow = (link: Link) => {
        link.state = "flowing"
        link.flowingSinceMs = Date.now()
        link.near.pipe(link.far)
        link.far.pipe(link.near)
      }
      const stop = (from: Net.Socket, to: Net.Socket) => {
        from.unpipe(to)
        from.pause()
      }
      const hold = (link: Link) => {
        link.state = "held"
        stop(link.far, link.near)
        stop(link.near, link.far)
      }
      const swallow = (link: Link) => {
        link.state = "swallowed"
        stop(link.far, link.near)
        setTimeout(() => stop(link.near, link.far), ONE_WAY_MILLIS)
      }

      const accept = (near: Net.Socket) => {
        if (network === "closed") {
          near.resetAndDestroy()
          return
        }
        const far = Net.connect({ ...target, noDelay: true })
        near.setNoDelay(true)
        const link: Link = { near, far, state: "held", closed: false, flowingSinceMs: 0 }
        links.add(link)
        near.pause()
        for (const socket of [near, far]) {
          // Whatever the error is, `close` follows it, and there is nobody to tell but the other side.
          socket.on("error", () => {})
          socket.on("close", () => {
            link.closed = true
            // Out of a black hole not even an end comes back.
            if (link.state === "flowing" || (link.state === "held" && network === "open")) end(link)
          })
        }
        if (network === "open") {
          connections++
          flow(link)
        }
      }

      const proxyOn = (port: number): TcpProxy => ({
        port,
        cut: (kind) => {
          network = kind
          for (const link of links) {
            if (kind === "closed") {
              link.near.resetAndDestroy()
              link.far.resetAndDestroy()
              links.delete(link)
            } else if (link.state === "flowing") {
              if (kind === "stalled") hold(link)
              else swallow(link)
            }
          }
        },
        restore: () => {
          network = "open"
          for (const link of links) {
            if (link.state !== "held") continue
            connections++
            flow(link)
            // A side that went away meanwhile: what it had sent is delivered, then the other hears the end.
            if (link.closed) {
              if (!link.near.destroyed) link.near.end()
              if (!link.far.destroyed) link.far.end()
              if (link.near.destroyed && link.far.destroyed) end(link)
            }
          }
        },
        flowingSinceMs: () => {
          const since = [...links].filter((link) => link.state === "flowing").map((link) => link.flowingSinceMs)
          return since.length === 0 ? null : Math.max(...since)
        },
        connections: () => connections,
      })

      const server = Net.createServer({ noDelay: true }, accept)
      server.on("error", (error) => resume(Effect.fail(error)))
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        if (address === null || typeof address === "string") {
          resume(Effect.fail(new Error("the proxy has no port")))
          return
        }
        resume(
          Effect.succeed({
            proxy: proxyOn(address.port),
            close: () => {
              server.close()
              for (const link of links) end(link)
            },
          }),
        )
      })
    }),
    ({ close }) => Effect.sync(close),
  ).pipe(Effect.map(({ proxy }) => proxy))
