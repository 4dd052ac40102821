/** `POST /v1/telemetry`: frames by hand, as another maker's bridge would send them. */
import { expect, layer } from "@effect/vitest"
import { FrameSequence, TelemetryFrame } from "@paceline/core/wire"
import { Effect } from "effect"
import { greet, simple } from "./Bridge.ts"
import { TestServer } from "./TestServer.ts"

const post = (body: Uint8Array<ArrayBuffer> | string, headers: Readonly<Record<string, string>> = {}) =>
  Effect.flatMap(TestServer, ({ url }) =>
    Effect.promise(() => fetch(`${url}/v1/telemetry`, { method: "POST", body, headers })),
  )

const say = (...frames: ReadonlyArray<TelemetryFrame.TelemetryFrame>) =>
  Effect.gen(function* () {
    const response = yield* post(FrameSequence.join(frames.map(TelemetryFrame.encode)))
    expect(response.status).toBe(200)
    expect(response.headers.get("content-type")).toBe(FrameSequence.CONTENT_TYPE)
    const body = yield* Effect.promise(() => response.arrayBuffer())
    return FrameSequence.split(new Uint8Array(body))?.map(TelemetryFrame.decode)
  })

const helloOf = (
  device: { readonly deviceId: string; readonly key: string },
  first?: number,
): TelemetryFrame.Hello => ({
  _tag: "Hello",
  deviceId: device.deviceId,
  key: device.key,
  waiting: first === undefined ? [] : [{ incarnation: "run-1", first }],
})

layer(TestServer.layer, { excludeTestServices: true })("Telemetry over HTTP", (it) => {
  it.scoped("[bridge 15] is the same conversation: a welcome, and what became of each frame", () =>
    Effect.gen(function* () {
      const device = yield* (yield* TestServer).addDevice()
      expect(yield* say(helloOf(device, 1))).toMatchObject([
        { _tag: "Welcome", marks: [{ incarnation: "run-1", mark: 0 }], speaks: expect.arrayContaining(["gap"]) },
      ])
      const answer = yield* say(helloOf(device), simple(1), { ...simple(2), crc: 7 }, simple(3))
      expect(answer?.[0]).toMatchObject({ _tag: "Welcome" })
      expect(answer).toContainEqual(expect.objectContaining({ _tag: "Quarantined", n: 2 }))
      expect(answer?.at(-1)).toEqual({ _tag: "Ack", incarnation: "run-1", n: 3 })
    }),
  )

  it.scoped("[bridge 3] stores what comes again once, whichever way it comes", () =>
    Effect.gen(function* () {
      const { sql, ...server } = yield* TestServer
      const device = yield* server.addDevice()
      const { bridge } = yield* greet(device)
      bridge.say(simple(1))
      yield* bridge.next
      expect((yield* say(helloOf(device), simple(1), simple(2)))?.at(-1)).toMatchObject({ _tag: "Ack", n: 2 })
      const rows = yield* sql`SELECT n FROM chunk WHERE device_id = ${device.deviceId} ORDER BY n`
      expect(rows).toEqual([{ n: 1 }, { n: 2 }])
    }),
  )

  it.scoped("[bridge 13] ignores what comes twice in one batch, and counts it as suppressed", () =>
    Effect.gen(function* () {
      const { request, sql } = yield* TestServer
      const device = yield* (yield* TestServer).addDevice()
      const answer = yield* say(helloOf(device), simple(1), simple(2), simple(1), simple(2), simple(2), simple(3))
      expect(answer?.at(-1)).toEqual({ _tag: "Ack", incarnation: "run-1", n: 3 })
      const rows = yield* sql`SELECT n FROM chunk WHERE device_id = ${device.deviceId} ORDER BY n`
      expect(rows).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
      const { body } = yield* request("GET", "/v1/devices")
      const status = body.find(({ deviceId }: { readonly deviceId: string }) => deviceId === device.deviceId)
      expect(status).toMatchObject({ chunks: 3, samples: 3, quarantined: 0, redeliveriesSuppressed: 3 })
    }),
  )

  it.scoped("[bridge 14] takes over from the device's WebSocket: the newest counts", () =>
    Effect.gen(function* () {
      const device = yield* (yield* TestServer).addDevice()
      const { bridge } = yield* greet(device)
      yield* say(helloOf(device), simple(1))
      expect(yield* bridge.next).toMatchObject({ _tag: "Problem", code: "superseded" })
    }),
  )

  it.scoped("[bridge 12] refuses what is out of order, in words, and what came before it is stored", () =>
    Effect.gen(function* () {
      const device = yield* (yield* TestServer).addDevice()
      const answer = yield* say(helloOf(device), simple(1), simple(3))
      expect(answer).toMatchObject([
        { _tag: "Welcome" },
        { _tag: "Ack", n: 1 },
        { _tag: "Problem", code: "out-of-order" },
      ])
    }),
  )

  it.scoped("refuses a wrong key once, whatever follows it", () =>
    Effect.gen(function* () {
      const device = yield* (yield* TestServer).addDevice()
      const wrong = { ...device, key: `pl_${"x".repeat(43)}` }
      expect(yield* say(helloOf(wrong), simple(1))).toMatchObject([{ _tag: "Problem", code: "unauthorized" }])
    }),
  )

  it.scoped("refuses frames without a hello", () =>
    Effect.gen(function* () {
      expect(yield* say(simple(1))).toMatchObject([{ _tag: "Problem", code: "malformed" }])
    }),
  )

  it.scoped("refuses a body that is no sequence of frames, or cut short, or has none", () =>
    Effect.gen(function* () {
      const device = yield* (yield* TestServer).addDevice()
      const whole = FrameSequence.join([TelemetryFrame.encode(helloOf(device)), TelemetryFrame.encode(simple(1))])
      for (const body of ["hello", new Uint8Array(), whole.slice(0, -1)]) {
        const response = yield* post(body)
        expect(response.status).toBe(400)
        expect(yield* Effect.promise(() => response.json())).toMatchObject({ _tag: "Malformed" })
      }
    }),
  )

  it.scoped("lets pages in that are allowed, and no others", () =>
    Effect.gen(function* () {
      const device = yield* (yield* TestServer).addDevice()
      const body = FrameSequence.join([TelemetryFrame.encode(helloOf(device))])
      const allowed = yield* post(body, { origin: "https://app.example" })
      expect(allowed.headers.get("access-control-allow-origin")).toBe("https://app.example")
      expect((yield* post(body, { origin: "https://evil.example" })).status).toBe(403)
    }),
  )
})
