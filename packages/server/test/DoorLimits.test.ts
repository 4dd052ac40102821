/** Limits at the doors of a real server, on the test's clock: time passes only where a test says so. */
import { expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { describe } from "vitest"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"
import * as Networks from "../src/config/Networks.ts"
import { CloseCode } from "../src/gateway/Connection.ts"
import * as DoorLimits from "../src/gateway/DoorLimits.ts"
import type { GatewayOptions } from "../src/gateway/Gateway.ts"
import { connect, greet, simple } from "./Bridge.ts"
import { TestServer } from "./TestServer.ts"

const LEADERBOARD = "/v1/classes/main/leaderboard"

const server = (changes: Partial<GatewayOptions> = {}) => TestServer.layerOn(SqliteStore.layerTest(), changes)

/** Limits that are all at once: a minute's worth is the burst. */
const limits = (changes: Partial<DoorLimits.LimitsPerMinute>): Partial<GatewayOptions> => ({
  limitsPerMinute: { ...DoorLimits.standard.limitsPerMinute, ...changes },
  burstPercent: 100,
})

const ask = (path: string, key: string | null = null, headers: Record<string, string> = {}) =>
  Effect.gen(function* () {
    const { url } = yield* TestServer
    return yield* Effect.promise(async () => {
      const authorization: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` }
      const response = await fetch(url + path, { headers: { ...authorization, ...headers } })
      const text = await response.text()
      const body: unknown = text.startsWith("{") ? JSON.parse(text) : text
      return {
        status: response.status,
        retryAfter: response.headers.get("retry-after"),
        body,
        headers: response.headers,
      }
    })
  })

/** How so many requests in a row ended, in order. */
const statuses = (times: number, path: string, key: string | null = null, headers: Record<string, string> = {}) =>
  Effect.map(
    Effect.forEach(Array.from({ length: times }), () => ask(path, key, headers)),
    (answers) => answers.map(({ status }) => status),
  )

const times = (count: number, status: number): ReadonlyArray<number> => Array.from({ length: count }, () => status)

const wrongKey = `pl_${"x".repeat(43)}`

describe("Limits of a key", () => {
  it.scoped(
    "let a fifth of a minute's requests through at once, and then one for each pause that Retry-After says",
    () =>
      Effect.gen(function* () {
        const { addAthlete } = yield* TestServer
        const [anna, bo] = [yield* addAthlete({ alias: "Anna" }), yield* addAthlete({ alias: "Bo" })]
        expect(yield* statuses(20, "/v1/me", anna.key)).toEqual(times(20, 200))
        const refused = yield* ask("/v1/me", anna.key)
        expect(refused).toMatchObject({
          status: 429,
          retryAfter: "1",
          body: { _tag: "TooManyRequests", limit: "user-api", retryAfterSeconds: 1 },
        })
        expect(refused.body).toMatchObject({ message: expect.stringContaining("Try again in 1 s.") })
        expect((yield* ask("/v1/me", bo.key)).status).toBe(200)
        for (let turn = 0; turn < 5; turn++) {
          yield* TestClock.adjust("1 second")
          expect((yield* ask("/v1/me", anna.key)).status).toBe(200)
        }
      }).pipe(Effect.provide(server())),
  )

  it.scoped("never let more than the limit and its burst through in a minute", () =>
    Effect.gen(function* () {
      const { key } = yield* (yield* TestServer).addAthlete({ alias: "Anna" })
      let passed = 0
      for (let second = 0; second < 60; second++) {
        passed += (yield* statuses(3, "/v1/me", key)).filter((status) => status === 200).length
        yield* TestClock.adjust("1 second")
      }
      expect(passed).toBeLessThanOrEqual(120)
      expect(passed).toBeGreaterThan(90)
    }).pipe(Effect.provide(server())),
  )

  it.scoped(
    "are taken with the address's, or not at all: a key that overdoes it leaves the address to the others",
    () =>
      Effect.gen(function* () {
        const { key } = yield* (yield* TestServer).addAthlete({ alias: "Anna" })
        expect(yield* statuses(20, "/v1/me", key)).toEqual([...times(5, 200), ...times(15, 429)])
        expect(yield* statuses(25, LEADERBOARD)).toEqual(times(25, 200))
        expect(yield* ask(LEADERBOARD)).toMatchObject({ status: 429, body: { limit: "address-all" } })
      }).pipe(Effect.provide(server(limits({ user: 5, address: 30 })))),
  )

  it.scoped("hold the admin's key by itself: a flood from its address does not lock it out", () =>
    Effect.gen(function* () {
      const { adminKey } = yield* TestServer
      expect(yield* statuses(4, LEADERBOARD)).toEqual([...times(3, 200), 429])
      expect(yield* statuses(12, "/v1/devices", adminKey)).toEqual([...times(10, 200), ...times(2, 429)])
    }).pipe(Effect.provide(server(limits({ address: 3, admin: 10 })))),
  )
})

describe("Limits of an address", () => {
  it.scoped("count what comes without a key by themselves, and let keys pass", () =>
    Effect.gen(function* () {
      const { key } = yield* (yield* TestServer).addAthlete({ alias: "Anna" })
      expect(yield* statuses(8, LEADERBOARD)).toEqual(times(8, 200))
      expect(yield* ask(LEADERBOARD)).toMatchObject({
        status: 429,
        retryAfter: "8",
        body: { _tag: "TooManyRequests", limit: "address-unauthenticated" },
      })
      expect((yield* ask("/v1/me", key)).status).toBe(200)
      yield* TestClock.adjust("8 seconds")
      expect((yield* ask(LEADERBOARD)).status).toBe(200)
    }).pipe(Effect.provide(server(limits({ unauthenticated: 8 })))),
  )

  it.scoped("stop who scans: paths that are not there and keys that are wrong, but not the members beside them", () =>
    Effect.gen(function* () {
      const { key } = yield* (yield* TestServer).addAthlete({ alias: "Anna" })
      expect(yield* statuses(2, "/wp-login.php")).toEqual(times(2, 404))
      expect(yield* statuses(2, "/v1/nothing")).toEqual(times(2, 404))
      expect(yield* statuses(2, "/v1/devices", wrongKey)).toEqual(times(2, 401))
      for (const path of [LEADERBOARD, "/docs", "/openapi.json", "/nothing"]) {
        expect(yield* ask(path)).toMatchObject({ status: 429, retryAfter: "10", body: { limit: "address-scanning" } })
      }
      expect((yield* ask("/v1/me", key)).status).toBe(200)
      expect((yield* ask("/v1/athletes", key)).status).toBe(429)
      expect((yield* ask("/healthz")).status).toBe(200)
    }).pipe(Effect.provide(server(limits({ scanning: 6 })))),
  )

  it.scoped("let one in again when the time that was said is over, however much it scanned", () =>
    Effect.gen(function* () {
      yield* statuses(6, "/nothing")
      const { retryAfter, status } = yield* ask(LEADERBOARD)
      expect(status).toBe(429)
      yield* TestClock.adjust(`${Number(retryAfter)} seconds`)
      expect((yield* ask(LEADERBOARD)).status).toBe(200)
    }).pipe(Effect.provide(server(limits({ scanning: 3 })))),
  )

  it.scoped("are off where they are set to 0", () =>
    Effect.gen(function* () {
      expect(yield* statuses(30, "/nothing")).toEqual(times(30, 404))
    }).pipe(Effect.provide(server({ ...limits({ address: 0, unauthenticated: 0, scanning: 0 }), burstPercent: 1 }))),
  )
})

describe("The address", () => {
  const from = (address: string) => ({ "x-forwarded-for": address })

  it.scoped("is not what a client writes into X-Forwarded-For", () =>
    Effect.gen(function* () {
      expect(yield* statuses(3, LEADERBOARD, null, from("203.0.113.1"))).toEqual(times(3, 200))
      expect((yield* ask(LEADERBOARD, null, from("203.0.113.2"))).status).toBe(429)
    }).pipe(Effect.provide(server(limits({ address: 3 })))),
  )

  it.scoped("is what a proxy says that the settings name, and what stands left of it counts for nothing", () =>
    Effect.gen(function* () {
      expect(yield* statuses(4, LEADERBOARD, null, from("203.0.113.1"))).toEqual([...times(3, 200), 429])
      expect((yield* ask(LEADERBOARD, null, from("198.51.100.1, 203.0.113.1"))).status).toBe(429)
      expect((yield* ask(LEADERBOARD, null, from("203.0.113.1, 203.0.113.2"))).status).toBe(200)
    }).pipe(
      Effect.provide(server({ ...limits({ address: 3 }), trustedProxies: Networks.parseList("127.0.0.0/8") ?? [] })),
    ),
  )
})

describe("The WebSocket doors", () => {
  const knock = (key: string) =>
    Effect.gen(function* () {
      const bridge = yield* connect
      bridge.say({ _tag: "Hello", deviceId: "bridge-1", key, waiting: [] })
      return { frame: yield* bridge.next, code: yield* bridge.closed }
    })

  it.scoped("count wrong keys as scanning, and let a bridge with the right one in", () =>
    Effect.gen(function* () {
      const device = yield* (yield* TestServer).addDevice()
      for (let knocks = 0; knocks < 4; knocks++) {
        expect(yield* knock(wrongKey)).toMatchObject({ frame: { code: "unauthorized" }, code: CloseCode.Unauthorized })
      }
      expect(yield* knock(wrongKey)).toMatchObject({ frame: { code: "unavailable" }, code: CloseCode.TryAgainLater })
      expect(yield* ask(LEADERBOARD)).toMatchObject({ status: 429, body: { limit: "address-scanning" } })
      expect((yield* ask("/v1/live")).status).toBe(429)
      const { bridge } = yield* greet(device)
      bridge.say(simple(1))
      expect(yield* bridge.next).toMatchObject({ _tag: "Ack", n: 1 })
    }).pipe(Effect.provide(server(limits({ scanning: 4 })))),
  )

  it.scoped("count connections, and never what a bridge delivers", () =>
    Effect.gen(function* () {
      const { bridge } = yield* greet(yield* (yield* TestServer).addDevice())
      for (let n = 1; n <= 40; n++) {
        bridge.say(simple(n))
        expect(yield* bridge.next).toMatchObject({ _tag: "Ack", n })
      }
      expect((yield* ask("/v1/telemetry")).status).toBe(426)
      expect(yield* statuses(2, "/v1/telemetry")).toEqual([426, 429])
    }).pipe(Effect.provide(server(limits({ address: 3 })))),
  )

  it.scoped("count pages of origins that may not connect as scanning", () =>
    Effect.gen(function* () {
      const origin = { origin: "https://evil.example" }
      expect(yield* statuses(3, "/v1/live", null, origin)).toEqual([403, 403, 429])
    }).pipe(Effect.provide(server(limits({ scanning: 2 })))),
  )
})

describe("A refusal", () => {
  it.scoped("can be read, with Retry-After, by pages that may use the server", () =>
    Effect.gen(function* () {
      const origin = { origin: "https://app.example" }
      const [, refused] = [yield* ask(LEADERBOARD, null, origin), yield* ask(LEADERBOARD, null, origin)]
      expect(refused.status).toBe(429)
      expect(refused.headers.get("access-control-allow-origin")).toBe("https://app.example")
      expect(refused.headers.get("access-control-expose-headers")).toContain("retry-after")
    }).pipe(Effect.provide(server(limits({ unauthenticated: 1 })))),
  )

  it.scoped("is in the API's description, for each operation", () =>
    Effect.gen(function* () {
      const { request } = yield* TestServer
      const { body } = yield* request("GET", "/openapi.json")
      const operations = Object.values(body.paths).flatMap((path) => Object.values(Object(path)))
      expect(operations.length).toBeGreaterThan(8)
      for (const operation of operations) {
        expect(Object.keys(Object(operation).responses)).toEqual(expect.arrayContaining(["429", "503"]))
      }
      const { required } = body.components.schemas["paceline/TooManyRequests"]
      expect(required).toEqual(["message", "limit", "retryAfterSeconds", "_tag"])
    }).pipe(Effect.provide(server())),
  )
})
