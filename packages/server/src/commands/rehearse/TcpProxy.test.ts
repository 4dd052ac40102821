import * as Net from "node:net"
import { it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { describe, expect } from "vitest"
import * as TcpProxy from "./TcpProxy.ts"

interface Echo {
  readonly port: number
  readonly open: () => number
  readonly heard: () => string
}

/** A server that answers every byte with the same byte, and counts who is connected. */
const echo: Effect.Effect<Echo, never, Scope.Scope> = Effect.acquireRelease(
  Effect.async<Echo & { readonly close: () => void }>((resume) => {
    let heard = ""
    const sockets = new Set<Net.Socket>()
    const server = Net.createServer((socket) => {
      sockets.add(socket)
      socket.on("error", () => {})
      socket.on("close", () => sockets.delete(socket))
      socket.on("data", (bytes) => {
        heard += String(bytes)
        socket.write(bytes)
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      if (address === null || typeof address === "string") throw new Error("no port")
      resume(
        Effect.succeed({
          port: address.port,
          open: () => sockets.size,
          heard: () => heard,
          close: () => {
            server.close()
            for (const socket of sockets) socket.destroy()
          },
        }),
      )
    })
  }),
  ({ close }) => Effect.sync(close),
)

/** A client of the proxy: what it heard so far, and whether its connection ended. */
const client = (port: number) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const socket = Net.connect({ host: "127.0.0.1", port })
      const state = { heard: "", closed: false }
      socket.on("data", (bytes) => {
        state.heard += String(bytes)
      })
      socket.on("error", () => {})
      socket.on("close", () => {
        state.closed = true
      })
      return { state, socket }
    }),
    ({ socket }) => Effect.sync(() => socket.destroy()),
  )

const eventually = (what: () => boolean) =>
  Effect.async<void>((resume) => {
    const timer = setInterval(() => {
      if (!what()) return
      clearInterval(timer)
      resume(Effect.void)
    }, 2)
    return Effect.sync(() => clearInterval(timer))
  }).pipe(Effect.timeout("3 seconds"))

/** Long enough for loopback to have said whatever it had to say. */
const silence = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 60)))

const line = Effect.gen(function* () {
  const server = yield* echo
  const proxy = yield* TcpProxy.make({ host: "127.0.0.1", port: server.port })
  return { proxy, server }
})

describe("the proxy between bridge and server", () => {
  it.live("passes bytes both ways, and says since when", () =>
    Effect.gen(function* () {
      const { proxy } = yield* line
      expect(proxy.flowingSinceMs()).toBeNull()
      const before = Date.now()
      const { socket, state } = yield* client(proxy.port)
      socket.write("hello")
      yield* eventually(() => state.heard === "hello")
      expect(proxy.flowingSinceMs()).toBeGreaterThanOrEqual(before)
      expect(proxy.connections()).toBe(1)
    }).pipe(Effect.scoped),
  )

  it.live("closed: resets what is open, refuses what is new, and works again when restored", () =>
    Effect.gen(function* () {
      const { proxy, server } = yield* line
      const first = yield* client(proxy.port)
      first.socket.write("a")
      yield* eventually(() => first.state.heard === "a")
      proxy.cut("closed")
      yield* eventually(() => first.state.closed && server.open() === 0)
      expect(proxy.flowingSinceMs()).toBeNull()
      const refused = yield* client(proxy.port)
      yield* eventually(() => refused.state.closed)
      expect(server.open()).toBe(0)
      proxy.restore()
      const second = yield* client(proxy.port)
      second.socket.write("b")
      yield* eventually(() => second.state.heard === "b")
    }).pipe(Effect.scoped),
  )

  it.live("stalled: holds bytes back and delivers them late, in order, on the same connection", () =>
    Effect.gen(function* () {
      const { proxy } = yield* line
      const { socket, state } = yield* client(proxy.port)
      socket.write("1")
      yield* eventually(() => state.heard === "1")
      proxy.cut("stalled")
      socket.write("2")
      socket.write("3")
      yield* silence
      expect(state).toEqual({ heard: "1", closed: false })
      proxy.restore()
      yield* eventually(() => state.heard === "123")
    }).pipe(Effect.scoped),
  )

  it.live("stalled: what a client sent before it gave up still arrives, then the server hears the end", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      let ended = false
      const server = yield* Effect.acquireRelease(
        Effect.async<Net.Server>((resume) => {
          const listening = Net.createServer((socket) => {
            socket.on("data", (bytes) => heard.push(String(bytes)))
            socket.on("error", () => {})
            socket.on("close", () => {
              ended = true
            })
          })
          listening.listen(0, "127.0.0.1", () => resume(Effect.succeed(listening)))
        }),
        (listening) => Effect.sync(() => listening.close()),
      )
      const address = server.address()
      if (address === null || typeof address === "string") throw new Error("no port")
      const proxy = yield* TcpProxy.make({ host: "127.0.0.1", port: address.port })
      const { socket } = yield* client(proxy.port)
      socket.write("first")
      yield* eventually(() => heard.join("") === "first")
      proxy.cut("stalled")
      socket.end("late")
      yield* silence
      expect({ heard: heard.join(""), ended }).toEqual({ heard: "first", ended: false })
      proxy.restore()
      yield* eventually(() => ended)
      expect(heard.join("")).toBe("firstlate")
    }).pipe(Effect.scoped),
  )

  it.live("black hole: the connection stays open and is silent for ever, a new one works when restored", () =>
    Effect.gen(function* () {
      const { proxy, server } = yield* line
      const swallowed = yield* client(proxy.port)
      swallowed.socket.write("a")
      yield* eventually(() => swallowed.state.heard === "a")
      proxy.cut("black-hole")
      swallowed.socket.write("b")
      const early = yield* client(proxy.port)
      early.socket.write("c")
      yield* silence
      expect(early.state).toEqual({ heard: "", closed: false })
      proxy.restore()
      yield* eventually(() => early.state.heard === "c")
      yield* silence
      expect(swallowed.state).toEqual({ heard: "a", closed: false })
      expect(server.open()).toBe(2)
    }).pipe(Effect.scoped),
  )

  it.live("black hole: what is sent at once still arrives, but its answer never does, nor what is sent later", () =>
    Effect.gen(function* () {
      const { proxy, server } = yield* line
      const { socket, state } = yield* client(proxy.port)
      socket.write("a")
      yield* eventually(() => state.heard === "a")
      proxy.cut("black-hole")
      socket.write("b")
      yield* eventually(() => server.heard() === "ab")
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 350)))
      socket.write("c")
      yield* silence
      expect(server.heard()).toBe("ab")
      expect(state.heard).toBe("a")
    }).pipe(Effect.scoped),
  )

  it.live("a server that is away looks like a connection that is refused", () =>
    Effect.gen(function* () {
      const port = yield* Effect.scoped(Effect.map(echo, (server) => server.port))
      const proxy = yield* TcpProxy.make({ host: "127.0.0.1", port })
      const { state } = yield* client(proxy.port)
      yield* eventually(() => state.closed)
      expect(proxy.flowingSinceMs()).toBeNull()
    }).pipe(Effect.scoped),
  )
})
