/** Load on a real server: what happens to one part when another has too much to do. Time is the test's. */
import { connect as connectTcp } from "node:net"
import { expect, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { describe } from "vitest"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"
import { CloseCode } from "../src/gateway/Connection.ts"
import type { GatewayOptions } from "../src/gateway/Gateway.ts"
import { greet, simple } from "./Bridge.ts"
import { TestServer } from "./TestServer.ts"

const LEADERBOARD = "/v1/classes/main/leaderboard"

const server = (changes: Partial<GatewayOptions>) => TestServer.layerOn(SqliteStore.layerTest(), changes)

/** Takes so many places of a compartment, until the fiber that is given back is interrupted. */
const occupy = (part: "api" | "telemetry", places: number) =>
  Effect.gen(function* () {
    const { compartments } = yield* TestServer
    const holding = yield* Effect.forkScoped(
      Effect.all(
        Array.from({ length: places }, () => compartments[part].run(Effect.never)),
        { concurrency: "unbounded" },
      ),
    )
    while ((yield* compartments[part].stats).running < places) yield* Effect.yieldNow()
    return holding
  })

/** Waits, on the real clock, until so many wait in a compartment. */
const untilWaiting = (part: "api" | "telemetry", count: number) =>
  Effect.gen(function* () {
    const { compartments } = yield* TestServer
    for (let tries = 0; (yield* compartments[part].stats).waiting !== count; tries++) {
      if (tries > 1_000) return yield* Effect.dieMessage(`${count} never waited`)
      yield* Effect.promise(() => Bun.sleep(2))
    }
  })

const ask = (path: string, key: string | null = null) =>
  Effect.gen(function* () {
    const { url } = yield* TestServer
    const headers: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` }
    return yield* Effect.promise(async () => {
      const response = await fetch(url + path, { headers })
      const body: unknown = await response.json()
      return { status: response.status, retryAfter: response.headers.get("retry-after"), body }
    })
  })

describe("An API that has too much to do", () => {
  it.scoped("refuses who has no key first, says when to come again, and bridges notice nothing", () =>
    Effect.gen(function* () {
      const { addDevice, adminKey } = yield* TestServer
      const device = yield* addDevice()
      const holding = yield* occupy("api", 2)
      const patient = yield* Effect.fork(ask(LEADERBOARD))
      yield* untilWaiting("api", 1)
      expect(yield* ask(LEADERBOARD)).toMatchObject({
        status: 503,
        retryAfter: "1",
        body: { _tag: "Unavailable", message: expect.stringContaining("too much to do") },
      })
      const admin = yield* Effect.fork(ask("/v1/devices", adminKey))
      yield* untilWaiting("api", 2)
      expect((yield* ask("/v1/devices", adminKey)).status).toBe(503)

      const { bridge } = yield* greet(device)
      for (let n = 1; n <= 20; n++) {
        bridge.say(simple(n))
        expect(yield* bridge.next).toMatchObject({ _tag: "Ack", n })
      }

      yield* Fiber.interrupt(holding)
      expect([(yield* Fiber.join(patient)).status, (yield* Fiber.join(admin)).status]).toEqual([200, 200])
    }).pipe(Effect.provide(server({ apiConcurrency: 2, apiQueue: 2 }))),
  )

  it.scoped("lets nobody wait longer than two seconds", () =>
    Effect.gen(function* () {
      yield* occupy("api", 1)
      const waiting = yield* Effect.fork(ask(LEADERBOARD))
      yield* untilWaiting("api", 1)
      yield* TestClock.adjust("2100 millis")
      expect(yield* Fiber.join(waiting)).toMatchObject({ status: 503, retryAfter: "1" })
    }).pipe(Effect.provide(server({ apiConcurrency: 1, apiQueue: 10 }))),
  )

  it.scoped("gives no place to a body that comes slowly", () =>
    Effect.gen(function* () {
      const { adminKey, url } = yield* TestServer
      const { hostname, port } = new URL(url)
      const body = JSON.stringify({ name: "Slow" })
      const head = [
        "POST /v1/devices HTTP/1.1",
        `host: ${hostname}`,
        `authorization: Bearer ${adminKey}`,
        "content-type: application/json",
        `content-length: ${body.length}`,
        "connection: close",
      ].join("\r\n")
      const socket = connectTcp(Number(port), hostname)
      const answered = new Promise<string>((resolve) => {
        let text = ""
        socket.on("data", (data) => {
          text += data.toString()
        })
        socket.on("close", () => resolve(text))
      })
      socket.write(`${head}\r\n\r\n${body.slice(0, 5)}`)
      yield* Effect.promise(() => Bun.sleep(100))
      expect((yield* ask(LEADERBOARD)).status).toBe(200)
      socket.write(body.slice(5))
      expect(yield* Effect.promise(() => answered)).toContain(`"name":"Slow"`)
    }).pipe(Effect.provide(server({ apiConcurrency: 1, apiQueue: 0 }))),
  )
})

describe("Bridges that have too much to deliver", () => {
  it.scoped("leave the API its places, and are acknowledged when it is their turn", () =>
    Effect.gen(function* () {
      const { addDevice, adminKey } = yield* TestServer
      const { bridge } = yield* greet(yield* addDevice())
      const holding = yield* occupy("telemetry", 1)
      bridge.say(simple(1))
      yield* untilWaiting("telemetry", 1)
      expect((yield* ask("/v1/devices", adminKey)).status).toBe(200)
      yield* Fiber.interrupt(holding)
      expect(yield* bridge.next).toMatchObject({ _tag: "Ack", n: 1 })
    }).pipe(Effect.provide(server({ telemetryConcurrency: 1 }))),
  )

  it.scoped("are sent away with their chunks after ten seconds", () =>
    Effect.gen(function* () {
      const { bridge } = yield* greet(yield* (yield* TestServer).addDevice())
      yield* occupy("telemetry", 1)
      bridge.say(simple(1))
      yield* untilWaiting("telemetry", 1)
      yield* TestClock.adjust("11 seconds")
      expect(yield* bridge.next).toMatchObject({ _tag: "Problem", code: "unavailable", retryAfterMillis: 2_000 })
      expect(yield* bridge.closed).toBe(CloseCode.TryAgainLater)
    }).pipe(Effect.provide(server({ telemetryConcurrency: 1 }))),
  )
})

describe("Load that stays", () => {
  it.scoped("lets leaderboards and points rest, shows it, and brings them back", () =>
    Effect.gen(function* () {
      const { addAthlete } = yield* TestServer
      const anna = yield* addAthlete({ alias: "Anna" })
      const points = `/v1/athletes/${anna.athleteId}/points`
      expect(yield* ask("/readyz")).toMatchObject({ body: { degradation: { level: 0, off: [] } } })
      const holding = yield* occupy("api", 3)
      yield* TestClock.adjust("14 seconds")
      expect((yield* ask(points)).status).toBe(200)
      yield* TestClock.adjust("4 seconds")
      expect(yield* ask("/readyz")).toMatchObject({
        status: 200,
        body: { degradation: { level: 3, off: ["recommendations", "analytics", "gamification"] } },
      })
      yield* TestClock.adjust("60 seconds")
      expect(yield* ask("/readyz")).toMatchObject({ body: { degradation: { level: 3 } } })
      for (const path of [points, LEADERBOARD]) {
        expect(yield* ask(path)).toMatchObject({ status: 503, retryAfter: "5", body: { _tag: "Unavailable" } })
      }
      expect((yield* ask("/v1/me", anna.key)).status).toBe(200)
      yield* Fiber.interrupt(holding)
      yield* TestClock.adjust("100 seconds")
      expect((yield* ask(points)).status).toBe(200)
      expect(yield* ask("/readyz")).toMatchObject({ body: { degradation: { level: 0, off: [] } } })
    }).pipe(Effect.provide(server({ apiConcurrency: 4, degradeAtPercent: 75, recoverAtPercent: 50 }))),
  )
})
