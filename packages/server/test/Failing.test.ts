import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { LiveFrame, TelemetryFrame } from "@paceline/core/wire"
import { Deferred, Effect, Fiber, Layer, Logger, TestClock } from "effect"
import { describe } from "vitest"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"
import { CloseCode } from "../src/gateway/Connection.ts"
import * as Gateway from "../src/gateway/Gateway.ts"
import * as TelemetryDoor from "../src/gateway/TelemetryDoor.ts"
import { block, chunk, greet, simple } from "./Bridge.ts"
import { eventually, options, TestServer } from "./TestServer.ts"
import { TestSocket } from "./TestSocket.ts"

const decodeLive = (bytes: Uint8Array) => LiveFrame.decode(bytes)

/** A folder that goes away with its scope. */
const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline-failing-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

describe("The telemetry door", () => {
  it.scoped("waits five seconds for a hello, on its own clock", () =>
    Effect.gen(function* () {
      const door = yield* TelemetryDoor.TelemetryDoor
      const sent: Array<TelemetryFrame.TelemetryFrame | { readonly _tag: "FrameError" }> = []
      const closed: Array<number> = []
      door.open({
        address: "127.0.0.1",
        lasts: true,
        send: (frame) => sent.push(TelemetryFrame.decode(frame)),
        close: (code) => closed.push(code),
      })
      yield* TestClock.adjust("4900 millis")
      expect(closed).toEqual([])
      yield* TestClock.adjust("200 millis")
      expect(sent).toMatchObject([{ _tag: "Problem", message: "no hello came in time" }])
      expect(closed).toEqual([CloseCode.HelloTimeout])
    }).pipe(
      Effect.provide(
        TelemetryDoor.layer({ window: 8 }).pipe(
          Layer.provide(Layer.merge(Gateway.contexts(options), Gateway.protection(options))),
          Layer.provide(SqliteStore.layerTest()),
          Layer.provide(Logger.remove(Logger.defaultLogger)),
        ),
      ),
    ),
  )

  it.scopedLive("[log 6] acknowledges nothing that a full disk did not take, says so, and keeps what it has", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const device = yield* server.addDevice()
      const { bridge } = yield* greet(device)
      const large = (n: number) =>
        chunk(n, [
          block(
            "power",
            Array.from({ length: 20_000 }, (_, i) => [i, (i * 7919 * n) % 1999] as const),
          ),
        ])
      let acknowledged = 0
      for (let n = 1; bridge.closeCode === null && n < 200; n++) {
        bridge.say(large(n))
        const frame = yield* bridge.next
        if (frame._tag !== "Ack") {
          expect(frame).toMatchObject({ _tag: "Problem", code: "unavailable" })
          break
        }
        acknowledged = frame.n
      }
      expect(yield* bridge.closed).toBe(CloseCode.TryAgainLater)
      expect(acknowledged).toBeGreaterThan(0)
      const rows = yield* server.sql`SELECT n FROM chunk WHERE device_id = ${device.deviceId}`
      expect(rows).toHaveLength(acknowledged)
      const { body, status } = yield* server.request("POST", "/v1/devices", { name: "x".repeat(90) })
      if (status !== 201) expect({ body, status }).toMatchObject({ status: 503, body: { _tag: "Unavailable" } })
      expect((yield* server.request("GET", "/v1/devices")).status).toBe(200)
    }).pipe(Effect.provide(TestServer.layerOn(SqliteStore.layerTest({ database: { maxPageCount: 400 } })))),
  )
})

describe("A server that is told to stop", () => {
  it.scopedLive("stores and acknowledges what it took, tells every peer, and frees its folder and port", () =>
    Effect.gen(function* () {
      const store = SqliteStore.layer({ folder: yield* folder })
      const ready = yield* Deferred.make<{
        readonly url: string
        readonly bridge: Effect.Effect.Success<ReturnType<typeof greet>>["bridge"]
        readonly wall: TestSocket<LiveFrame.LiveFrame | { readonly _tag: "FrameError" }>
      }>()
      const running = yield* Effect.gen(function* () {
        const server = yield* TestServer
        const { bridge } = yield* greet(yield* server.addDevice())
        const wall = yield* TestSocket.open(`${server.url}/v1/live`, decodeLive)
        for (let n = 1; n <= 8; n++) bridge.say(simple(n))
        yield* Effect.sleep(1)
        yield* Deferred.succeed(ready, { url: server.url, bridge, wall })
        return yield* Effect.never
      }).pipe(Effect.provide(TestServer.layerOn(store)), Effect.fork)
      const { bridge, url, wall } = yield* Deferred.await(ready)
      const startedAt = performance.now()
      yield* Fiber.interrupt(running)
      expect(performance.now() - startedAt).toBeLessThan(5_000)
      expect(yield* bridge.closed).toBe(CloseCode.GoingAway)
      expect(yield* wall.closed).toBe(CloseCode.GoingAway)
      const acknowledged = bridge.frames.reduce((n, frame) => (frame._tag === "Ack" ? frame.n : n), 0)
      const refused = yield* Effect.promise(() => fetch(`${url}/healthz`).then(String, () => "refused"))
      expect(refused).toBe("refused")
      yield* Effect.gen(function* () {
        const { sql } = yield* TestServer
        const rows = yield* sql`SELECT n FROM chunk`
        expect(rows).toHaveLength(acknowledged)
      }).pipe(Effect.provide(TestServer.layerOn(store)))
    }),
  )

  it.scopedLive("tells a second server on its folder who it is", () =>
    Effect.gen(function* () {
      const path = yield* folder
      yield* Effect.gen(function* () {
        const second = yield* Effect.scoped(Layer.build(TestServer.layerOn(SqliteStore.layer({ folder: path })))).pipe(
          Effect.flip,
        )
        expect(second.message).toContain(`is in use by process ${process.pid}`)
        yield* eventually((yield* TestServer).request("GET", "/healthz"), ({ status }) => status === 200)
      }).pipe(Effect.provide(TestServer.layerOn(SqliteStore.layer({ folder: path }))))
    }),
  )
})
