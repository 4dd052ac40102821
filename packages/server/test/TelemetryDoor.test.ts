import { expect, layer } from "@effect/vitest"
import { crc32, SensorKind, TelemetryFrame } from "@paceline/core/wire"
import { Effect } from "effect"
import { describe } from "vitest"
import { CloseCode } from "../src/gateway/Connection.ts"
import { block, chunk, connect, greet, seconds, simple } from "./Bridge.ts"
import { eventually, TestServer } from "./TestServer.ts"

const stored = (deviceId: string) =>
  Effect.gen(function* () {
    const { sql } = yield* TestServer
    return yield* sql<{ incarnation: string; n: number; crc: number; payload: Uint8Array }>`
      SELECT incarnation, n, crc, payload FROM chunk WHERE device_id = ${deviceId} ORDER BY incarnation, n`
  })

const statusOf = (deviceId: string) =>
  Effect.gen(function* () {
    const { request } = yield* TestServer
    const { body } = yield* request("GET", "/v1/devices")
    return body.find((device: { deviceId: string }) => device.deviceId === deviceId)
  })

layer(TestServer.layer, { excludeTestServices: true })("The telemetry door", (it) => {
  describe("greeting", () => {
    it.scoped("refuses a wrong key, in words, and closes", () =>
      Effect.gen(function* () {
        const device = yield* (yield* TestServer).addDevice()
        const bridge = yield* connect
        bridge.say({ _tag: "Hello", deviceId: device.deviceId, key: `pl_${"x".repeat(43)}`, waiting: [] })
        expect(yield* bridge.next).toMatchObject({ _tag: "Problem", code: "unauthorized" })
        expect(yield* bridge.closed).toBe(CloseCode.Unauthorized)
      }),
    )

    it.scoped("refuses the key of another device, and of an athlete", () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const device = yield* server.addDevice()
        const other = yield* server.addDevice()
        const athlete = yield* server.addAthlete({ alias: "Anna" })
        for (const key of [other.key, athlete.key, server.adminKey]) {
          const bridge = yield* connect
          bridge.say({ _tag: "Hello", deviceId: device.deviceId, key, waiting: [] })
          expect(yield* bridge.next).toMatchObject({ _tag: "Problem", code: "unauthorized" })
          expect(yield* bridge.closed).toBe(CloseCode.Unauthorized)
        }
      }),
    )

    it.scoped("refuses a version that it does not speak, and closes", () =>
      Effect.gen(function* () {
        const bridge = yield* connect
        const hello = TelemetryFrame.encode({ _tag: "Hello", deviceId: "d", key: "k", waiting: [] })
        hello[1] = 9 // the version, behind the array's length
        bridge.send(hello)
        expect(yield* bridge.next).toMatchObject({ _tag: "Problem", code: "unknown-version" })
        expect(yield* bridge.closed).toBe(CloseCode.BadFrame)
      }),
    )

    it.scoped("refuses what is no frame, and a chunk before the welcome", () =>
      Effect.gen(function* () {
        for (const bad of ["hello", new Uint8Array([0xc1, 7]), TelemetryFrame.encode(simple(1))]) {
          const bridge = yield* connect
          bridge.send(bad)
          expect(yield* bridge.next).toMatchObject({ _tag: "Problem", code: "malformed" })
          expect(yield* bridge.closed).toBe(CloseCode.BadFrame)
        }
      }),
    )

    it.scoped("says how far each incarnation was received", () =>
      Effect.gen(function* () {
        const device = yield* (yield* TestServer).addDevice()
        const { bridge } = yield* greet(device)
        bridge.say(simple(1, "old"))
        bridge.say(simple(2, "old"))
        yield* bridge.next
        const { welcome } = yield* greet(device, [
          { incarnation: "old", first: 1 },
          { incarnation: "new", first: 1 },
        ])
        expect(welcome).toMatchObject({
          window: 8,
          marks: [
            { incarnation: "old", mark: 2 },
            { incarnation: "new", mark: 0 },
          ],
        })
      }),
    )

    it.scoped("[bridge 10] declares what the bridge no longer has, and goes on behind it", () =>
      Effect.gen(function* () {
        const { sql, ...server } = yield* TestServer
        const device = yield* server.addDevice()
        const { bridge, welcome } = yield* greet(device, [{ incarnation: "run-1", first: 41 }])
        expect(welcome.marks).toEqual([{ incarnation: "run-1", mark: 40 }])
        expect(yield* sql`SELECT first_missing, last_missing FROM gap WHERE device_id = ${device.deviceId}`).toEqual([
          { first_missing: 1, last_missing: 40 },
        ])
        bridge.say(simple(41))
        expect(yield* bridge.next).toEqual({ _tag: "Ack", incarnation: "run-1", n: 41 })
        expect(yield* statusOf(device.deviceId)).toMatchObject({ missingChunks: 40, chunks: 1, connected: true })
      }),
    )
  })

  describe("chunks", () => {
    it.scoped("are stored byte by byte before they are acknowledged", () =>
      Effect.gen(function* () {
        const device = yield* (yield* TestServer).addDevice()
        const { bridge } = yield* greet(device)
        const sent = [1, 2, 3].map((n) => simple(n))
        for (const one of sent) bridge.say(one)
        let acknowledged = 0
        while (acknowledged < 3) {
          const frame = yield* bridge.next
          if (frame._tag !== "Ack") throw new Error(JSON.stringify(frame))
          acknowledged = frame.n
          expect((yield* stored(device.deviceId)).length).toBeGreaterThanOrEqual(acknowledged)
        }
        const rows = yield* stored(device.deviceId)
        expect(rows.map(({ n, crc }) => ({ n, crc }))).toEqual(sent.map(({ n, crc }) => ({ n, crc })))
        for (const [i, row] of rows.entries()) expect(new Uint8Array(row.payload)).toEqual(sent[i]!.payload)
        expect(yield* statusOf(device.deviceId)).toMatchObject({ chunks: 3, samples: 3, quarantined: 0 })
      }),
    )

    it.scoped("[bridge 3] that come again are acknowledged again, and suppressed", () =>
      Effect.gen(function* () {
        const device = yield* (yield* TestServer).addDevice()
        const first = yield* greet(device)
        first.bridge.say(simple(1))
        first.bridge.say(simple(2))
        yield* eventually(stored(device.deviceId), (rows) => rows.length === 2)
        const again = yield* greet(device, [{ incarnation: "run-1", first: 1 }])
        again.bridge.say(simple(1))
        expect(yield* again.bridge.next).toEqual({ _tag: "Ack", incarnation: "run-1", n: 2 })
        again.bridge.say(simple(2))
        again.bridge.say(simple(3))
        yield* eventually(stored(device.deviceId), (rows) => rows.length === 3)
        expect(yield* statusOf(device.deviceId)).toMatchObject({ chunks: 3, redeliveriesSuppressed: 2 })
      }),
    )

    it.scoped("[bridge 12] out of order are refused, and asked for from the right one", () =>
      Effect.gen(function* () {
        const device = yield* (yield* TestServer).addDevice()
        const { bridge } = yield* greet(device)
        bridge.say(simple(2))
        expect(yield* bridge.next).toMatchObject({
          _tag: "Problem",
          code: "out-of-order",
          message: expect.stringContaining("before chunk 1"),
        })
        expect(yield* bridge.closed).toBe(CloseCode.OutOfOrder)
        expect(yield* stored(device.deviceId)).toEqual([])
      }),
    )

    it.scoped("[bridge 18] that are damaged are quarantined, and those behind them flow", () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const device = yield* server.addDevice()
        const { bridge } = yield* greet(device)
        bridge.say(simple(1))
        bridge.say({ ...simple(2), crc: 77 })
        const future = new Uint8Array([9, 1, 2, 3])
        bridge.say({ ...simple(3), payload: future, crc: crc32(future) })
        bridge.say(simple(4))
        const reasons: Record<number, string> = {}
        for (let mark = 0; mark < 4; ) {
          const frame = yield* bridge.next
          if (frame._tag === "Ack") mark = frame.n
          if (frame._tag === "Quarantined") reasons[frame.n] = frame.reason
        }
        expect(reasons).toEqual({
          2: expect.stringMatching(/^wrong-crc: /),
          3: expect.stringMatching(/^unknown-version: /),
        })
        expect((yield* stored(device.deviceId)).map(({ n }) => n)).toEqual([1, 4])
        expect(yield* statusOf(device.deviceId)).toMatchObject({ chunks: 2, quarantined: 2 })
        const { body } = yield* server.request("GET", `/v1/devices/${device.deviceId}/quarantine`)
        expect(body).toMatchObject([
          { n: 3, bytes: 4 },
          { n: 2, bytes: simple(2).payload.byteLength },
        ])
      }),
    )

    it.scoped("with a known number but other bytes are kept aside: they are no redelivery", () =>
      Effect.gen(function* () {
        const device = yield* (yield* TestServer).addDevice()
        const { bridge } = yield* greet(device)
        bridge.say(simple(1))
        yield* bridge.next
        bridge.say({ ...simple(7), n: 1 })
        expect(yield* bridge.next).toMatchObject({ _tag: "Quarantined", n: 1 })
        expect(yield* bridge.next).toMatchObject({ _tag: "Ack", n: 1 })
        expect(yield* statusOf(device.deviceId)).toMatchObject({ quarantined: 1, redeliveriesSuppressed: 0 })
      }),
    )

    it.scoped("[bridge 19] beyond the window end the connection", () =>
      Effect.gen(function* () {
        const device = yield* (yield* TestServer).addDevice()
        const { bridge } = yield* greet(device)
        for (let n = 1; n <= 40; n++) bridge.say(simple(n))
        expect(yield* bridge.closed).toBe(CloseCode.BadFrame)
        expect(bridge.frames.at(-1)).toMatchObject({ _tag: "Problem", code: "malformed" })
        expect((yield* stored(device.deviceId)).length).toBeLessThanOrEqual(16)
      }),
    )
  })

  describe("connections", () => {
    it.scoped("[bridge 14] two of one device: the newest wins, and nothing is stored twice", () =>
      Effect.gen(function* () {
        const device = yield* (yield* TestServer).addDevice()
        const old = yield* greet(device)
        old.bridge.say(simple(1))
        old.bridge.say(simple(2))
        const newer = yield* greet(device, [{ incarnation: "run-1", first: 1 }])
        expect(yield* old.bridge.closed).toBe(CloseCode.Superseded)
        expect(old.bridge.frames.at(-1)).toMatchObject({ _tag: "Problem", code: "superseded" })
        for (const n of [1, 2, 3]) newer.bridge.say(simple(n))
        yield* eventually(stored(device.deviceId), (rows) => rows.length === 3)
        expect(yield* statusOf(device.deviceId)).toMatchObject({ chunks: 3, connected: true })
        newer.bridge.close()
        yield* eventually(statusOf(device.deviceId), (status) => !status.connected)
      }),
    )

    it.scoped("answer a heartbeat", () =>
      Effect.gen(function* () {
        const bridge = yield* connect
        bridge.say({ _tag: "Heartbeat", echo: false })
        yield* eventually(
          Effect.sync(() => bridge.frames),
          (frames) => frames.some((frame) => frame._tag === "Heartbeat" && frame.echo),
        )
      }),
    )

    it.scoped("survive live readings that cannot be read", () =>
      Effect.gen(function* () {
        const device = yield* (yield* TestServer).addDevice()
        const { bridge } = yield* greet(device)
        bridge.say({ _tag: "Live", sensedAtMs: 1, payload: new Uint8Array([9]) })
        expect(yield* bridge.next).toMatchObject({ _tag: "Problem", code: "malformed" })
        bridge.say(simple(1))
        expect(yield* bridge.next).toMatchObject({ _tag: "Ack", n: 1 })
      }),
    )
  })

  describe("what chunks say", () => {
    it.scoped("becomes a workout, points and a place on the leaderboard, once", () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const anna = yield* server.addAthlete({ alias: "Anna", maxHeartRateBpm: 200 })
        const device = yield* server.addDevice({ "strap-01": anna.athleteId }, "once")
        const { bridge } = yield* greet(device)
        bridge.say(chunk(1, [block("heartRate", seconds(0, 120, 150))]))
        const last = chunk(2, [
          block("heartRate", seconds(120, 241, 170)),
          block("activity", [[240_000, SensorKind.ACTIVITY_ENDED]]),
        ])
        bridge.say(last)
        bridge.say(last)
        const leaderboard = yield* eventually(
          server.request("GET", "/v1/classes/once/leaderboard"),
          ({ body }) => body.length > 0,
        )
        // Two minutes in zone 3, two in zone 4.
        expect(leaderboard.body).toEqual([{ athleteId: anna.athleteId, alias: "Anna", points: 14, workouts: 1 }])
        const workouts = yield* server.request("GET", `/v1/athletes/${anna.athleteId}/workouts`, undefined, anna.key)
        expect(workouts.body).toMatchObject([
          {
            classId: "once",
            startedAtMs: 0,
            endedAtMs: 240_000,
            zoneMillis: [0, 0, 0, 120_000, 120_000, 0],
            effortPoints: 14,
            heartRateSamples: 241,
            highestHeartRateBpm: 170,
            recordedBy: { sensor: "strap-01", source: "strap" },
          },
        ])
        const points = yield* server.request("GET", `/v1/athletes/${anna.athleteId}/points`)
        expect(points.body).toMatchObject([
          { points: 14, explanation: "2:00 min in zone 3 (× 3), 2:00 min in zone 4 (× 4): 14 points" },
        ])
      }),
    )

    it.scoped("cuts two activities in one chunk into two workouts", () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const anna = yield* server.addAthlete({ alias: "Anna", maxHeartRateBpm: 200 })
        const device = yield* server.addDevice({ "strap-01": anna.athleteId }, "twice")
        const { bridge } = yield* greet(device)
        bridge.say(
          chunk(1, [
            block("heartRate", seconds(0, 100, 190)),
            block("activity", [
              [30_000, SensorKind.ACTIVITY_ENDED],
              [31_000, SensorKind.ACTIVITY_STARTED],
              [99_000, SensorKind.ACTIVITY_ENDED],
            ]),
          ]),
        )
        const workouts = yield* eventually(
          server.request("GET", `/v1/athletes/${anna.athleteId}/workouts`),
          ({ body }) => body.length === 2,
        )
        expect(workouts.body).toMatchObject([
          { startedAtMs: 31_000, endedAtMs: 99_000, heartRateSamples: 69 },
          { startedAtMs: 0, endedAtMs: 30_000, heartRateSamples: 31 },
        ])
      }),
    )

    it.scoped("ends where the athlete says so, at the last sample", () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const anna = yield* server.addAthlete({ alias: "Anna", maxHeartRateBpm: 200 })
        const device = yield* server.addDevice({ "strap-01": anna.athleteId }, "by-hand")
        const { bridge } = yield* greet(device)
        bridge.say(chunk(1, [block("heartRate", seconds(0, 61, 190))]))
        const complete = server.request(
          "POST",
          `/v1/classes/by-hand/athletes/${anna.athleteId}/complete`,
          undefined,
          anna.key,
        )
        const { body } = yield* eventually(complete, ({ status }) => status === 200)
        expect(body).toMatchObject({ startedAtMs: 0, endedAtMs: 60_000, effortPoints: 5 })
        expect((yield* complete).status).toBe(404)
      }),
    )

    it.scoped("of a heart that is no number is stored, and counts for nothing", () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const anna = yield* server.addAthlete({ alias: "Anna" })
        const device = yield* server.addDevice({ "strap-01": anna.athleteId }, "odd")
        const { bridge } = yield* greet(device)
        bridge.say(
          chunk(1, [
            block("heartRate", [
              [1_000, Number.NaN],
              [2_000, 100],
              [3_000, Number.POSITIVE_INFINITY],
              [4_000, -5],
              [5_000, 110],
            ]),
            block("activity", [[6_000, SensorKind.ACTIVITY_ENDED]]),
          ]),
        )
        const workouts = yield* eventually(
          server.request("GET", `/v1/athletes/${anna.athleteId}/workouts`),
          ({ body }) => body.length === 1,
        )
        expect(workouts.body).toMatchObject([{ heartRateSamples: 2, highestHeartRateBpm: 110, meanHeartRateBpm: 105 }])
        expect(yield* statusOf(device.deviceId)).toMatchObject({ samples: 6 })
      }),
    )
  })
})
