/** How far a bridge's clock is believed, as whoever makes the bridge reads it. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { describe } from "vitest"
import { connect, simple } from "./Bridge.ts"
import { eventually, TestServer } from "./TestServer.ts"

const HOUR = 3_600_000

describe("GET /v1/devices/…/clocks", () => {
  it.scopedLive("says of each incarnation what its newest chunk's clock was worth, the newest first", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const device = yield* server.addDevice()
      /** A bridge whose clock is off by so much, and how many chunks of it came. */
      const deliver = (incarnation: string, offMs: number, chunks: number) =>
        Effect.gen(function* () {
          const bridge = yield* connect
          const clock = (monotonicMs: number) => ({
            boot: `boot-${incarnation}`,
            monotonicMs,
            wallMs: Date.now() + offMs,
          })
          bridge.say({ _tag: "Hello", ...device, waiting: [], clock: clock(5_000) })
          expect(yield* bridge.next).toMatchObject({ _tag: "Welcome" })
          for (let n = 1; n <= chunks; n++) bridge.say({ ...simple(n, incarnation), clock: clock(5_000 + n) })
          yield* eventually(bridge.next, (frame) => frame._tag === "Ack" && frame.n === chunks)
          bridge.close()
        })
      yield* deliver("good", 0, 2)
      yield* Effect.sleep(5)
      yield* deliver("slow", -HOUR, 1)
      const { body, status } = yield* server.request("GET", `/v1/devices/${device.deviceId}/clocks`)
      expect(status).toBe(200)
      expect(body).toEqual([
        {
          incarnation: "slow",
          n: 1,
          clock: "behind",
          boot: "boot-slow",
          wallMs: expect.any(Number),
          monotonicMs: 5_001,
          receivedAtMs: expect.any(Number),
        },
        expect.objectContaining({ incarnation: "good", n: 2, clock: "ok", monotonicMs: 5_002 }),
      ])
      expect(Math.abs(body[0].receivedAtMs - body[0].wallMs - HOUR)).toBeLessThan(60_000)

      const of = (path: string, key?: string) =>
        Effect.map(server.request("GET", path, undefined, key), (one) => one.status)
      expect(yield* of("/v1/devices/nobody/clocks")).toBe(404)
      expect(yield* of(`/v1/devices/${device.deviceId}/clocks`, device.key)).toBe(403)
    }).pipe(Effect.provide(TestServer.layer)),
  )
})
