import { expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import { eventually, TestServer } from "./TestServer.ts"

/** One request: what is answered, and how many events it appended to each topic. */
interface Scenario {
  readonly title: string
  readonly request: readonly [method: string, path: string, body?: unknown]
  /** Whose key is sent; the admin's unless said. */
  readonly as?: "admin" | "athlete" | "device" | "nobody" | "stranger"
  readonly status: number
  readonly body: object
  readonly appended?: Readonly<Record<string, number>>
}

const scenarios: ReadonlyArray<Scenario> = [
  {
    title: "the admin registers a bridge and is shown its key once",
    request: ["POST", "/v1/devices", { name: "  Studio 1 " }],
    status: 201,
    body: { name: "Studio 1", deviceId: expect.stringMatching(/^bridge-/), key: expect.stringMatching(/^pl_.{43}$/) },
  },
  {
    title: "a request without a key is refused",
    request: ["POST", "/v1/devices", { name: "Studio" }],
    as: "nobody",
    status: 401,
    body: { _tag: "Unauthorized", message: expect.stringContaining("Authorization: Bearer") },
  },
  {
    title: "a key that nobody issued is refused",
    request: ["GET", "/v1/devices"],
    as: "stranger",
    status: 401,
    body: { _tag: "Unauthorized" },
  },
  {
    title: "an athlete may not register a bridge",
    request: ["POST", "/v1/devices", { name: "Studio" }],
    as: "athlete",
    status: 403,
    body: { _tag: "Forbidden" },
  },
  {
    title: "a bridge may not read the athletes",
    request: ["GET", "/v1/athletes"],
    as: "device",
    status: 403,
    body: { _tag: "Forbidden" },
  },
  {
    title: "a field that is missing is named",
    request: ["POST", "/v1/devices", {}],
    status: 400,
    body: { _tag: "HttpApiDecodeError", message: "name is missing" },
  },
  {
    title: "a field that is wrong is named, with what to do",
    request: ["POST", "/v1/athletes", { alias: "Anna", maxHeartRateBpm: 400 }],
    status: 400,
    body: { message: "maxHeartRateBpm: The greatest heart rate is between 100 and 240 beats a minute." },
  },
  {
    title: "a body that is no JSON is refused",
    request: ["POST", "/v1/devices", "no json"],
    status: 400,
    body: { _tag: "HttpApiDecodeError", message: expect.stringContaining("JSON") },
  },
  {
    title: "a path that does not exist is answered in JSON",
    request: ["GET", "/v1/nothing"],
    status: 404,
    body: { _tag: "NotFound", message: expect.stringContaining("GET /v1/nothing") },
  },
  {
    title: "a new athlete has the defaults of a profile",
    request: ["POST", "/v1/athletes", { alias: " Bo " }],
    status: 201,
    body: { profile: { alias: "Bo", heartRateVisible: true, maxHeartRateBpm: 190, version: 1 } },
    appended: { people: 1 },
  },
  {
    title: "an athlete reads their own profile",
    request: ["GET", "/v1/me"],
    as: "athlete",
    status: 200,
    body: { alias: "Anna", version: 1 },
  },
  {
    title: "an athlete changes their profile",
    request: ["PUT", "/v1/me", { alias: "Anka", heartRateVisible: false, maxHeartRateBpm: 184, version: 1 }],
    as: "athlete",
    status: 200,
    body: { alias: "Anka", heartRateVisible: false, maxHeartRateBpm: 184, version: 2 },
    appended: { people: 1 },
  },
  {
    title: "[log 2] a change decided on another version is a conflict, with both versions",
    request: ["PUT", "/v1/me", { alias: "Anka", heartRateVisible: false, maxHeartRateBpm: 184, version: 7 }],
    as: "athlete",
    status: 409,
    body: { _tag: "Conflict", expectedVersion: 7, actualVersion: 1 },
  },
  {
    title: "the admin has no profile of their own",
    request: ["GET", "/v1/me"],
    status: 403,
    body: { _tag: "Forbidden" },
  },
  {
    title: "a sensor cannot be paired with an athlete who is not known",
    request: ["PUT", "/v1/devices/:device/sensors/strap-01", { athleteId: "nobody", classId: "main" }],
    status: 404,
    body: { _tag: "NotFound", what: "athlete", id: "nobody" },
  },
  {
    title: "a sensor of a bridge that is not known cannot be paired",
    request: ["PUT", "/v1/devices/none/sensors/strap-01", { athleteId: ":athlete", classId: "main" }],
    status: 404,
    body: { _tag: "NotFound", what: "device", id: "none" },
  },
  {
    title: "a sensor is paired with an athlete in a class",
    request: ["PUT", "/v1/devices/:device/sensors/strap-01", { athleteId: ":athlete", classId: "spin-18" }],
    status: 200,
    body: { sensor: "strap-01", athleteId: ":athlete", classId: "spin-18" },
  },
  {
    title: "an id that cannot be one is named",
    request: ["PUT", "/v1/devices/:device/sensors/strap-01", { athleteId: "a/b", classId: "main" }],
    status: 400,
    body: { message: expect.stringMatching(/^athleteId: AthleteId: 1 to 64 letters/) },
  },
  {
    title: "a session that is not open cannot be ended",
    request: ["POST", "/v1/classes/main/athletes/:athlete/complete"],
    as: "athlete",
    status: 404,
    body: { _tag: "NotFound" },
  },
  {
    title: "an athlete may not read another's workouts",
    request: ["GET", "/v1/athletes/somebody/workouts"],
    as: "athlete",
    status: 403,
    body: { _tag: "Forbidden" },
  },
  {
    title: "the leaderboard of a class nobody trained in is empty, and public",
    request: ["GET", "/v1/classes/main/leaderboard"],
    as: "nobody",
    status: 200,
    body: [] as ReadonlyArray<unknown>,
  },
]

layer(TestServer.layer, { excludeTestServices: true })("The HTTP API", (it) => {
  for (const scenario of scenarios) {
    it.effect(scenario.title, () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const athlete = yield* server.addAthlete({ alias: "Anna" })
        const device = yield* server.addDevice()
        const keys = {
          admin: server.adminKey,
          athlete: athlete.key,
          device: device.key,
          nobody: null,
          stranger: `pl_${"x".repeat(43)}`,
        }
        const fill = (text: string) =>
          text.replaceAll(":device", device.deviceId).replaceAll(":athlete", athlete.athleteId)
        const [method, path, body] = scenario.request
        const before = yield* server.events
        const text = typeof body === "string" ? body : fill(JSON.stringify(body) ?? "")
        const answer = yield* server.send(method, fill(path), text || undefined, keys[scenario.as ?? "admin"])
        const expected = JSON.stringify(scenario.body).includes(":athlete")
          ? JSON.parse(fill(JSON.stringify(scenario.body)))
          : scenario.body
        expect(answer).toMatchObject({ status: scenario.status, body: expected })
        const after = yield* server.events
        const appended = Object.fromEntries(
          Object.entries(after).map(([topic, count]) => [topic, count - (before[topic] ?? 0)]),
        )
        expect(appended).toEqual({ people: 0, telemetry: 0, training: 0, ...scenario.appended })
      }),
    )
  }

  it.effect("keeps no key: only hashes are in the store", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { key } = yield* server.addAthlete({ alias: "Anna" })
      const rows = yield* server.sql`SELECT * FROM api_key`
      expect(rows.length).toBeGreaterThan(1)
      expect(JSON.stringify(rows)).not.toContain(key.slice(3))
      expect(JSON.stringify(rows)).not.toContain(server.adminKey.slice(3))
    }),
  )

  it.effect("describes itself: OpenAPI, and a docs page that loads nothing from elsewhere", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { body } = yield* server.request("GET", "/openapi.json", undefined, null)
      expect(Object.keys(body.paths)).toEqual(
        expect.arrayContaining(["/v1/devices", "/v1/me", "/v1/classes/{classId}/leaderboard"]),
      )
      const page = yield* server.request("GET", "/docs", undefined, null)
      expect(page.status).toBe(200)
      expect(page.body).toContain("SwaggerUIBundle")
      expect(page.body).not.toMatch(/<(script|link|img)[^>]+(src|href)=/)
    }),
  )

  it.effect("says that it is up, and [log 28] how far each consumer group has read", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      expect(yield* server.request("GET", "/healthz")).toMatchObject({ status: 200, body: { status: "ok" } })
      yield* server.addAthlete({ alias: "Anna" })
      const caughtUp = yield* eventually(server.request("GET", "/readyz", undefined, null), ({ body }) =>
        body.consumers.some((lag: { topic: string; committed: number }) => lag.topic === "people" && lag.committed > 0),
      )
      expect(caughtUp).toMatchObject({ status: 200, body: { status: "ready", problems: [] } })
      const groups = caughtUp.body.consumers.map((lag: { group: string; topic: string }) => `${lag.group}/${lag.topic}`)
      expect(groups.sort()).toEqual([
        "gamification/people",
        "gamification/training",
        "series/chunks",
        "training/people",
        "training/telemetry",
      ])
    }),
  )

  it.effect("answers a browser that is lost with a page, and a program with JSON", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const asked = (accept: string) =>
        Effect.promise(async () => {
          const response = await fetch(`${server.url}/nothing`, { headers: { accept } })
          return `${response.status} ${response.headers.get("content-type")?.split(";")[0]}`
        })
      expect(yield* asked("text/html")).toBe("404 text/html")
      expect(yield* asked("application/json")).toBe("404 application/json")
      expect((yield* server.request("GET", "/v1/live")).status).toBe(426)
    }),
  )

  it.effect("lets browsers in by whose page asks, and programs always", () =>
    Effect.gen(function* () {
      const { url } = yield* TestServer
      const ask = (origin: string, init: RequestInit = {}, path = "/v1/classes/main/leaderboard") =>
        Effect.promise(async () => {
          const { headers, status } = await fetch(url + path, { ...init, headers: { ...init.headers, origin } })
          return { status, allowed: headers.get("access-control-allow-origin") }
        })
      for (const origin of [url, "http://localhost:5173", "https://app.example"]) {
        expect(yield* ask(origin)).toEqual({ status: 200, allowed: origin })
        expect(yield* ask(origin, { method: "OPTIONS" })).toEqual({ status: 204, allowed: origin })
        expect(yield* ask(origin, {}, "/v1/live")).toMatchObject({ status: 426 })
      }
      for (const origin of ["https://evil.example", "http://localhost.evil.example", "null"]) {
        expect(yield* ask(origin)).toEqual({ status: 200, allowed: null })
        expect(yield* ask(origin, {}, "/v1/live")).toMatchObject({ status: 403 })
      }
    }),
  )
})
