import { AthleteId } from "@paceline/core/contract"
import { SessionToken } from "@paceline/core/kernel"
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

const choices = { alias: "Ann", heartRateVisible: true, maxHeartRateBpm: 188 }
const profile = { athleteId: AthleteId.make("ann"), ...choices, version: 4 }
const hidden = { heartRateVisible: false }

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

  it("changes the profile from what was read, and says what that was", async () => {
    server.answer("/v1/me", () => Response.json({ ...profile, version: 5 }))
    expect((await client().me.change(profile, hidden)).version).toBe(5)
    const body = { ...choices, ...hidden, version: 4, seen: choices }
    expect(server.requests).toEqual([{ method: "PUT", path: "/v1/me", key: "Bearer secret", body }])
  })

  it("reads a leaderboard without a key", async () => {
    const standings = [{ athleteId: "ann", alias: "Ann", points: 3, workouts: 1 }]
    server.answer("/v1/classes/main/leaderboard", () => Response.json(standings))
    expect(await createClient({ url: server.url }).classes("main").leaderboard()).toEqual(standings)
    expect(server.requests[0]?.key).toBeNull()
  })
})

describe("a failed call says what is wrong", () => {
  const both = {
    fields: ["alias" as const],
    mine: { ...choices, alias: "Anna" },
    theirs: { ...profile, alias: "Anne", version: 6 },
  }
  const answers = [
    [401, { _tag: "Unauthorized", message: "The key is not known." }, new Unauthorized("The key is not known.")],
    [403, { _tag: "Forbidden", message: "Only for athletes." }, new Forbidden("Only for athletes.")],
    [404, { _tag: "NotFound", what: "athlete", id: "x", message: "None." }, new NotFound("None.", "athlete", "x")],
    [
      409,
      { _tag: "Conflict", message: "Changed.", expectedVersion: 4, actualVersion: 6, ...both },
      new Conflict("Changed.", { expectedVersion: 4, ...both }),
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
    [400, { _tag: "InvalidRequest", message: "Not so." }, new InvalidRequest("Not so.", [])],
    [
      429,
      { _tag: "TooManyRequests", message: "Slower.", limit: "user-api", retryAfterSeconds: 11 },
      new TooManyRequests("Slower.", "user-api", 11),
    ],
    [503, { _tag: "Unavailable", message: "Closing." }, new Unavailable("Closing.")],
  ] as const

  it.each(answers)("%d %j", async (status, body, expected) => {
    server.answer("/v1/me", () => Response.json(body, { status }))
    const error = await failure(client().me.change(profile, hidden))
    expect(error).toBeInstanceOf(expected.constructor)
    expect(error).toEqual(expected)
    expect(error).toMatchObject({ _tag: expected._tag, name: expected._tag })
  })

  it.each([
    [200, { ...profile, version: "four" }],
    [200, "<html>"],
    [502, "<html>Bad gateway"],
    [409, { _tag: "Conflict", message: "Changed." }],
    [409, { _tag: "Conflict", message: "Changed.", expectedVersion: 4, actualVersion: 6 }],
    [422, { _tag: "IdempotencyKeyReused", message: "Used." }],
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

describe("a change", () => {
  /** A server that does a request once for each key, and answers it the same. */
  const done: Array<string> = []
  const answerOnce = () => {
    const key = server.idempotencyKeys.at(-1) ?? ""
    if (!done.includes(key)) done.push(key)
    return Response.json({ ...profile, version: 4 + done.length })
  }
  beforeEach(() => void done.splice(0))

  /** The platform's `fetch`, whose line is cut before the answer is read, `times` times. */
  const cutOff = (times: number) => {
    let left = times
    return async (url: string, init: RequestInit) => {
      const response = await fetch(url, init)
      if (left-- > 0) throw new TypeError("The line was cut.")
      return response
    }
  }
  const over = (fetch: (url: string, init: RequestInit) => Promise<Response>) =>
    createClient({ url: server.url, key: "secret", random: () => 0, fetch })

  it("is sent again with the same key when no answer came, and done once", async () => {
    server.answer("/v1/me", answerOnce)
    expect(await over(cutOff(4)).me.change(profile, hidden)).toMatchObject({ version: 5 })
    expect(server.requests).toHaveLength(5)
    expect(new Set(server.requests.map(({ body }) => JSON.stringify(body))).size).toBe(1)
    expect(done).toHaveLength(1)
    expect(done[0]).toMatch(/^"[0-9a-f]{32}"$/)
  })

  it("is given up after five requests, and then is nobody's guess: it was made at most once", async () => {
    server.answer("/v1/me", answerOnce)
    expect(await failure(over(cutOff(5)).me.change(profile, hidden))).toBeInstanceOf(Unreachable)
    expect(server.requests).toHaveLength(5)
    expect(done).toHaveLength(1)
  })

  it("is another one with each call, though it says the same", async () => {
    server.answer("/v1/me", answerOnce)
    await client().me.change(profile, hidden)
    await client().me.change(profile, hidden)
    expect(done).toHaveLength(2)
  })

  it("is sent again to a busy server", async () => {
    server.answer("/v1/me", () =>
      server.requests.length < 3
        ? Response.json({ _tag: "Unavailable", message: "Busy." }, { status: 503 })
        : answerOnce(),
    )
    expect(await client().me.change(profile, hidden)).toMatchObject({ version: 5 })
    expect(server.requests).toHaveLength(3)
    expect(new Set(server.idempotencyKeys).size).toBe(1)
  })

  it("is not sent again when it was refused", async () => {
    server.answer("/v1/me", () => Response.json({ _tag: "Forbidden", message: "No." }, { status: 403 }))
    expect(await failure(client().me.change(profile, hidden))).toBeInstanceOf(Forbidden)
    expect(server.requests).toHaveLength(1)
  })
})

describe("what was changed", () => {
  const token = (offset: number) => SessionToken.encode(SessionToken.make(0n, [{ topic: "t", partition: 0, offset }]))
  const withToken = (offset: number) => Response.json(profile, { headers: { "paceline-session": token(offset) } })

  it("[log 7] is seen in what is read next: the newest token goes along, whatever order answers come in", async () => {
    const one = client()
    server.answer("/v1/me", () => Response.json(profile))
    await one.me.get()
    expect(server.sessions).toEqual([null])
    for (const offset of [5, 7, 6]) {
      server.answer("/v1/me", () => withToken(offset))
      await one.me.change(profile, hidden)
    }
    server.answer("/v1/me", () => Response.json(profile))
    await one.me.get()
    expect(server.sessions).toEqual([null, null, token(5), token(7), token(7)])
    await client().me.get()
    expect(server.sessions.at(-1)).toBeNull()
  })

  it("is no longer waited for when a server that began anew never comes to it", async () => {
    const one = client()
    server.answer("/v1/me", () => withToken(5))
    await one.me.change(profile, hidden)
    server.answer("/v1/me", () => Response.json({ _tag: "Unavailable", message: "Not yet." }, { status: 503 }))
    expect(await failure(one.me.get())).toBeInstanceOf(Unavailable)
    server.answer("/v1/me", () => Response.json(profile))
    await one.me.get()
    expect(server.sessions.slice(-2)).toEqual([token(5), null])
  })

  it("does not need a token that can be read", async () => {
    const one = client()
    server.answer("/v1/me", () => Response.json(profile, { headers: { "paceline-session": "no token" } }))
    await one.me.change(profile, hidden)
    await one.me.get()
    expect(server.sessions).toEqual([null, null])
  })
})
