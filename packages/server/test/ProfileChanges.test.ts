/** Two phones change the profile of the same athlete, through real HTTP. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { describe } from "vitest"
import { TestServer } from "./TestServer.ts"

/** An athlete, and a phone that changes their profile from what it saw. */
const athlete = Effect.gen(function* () {
  const server = yield* TestServer
  const { key, profile } = yield* server.addAthlete({ alias: "Anna" })
  const put = (from: object, choices: object, seen: object | null = from) =>
    server.request("PUT", "/v1/me", { ...from, ...choices, ...(seen !== null && { seen }) }, key)
  const now = Effect.map(server.request("GET", "/v1/me", undefined, key), ({ body }) => body)
  return { profile, put, now }
})

describe("A profile that two phones change", () => {
  it.live("keeps both changes when they are of different fields, and others hear of both", () =>
    Effect.gen(function* () {
      const { now, profile, put } = yield* athlete
      expect(yield* put(profile, { maxHeartRateBpm: 184 })).toMatchObject({ status: 200, body: { version: 2 } })
      const merged = { ...profile, alias: "Anka", maxHeartRateBpm: 184, version: 3 }
      expect(yield* put(profile, { alias: "Anka" })).toEqual({ status: 200, body: merged })
      expect(yield* now).toEqual(merged)
      const { log } = yield* TestServer
      const told = (yield* log.read("people", 0, 0, 10)).map(({ payload }) => payload)
      expect(told).toHaveLength(3)
      expect(told.at(-1)).toMatchObject({ alias: "Anka", maxHeartRateBpm: 184 })
    }).pipe(Effect.provide(TestServer.layer)),
  )

  it.live("[log 2] tells both versions and both values when they are of the same field; the athlete chooses", () =>
    Effect.gen(function* () {
      const { now, profile, put } = yield* athlete
      const { body: theirs } = yield* put(profile, { alias: "Ann", heartRateVisible: false })
      const refused = yield* put(profile, { alias: "Anka", maxHeartRateBpm: 184 })
      expect(refused).toMatchObject({
        status: 409,
        body: {
          _tag: "Conflict",
          expectedVersion: 1,
          actualVersion: 2,
          fields: ["alias"],
          mine: { alias: "Anka", heartRateVisible: false, maxHeartRateBpm: 184 },
          theirs,
        },
      })
      expect(yield* now).toEqual(theirs)

      const kept = yield* put(refused.body.theirs, refused.body.mine)
      expect(kept).toEqual({ status: 200, body: { ...theirs, alias: "Anka", maxHeartRateBpm: 184, version: 3 } })
    }).pipe(Effect.provide(TestServer.layer)),
  )

  it.live("asks about all that differs when the phone does not tell what it saw", () =>
    Effect.gen(function* () {
      const { profile, put } = yield* athlete
      yield* put(profile, { heartRateVisible: false })
      expect(yield* put(profile, { alias: "Anka" }, null)).toMatchObject({
        status: 409,
        body: { fields: ["alias", "heartRateVisible"], mine: { alias: "Anka", heartRateVisible: true } },
      })
    }).pipe(Effect.provide(TestServer.layer)),
  )

  it.live("is written once when both chose the same", () =>
    Effect.gen(function* () {
      const { profile, put } = yield* athlete
      const first = yield* put(profile, { alias: "Anka" })
      expect(yield* put(profile, { alias: "Anka" })).toEqual(first)
      const { events } = yield* TestServer
      expect(yield* events).toMatchObject({ people: 2 })
    }).pipe(Effect.provide(TestServer.layer)),
  )
})
