import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { LiveServer } from "../test/LiveServer.ts"
import {
  Conflict,
  createClient,
  Forbidden,
  InvalidRequest,
  NotFound,
  TooManyRequests,
  Unauthorized,
  Unavailable,
  UnexpectedAnswer,
  Unreachable,
} from "./index.ts"

const profile = { athleteId: "ann", alias: "Ann", heartRateVisible: true, maxHeartRateBpm: 188, version: 4 }
const change = { alias: "Ann", heartRateVisible: false, maxHeartRateBpm: 188, version: 4 }

let server: LiveServer

beforeEach(() => {
  server = new LiveServer()
  server.start()
})

afterEach(() => server.stop())

const client = () => createClient({ url: server.url, key: "secret", random: () => 0 })

/** What the promise was rejected with. */
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => new Error("it did not fail"),
    (error: unknown) => error,
  )

describe("a call", () => {
  it("carries the key, and gives the checked answer", async () => {
    server.answer("/v1/me", () => Response.json(profile))
    expect(await client().me.get()).toEqual(profile)
    expect(server.requests).toEqual([{ method: "GET", path: "/v1/me", key: "Bearer secret", body: null }])
  })

  it("changes the profile from the version that was read", async () => {
    server.answer("/v1/me", () => Response.json({ ...profile, version: 5 }))
    expect((await client().me.change({ ...change, ...{ unknown: 1 } })).version).toBe(5)
    expect(server.requests).toEqual([{ method: "PUT", path: "/v1/me", key: "Bearer secret", body: change }])
  })

  it("reads a leaderboard without a key", async () => {
    const standings = [{ athleteId: "ann", alias: "Ann", points: 3, workouts: 1 }]
    server.answer("/v1/classes/main/leaderboard", () => Response.json(standings))
    expect(await createClient({ url: server.url }).classes("main").leaderboard()).toEqual(standings)
    expect(server.requests[0]?.key).toBeNull()
  })
})

describe("a failed call says what is wrong", () => {
  const answers = [
    [401, { _tag: "Unauthorized", message: "The key is not known." }, new Unauthorized("The key is not known.")],
    [403, { _tag: "Forbidden", message: "Only for athletes." }, new Forbidden("Only for athletes.")],
    [404, { _tag: "NotFound", what: "athlete", id: "x", message: "None." }, new NotFound("None.", "athlete", "x")],
    [
      409,
      { _tag: "Conflict", message: "Changed.", expectedVersion: 4, actualVersion: 6 },
      new Conflict("Changed.", 4, 6),
    ],
    [
      400,
      {
        _tag: "HttpApiDecodeError",
        message: "Bad.",
        issues: [{ _tag: "Type", path: ["alias"], message: "Too long." }],
      },
      new InvalidRequest("Bad.", [{ path: "alias", message: "Too long." }]),
    ],
    [
      429,
      { _tag: "TooManyRequests", message: "Slower.", limit: "user-api", retryAfterSeconds: 7 },
      new TooManyRequests("Slower.", "user-api", 7),
    ],
    [503, { _tag: "Unavailable", message: "Closing." }, new Unavailable("Closing.")],
  ] as const

  it.each(answers)("%d %j", async (status, body, expected) => {
    server.answer("/v1/me", () => Response.json(body, { status }))
    const error = await failure(client().me.change(change))
    expect(error).toBeInstanceOf(expected.constructor)
    expect(error).toEqual(expected)
    expect(error).toMatchObject({ _tag: expected._tag, name: expected._tag })
  })

  it.each([
    [200, { ...profile, version: "four" }],
    [200, "<html>"],
    [502, "<html>Bad gateway"],
    [409, { _tag: "Conflict", message: "Changed." }],
    [429, { _tag: "TooManyRequests", message: "Slower." }],
    [418, { _tag: "Teapot" }],
  ])("an answer that it does not understand: %d %j", async (status, body) => {
    server.answer("/v1/me", () =>
      typeof body === "string" ? new Response(body, { status }) : Response.json(body, { status }),
    )
    const error = await failure(client().me.get())
    expect(error).toBeInstanceOf(UnexpectedAnswer)
    expect(error).toMatchObject({ status })
  })
})

describe("a server that is away or busy", () => {
  it("is asked again when reading, up to five times", async () => {
    let asked = 0
    server.answer("/v1/me", () => {
      asked += 1
      return asked < 4
        ? Response.json({ _tag: "Unavailable", message: "Starting." }, { status: 503 })
        : Response.json(profile)
    })
    expect(await client().me.get()).toEqual(profile)
    asked = -100
    expect(await failure(client().me.get())).toBeInstanceOf(Unavailable)
    expect(asked).toBe(-95)
  })

  it("is asked again when it said to, and not before; a longer wait is left to the caller", async () => {
    const at: Array<number> = []
    let retryAfterSeconds = 1
    server.answer("/v1/me", () => {
      at.push(performance.now())
      const body = { _tag: "TooManyRequests", message: "Slower.", limit: "user-api", retryAfterSeconds }
      return at.length === 2 ? Response.json(profile) : Response.json(body, { status: 429 })
    })
    expect(await client().me.get()).toEqual(profile)
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThan(990)
    retryAfterSeconds = 60
    expect(await failure(client().me.get())).toMatchObject({ _tag: "TooManyRequests", retryAfterSeconds: 60 })
    expect(at.length).toBe(3)
  })

  it("is not asked again for a change, because the first may have been made", async () => {
    server.answer("/v1/me", () => Response.json({ _tag: "Unavailable", message: "Busy." }, { status: 503 }))
    expect(await failure(client().me.change(change))).toBeInstanceOf(Unavailable)
    expect(server.requests).toHaveLength(1)
  })

  it("is unreachable when nobody listens", async () => {
    await server.stop()
    const error = await failure(client().me.get())
    expect(error).toBeInstanceOf(Unreachable)
    expect(error).toHaveProperty("cause")
  })

  it("is not asked again when the answer would be the same", async () => {
    server.answer("/v1/me", () => Response.json({ _tag: "Unauthorized", message: "No." }, { status: 401 }))
    expect(await failure(client().me.get())).toBeInstanceOf(Unauthorized)
    expect(server.requests).toHaveLength(1)
  })
})
