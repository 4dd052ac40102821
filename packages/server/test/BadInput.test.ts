/** What no person means and no sensor measures: it is refused, or stored and counts for nothing, and breaks nothing. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { describe } from "vitest"
import { block, chunk, greet, seconds } from "./Bridge.ts"
import { eventually, TestServer } from "./TestServer.ts"

describe("What a sensor says that cannot be", () => {
  it.scopedLive("is stored, and neither a heart rate nor a time of a training", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { athleteId, key } = yield* server.addAthlete({ alias: "Anna", maxHeartRateBpm: 200 })
      const device = yield* server.addDevice({ "strap-01": athleteId, "strap-02": athleteId })
      const { bridge } = yield* greet(device)
      const lies = [1e308, 1e308, 65_535, 301, 300].map((bpm, i): readonly [number, number] => [(600 + i) * 1000, bpm])
      bridge.say(chunk(1, [block("heartRate", [...seconds(0, 600, 162), ...lies]), block("activity", [[700_000, 0]])]))
      const longAgo = -9_000_000_000_000_000
      bridge.say(
        chunk(2, [
          block("heartRate", [[longAgo, 100], ...seconds(3_000, 3_060, 100)], "strap-02"),
          block("activity", [[longAgo, 0]], "strap-02"),
        ]),
      )
      yield* eventually(bridge.next, (frame) => frame._tag === "Ack" && frame.n === 2)
      const points = server.request("GET", `/v1/athletes/${athleteId}/points`)
      yield* eventually(points, ({ body }) => body.length === 1)
      const { body } = yield* server.request("GET", `/v1/athletes/${athleteId}/workouts`, undefined, key)
      expect(body).toMatchObject([
        { startedAtMs: 0, heartRateSamples: 601, highestHeartRateBpm: 300, meanHeartRateBpm: 162.2 },
      ])
      const listed = yield* eventually(
        server.request("GET", `/v1/athletes/${athleteId}/series`),
        (answer) => answer.body.series.length === 2,
      )
      expect(listed.body.series.find(({ kind }: { kind: string }) => kind === "heartRate")).toMatchObject({
        samples: 666,
      })
    }).pipe(Effect.provide(TestServer.layer)),
  )
})

describe("A name", () => {
  it.scopedLive("is one line of text that a wall can show", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { key, profile } = yield* server.addAthlete({ alias: "Zoë 👩‍🚴" })
      expect(profile.alias).toBe("Zoë 👩‍🚴")
      for (const name of ["a\nb", "\u0000", "a\u001b[31mb", "\ud800", "a\u0085b"]) {
        const change = { ...profile, alias: name }
        for (const refused of [
          yield* server.request("POST", "/v1/athletes", { alias: name }),
          yield* server.request("POST", "/v1/devices", { name }),
          yield* server.request("PUT", "/v1/me", change, key),
        ]) {
          expect(refused).toMatchObject({ status: 400, body: { message: expect.stringContaining("one line of text") } })
        }
      }
      expect((yield* server.request("GET", "/v1/me", undefined, key)).body).toEqual(profile)
    }).pipe(Effect.provide(TestServer.layer)),
  )
})
