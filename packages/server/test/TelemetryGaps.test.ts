/** What is missing is declared, stored with the rest, and shown. */
import { expect, layer } from "@effect/vitest"
import type { TelemetryFrame } from "@paceline/core/wire"
import { Effect } from "effect"
import { greet, simple } from "./Bridge.ts"
import { TestServer } from "./TestServer.ts"

const gap = (first: number, last: number, samples = 100): TelemetryFrame.Gap => ({
  _tag: "Gap",
  incarnation: "run-1",
  first,
  last,
  samples,
  fromMillis: 1_700_000_000_000,
  toMillis: 1_700_000_060_000,
  reason: "evicted",
})

const ack = (n: number) => ({ _tag: "Ack", incarnation: "run-1", n })

const gapsOf = (deviceId: string) =>
  Effect.flatMap(TestServer, ({ request }) => request("GET", `/v1/devices/${deviceId}/gaps`))

layer(TestServer.layer, { excludeTestServices: true })("Gaps", (it) => {
  it.scoped("are offered by a server that says so", () =>
    Effect.gen(function* () {
      const { welcome } = yield* greet(yield* (yield* TestServer).addDevice())
      expect(welcome.speaks).toContain("gap")
    }),
  )

  it.scoped("[bridge 22] take the place of chunks: acknowledged by their last number, and what follows flows", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const device = yield* server.addDevice()
      const { bridge } = yield* greet(device)
      bridge.say(simple(1))
      expect(yield* bridge.next).toEqual(ack(1))
      bridge.say(gap(2, 40))
      expect(yield* bridge.next).toEqual(ack(40))
      bridge.say(simple(41))
      expect(yield* bridge.next).toEqual(ack(41))
      const { body } = yield* gapsOf(device.deviceId)
      expect(body).toEqual([
        {
          incarnation: "run-1",
          first: 2,
          last: 40,
          samples: 100,
          fromMs: 1_700_000_000_000,
          toMs: 1_700_000_060_000,
          reason: "evicted",
          receivedAtMs: expect.any(Number),
        },
      ])
      const devices = yield* server.request("GET", "/v1/devices")
      const status = devices.body.find((one: { deviceId: string }) => one.deviceId === device.deviceId)
      expect(status).toMatchObject({ chunks: 2, missingChunks: 39 })
    }),
  )

  it.scoped("[bridge 3] that come again are acknowledged again, and those that have grown are one gap still", () =>
    Effect.gen(function* () {
      const device = yield* (yield* TestServer).addDevice()
      const { bridge } = yield* greet(device)
      for (const said of [simple(1), simple(2), gap(2, 5), gap(2, 5), gap(2, 9, 300)]) {
        bridge.say(said)
        yield* bridge.next
      }
      const { body } = yield* gapsOf(device.deviceId)
      // Chunk 2 came after all: the bridge had not heard so when it let it go.
      expect(body).toMatchObject([{ first: 3, last: 9, samples: 300 }])
    }),
  )

  it.scoped("[bridge 12] that leave something out between are refused", () =>
    Effect.gen(function* () {
      const device = yield* (yield* TestServer).addDevice()
      const { bridge } = yield* greet(device)
      bridge.say(gap(2, 5))
      expect(yield* bridge.next).toMatchObject({ _tag: "Problem", code: "out-of-order" })
      expect((yield* gapsOf(device.deviceId)).body).toEqual([])
    }),
  )

  it.scoped("of more chunks than anybody writes are refused", () =>
    Effect.gen(function* () {
      const device = yield* (yield* TestServer).addDevice()
      const { bridge } = yield* greet(device)
      bridge.say(gap(1, 2 ** 50))
      expect(yield* bridge.next).toMatchObject({ _tag: "Problem", code: "malformed" })
    }),
  )

  it.scoped("that a bridge said nothing about have no reason", () =>
    Effect.gen(function* () {
      const device = yield* (yield* TestServer).addDevice()
      yield* greet(device, [{ incarnation: "run-1", first: 41 }])
      expect((yield* gapsOf(device.deviceId)).body).toMatchObject([
        { first: 1, last: 40, samples: null, fromMs: null, reason: "unknown" },
      ])
    }),
  )

  it.scoped("are the admin's to see, of a device that there is", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const device = yield* server.addDevice()
      const path = `/v1/devices/${device.deviceId}/gaps`
      expect((yield* server.request("GET", path, undefined, device.key)).status).toBe(403)
      expect((yield* server.request("GET", "/v1/devices/bridge_none/gaps")).status).toBe(404)
    }),
  )
})
