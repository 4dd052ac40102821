import { mkdtempSync, rmSync } from "node:fs"
import { connect as connectTcp } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, layer, it as test } from "@effect/vitest"
import { LiveFrame, SensorKind } from "@paceline/core/wire"
import { Effect } from "effect"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"
import { CloseCode } from "../src/gateway/Connection.ts"
import { block, chunk, greet, live, seconds } from "./Bridge.ts"
import { eventually, TestServer } from "./TestServer.ts"
import { TestSocket } from "./TestSocket.ts"

const decode = (bytes: Uint8Array): LiveFrame.LiveFrame => {
  const frame = LiveFrame.decode(bytes)
  if (frame._tag === "FrameError") throw new Error(frame.detail)
  return frame
}

/** A watcher that keeps what it is told, and fails at the first gap. */
const watch = (channel: string, after: LiveFrame.Position | null = null) =>
  Effect.gen(function* () {
    const { url } = yield* TestServer
    const socket = yield* TestSocket.open(`${url}/v1/live`, decode)
    socket.send(LiveFrame.encode({ _tag: "Subscribe", channel, after }))
    let seen = 0
    let at = after
    const values = new Map<string, unknown>()
    const catchUp = Effect.sync(() => {
      for (const frame of socket.frames.slice(seen)) {
        seen++
        if (frame._tag === "Snapshot") {
          values.clear()
          for (const [key, value] of frame.entries) values.set(key, value)
          at = frame.at
        } else if (frame._tag === "Changes") {
          if (at?.epoch !== frame.epoch || at.seq !== frame.after) throw new Error("a gap")
          for (const [key, value] of frame.entries) value === null ? values.delete(key) : values.set(key, value)
          at = { epoch: frame.epoch, seq: frame.to }
        }
      }
      return { values, at }
    })
    /** The value of a key, once it is as it should be. */
    const value = (key: string, expected: object) =>
      eventually(
        Effect.map(catchUp, () => values.get(key)),
        (actual) => {
          try {
            expect(actual).toMatchObject(expected)
            return true
          } catch {
            return false
          }
        },
      )
    return { socket, values, catchUp, value }
  })

const raw = Effect.gen(function* () {
  const { url } = yield* TestServer
  return yield* TestSocket.open(`${url}/v1/live`, decode)
})

/** An athlete with a strap on a bridge that is connected. */
const athleteInClass = (classId: string, choices: object = { alias: "Anna", maxHeartRateBpm: 200 }) =>
  Effect.gen(function* () {
    const server = yield* TestServer
    const athlete = yield* server.addAthlete(choices)
    const device = yield* server.addDevice({ "strap-01": athlete.athleteId }, classId)
    // Live readings are shown of athletes whom training knows.
    yield* eventually(server.request("GET", "/readyz"), ({ body }) =>
      body.consumers.every((lag: { committed: number; end: number }) => lag.committed === lag.end),
    )
    const { bridge } = yield* greet(device)
    return { ...athlete, device, bridge }
  })

layer(TestServer.layer, { excludeTestServices: true })("The live door", (it) => {
  it.scoped("shows a heart rate as it comes, with percent and zone", () =>
    Effect.gen(function* () {
      const anna = yield* athleteInClass("a")
      const wall = yield* watch("classes/a/tiles")
      anna.bridge.say(live("strap-01", 171, 1_234))
      expect(yield* wall.value(anna.athleteId, { heartRateBpm: 171 })).toEqual({
        athleteId: anna.athleteId,
        alias: "Anna",
        heartRateBpm: 171,
        percentOfMax: 85,
        zone: 4,
        heartRateVisible: true,
        effortPoints: 0,
        contact: "live",
        sensedAtMs: 1_234,
      })
    }),
  )

  it.scoped("gives whoever comes late all that there is", () =>
    Effect.gen(function* () {
      const anna = yield* athleteInClass("late")
      const wall = yield* watch("classes/late/tiles")
      anna.bridge.say(live("strap-01", 120))
      yield* wall.value(anna.athleteId, { heartRateBpm: 120 })
      const late = yield* raw
      late.send(LiveFrame.encode({ _tag: "Subscribe", channel: "classes/late/tiles", after: null }))
      expect(yield* late.next).toMatchObject({
        _tag: "Snapshot",
        entries: [[anna.athleteId, { heartRateBpm: 120, alias: "Anna" }]],
      })
    }),
  )

  it.scoped("gives whoever comes back only what they missed", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const anna = yield* athleteInClass("back")
      const bo = yield* server.addAthlete({ alias: "Bo" })
      yield* server.request("PUT", `/v1/devices/${anna.device.deviceId}/sensors/strap-02`, {
        athleteId: bo.athleteId,
        classId: "back",
      })
      const wall = yield* watch("classes/back/tiles")
      anna.bridge.say(live("strap-01", 120))
      yield* wall.value(anna.athleteId, { heartRateBpm: 120 })
      const { at } = yield* wall.catchUp
      wall.socket.close()
      yield* wall.socket.closed
      const other = yield* watch("classes/back/tiles")
      yield* eventually(
        Effect.sync(() => anna.bridge.say(live("strap-02", 131))).pipe(Effect.zipRight(other.catchUp)),
        ({ values }) => values.has(bo.athleteId),
      )
      const back = yield* raw
      back.send(LiveFrame.encode({ _tag: "Subscribe", channel: "classes/back/tiles", after: at }))
      const missed = yield* back.next
      expect(missed).toMatchObject({ _tag: "Changes", epoch: at?.epoch, after: at?.seq })
      if (missed._tag !== "Changes") throw new Error("unreachable")
      expect(missed.entries.map(([key]) => key)).toEqual([bo.athleteId])
      expect(missed.to).toBe(missed.head)
    }),
  )

  it.scoped("never sends a heart rate that its athlete does not show", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const shy = yield* athleteInClass("shy", { alias: "Shy", heartRateVisible: false, maxHeartRateBpm: 200 })
      const wall = yield* watch("classes/shy/tiles")
      shy.bridge.say(live("strap-01", 173))
      const hidden = { heartRateBpm: null, percentOfMax: null, zone: null, contact: "live" }
      yield* wall.value(shy.athleteId, hidden)
      yield* server.request("PUT", "/v1/me", { ...shy.profile, heartRateVisible: true }, shy.key)
      yield* wall.value(shy.athleteId, { heartRateBpm: 173 })
      yield* server.request("PUT", "/v1/me", { ...shy.profile, alias: "Hush", version: 2 }, shy.key)
      yield* wall.value(shy.athleteId, { ...hidden, alias: "Hush" })
      const late = yield* raw
      late.send(LiveFrame.encode({ _tag: "Subscribe", channel: "classes/shy/tiles", after: null }))
      expect(JSON.stringify(yield* late.next)).not.toContain("173")
    }),
  )

  it.scoped("shows points from what is durable, a finished session, and the leaderboard", () =>
    Effect.gen(function* () {
      const anna = yield* athleteInClass("points")
      const tiles = yield* watch("classes/points/tiles")
      const leaderboard = yield* watch("classes/points/leaderboard")
      anna.bridge.say(live("strap-01", 150))
      anna.bridge.say(chunk(1, [block("heartRate", seconds(0, 121, 150))]))
      yield* tiles.value(anna.athleteId, { effortPoints: 6, contact: "live", heartRateBpm: 150 })
      expect(leaderboard.values.size).toBe(0)
      anna.bridge.say(chunk(2, [block("activity", [[121_000, SensorKind.ACTIVITY_ENDED]])]))
      yield* tiles.value(anna.athleteId, { effortPoints: 6, contact: "finished", heartRateBpm: null })
      yield* leaderboard.value(anna.athleteId, { points: 6, workouts: 1, alias: "Anna" })
      anna.bridge.say(live("strap-01", 99))
      anna.bridge.say(chunk(3, [block("heartRate", seconds(200, 201, 99))]))
      yield* eventually(
        Effect.sync(() => anna.bridge.say(live("strap-01", 101))).pipe(Effect.zipRight(tiles.catchUp)),
        ({ values }) => JSON.stringify(values.get(anna.athleteId)).includes(`"heartRateBpm":101`),
      )
      yield* tiles.value(anna.athleteId, { effortPoints: 0, contact: "live" })
    }),
  )

  it.scoped("refuses what is no channel, and too many of them, and goes on", () =>
    Effect.gen(function* () {
      const socket = yield* raw
      const subscribe = (channel: string) => socket.send(LiveFrame.encode({ _tag: "Subscribe", channel, after: null }))
      subscribe("classes/a b/tiles")
      expect(yield* socket.next).toMatchObject({ _tag: "Problem", code: "unknown-channel" })
      for (let i = 0; i < 33; i++) subscribe(`classes/c${i}/tiles`)
      for (let i = 0; i < 32; i++) expect((yield* socket.next)._tag).toBe("Snapshot")
      expect(yield* socket.next).toMatchObject({ _tag: "Problem", code: "too-many-channels" })
      socket.send(LiveFrame.encode({ _tag: "Unsubscribe", channel: "classes/c0/tiles" }))
      subscribe("classes/c32/tiles")
      expect((yield* socket.next)._tag).toBe("Snapshot")
    }),
  )

  it.scoped("refuses a version that it does not speak, and what is no frame, and closes", () =>
    Effect.gen(function* () {
      const future = LiveFrame.encode({ _tag: "Unsubscribe", channel: "classes/a/tiles" })
      future[1] = 9 // the version, behind the array's length
      const cases = [
        [future, "unknown-version"],
        ["hello", "malformed"],
        [new Uint8Array(2000), "malformed"],
      ] as const
      for (const [bytes, code] of cases) {
        const socket = yield* raw
        socket.send(bytes)
        expect(yield* socket.next).toMatchObject({ _tag: "Problem", code })
        expect(yield* socket.closed).toBe(CloseCode.BadFrame)
      }
    }),
  )

  it.scoped("lets a silent watcher know every two seconds that it is there", () =>
    Effect.gen(function* () {
      const socket = yield* raw
      yield* eventually(
        Effect.sync(() => socket.frames),
        (frames) => frames.some((frame) => frame._tag === "Heartbeat" && !frame.echo),
      )
    }),
  )

  it.scoped("closes a watcher that does not read, and keeps serving the others", () =>
    Effect.gen(function* () {
      const { url, ...server } = yield* TestServer
      const anna = yield* athleteInClass("slow")
      const request = Buffer.from(LiveFrame.encode({ _tag: "Subscribe", channel: "classes/slow/tiles", after: null }))
      const masked = Buffer.concat([Buffer.from([0x82, 0x80 | request.length, 0, 0, 0, 0]), request])
      const { hostname, port } = new URL(url)
      const closed = yield* Effect.async<boolean>((resume) => {
        const socket = connectTcp(Number(port), hostname)
        socket.write(
          "GET /v1/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
            "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )
        socket.pause()
        socket.on("error", () => {})
        // Whatever is asked for is answered with a snapshot that nobody reads: far more than the kernel buffers.
        for (let i = 0; i < 400; i++) socket.write(Buffer.concat(Array.from({ length: 1_000 }, () => masked)))
        setTimeout(() => socket.resume(), 500)
        const timeout = setTimeout(() => {
          resume(Effect.succeed(false))
          socket.destroy()
        }, 10_000)
        socket.on("close", () => {
          clearTimeout(timeout)
          resume(Effect.succeed(true))
        })
      })
      expect(closed).toBe(true)
      const wall = yield* watch("classes/slow/tiles")
      anna.bridge.say(live("strap-01", 140))
      yield* wall.value(anna.athleteId, { heartRateBpm: 140 })
      expect((yield* server.request("GET", "/healthz")).status).toBe(200)
    }),
  )
})

test.live("after a restart the wall knows the open sessions and the leaderboard, and says that contact is lost", () =>
  Effect.gen(function* () {
    const folder = mkdtempSync(join(tmpdir(), "paceline-restart-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true, force: true })))
    const store = SqliteStore.layer({ folder })
    const before = yield* Effect.scoped(
      Effect.gen(function* () {
        const anna = yield* athleteInClass("main")
        const wall = yield* watch("classes/main/tiles")
        anna.bridge.say(chunk(1, [block("heartRate", seconds(0, 61, 190))]))
        anna.bridge.say(chunk(2, [block("activity", [[60_000, SensorKind.ACTIVITY_ENDED]])]))
        anna.bridge.say(chunk(3, [block("heartRate", seconds(100, 161, 150))]))
        yield* wall.value(anna.athleteId, { effortPoints: 3 })
        const leaderboard = yield* watch("classes/main/leaderboard")
        yield* leaderboard.value(anna.athleteId, { points: 5 })
        return { athleteId: anna.athleteId, ...(yield* wall.catchUp) }
      }).pipe(Effect.provide(TestServer.layerOn(store))),
    )
    yield* Effect.gen(function* () {
      const socket = yield* raw
      socket.send(LiveFrame.encode({ _tag: "Subscribe", channel: "classes/main/tiles", after: before.at }))
      expect(yield* socket.next).toMatchObject({
        _tag: "Snapshot",
        entries: [[before.athleteId, { alias: "Anna", effortPoints: 3, contact: "lost", heartRateBpm: null }]],
      })
      const leaderboard = yield* watch("classes/main/leaderboard")
      yield* leaderboard.value(before.athleteId, { points: 5, workouts: 1 })
    }).pipe(Effect.scoped, Effect.provide(TestServer.layerOn(store)))
  }).pipe(Effect.scoped),
)
