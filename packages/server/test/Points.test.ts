/** Points over HTTP: each explained, and no answer without bounds. */
import { expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { Effect } from "effect"
import { describe } from "vitest"
import { TestServer } from "./TestServer.ts"

describe("GET /v1/athletes/…/points", () => {
  it.scopedLive("explains the newest 500 awards, without those that count through a merge", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { athleteId } = yield* server.addAthlete({ alias: "Anna" })
      const awards = Effect.gen(function* () {
        for (let i = 0; i < 503; i++) {
          yield* server.sql`
            INSERT INTO award (session_id, athlete_id, class_id, points, zone_0_ms, zone_1_ms, zone_2_ms, zone_3_ms,
                               zone_4_ms, zone_5_ms, ended_at_ms, merged_into)
            VALUES (${`s-${i}`}, ${athleteId}, 'main', 8, 0, 0, 240000, 0, 0, 0, ${i}, ${i === 501 ? "merge-1" : null})`
        }
      })
      yield* UnitOfWork.run(awards).pipe(Effect.provideService(UnitOfWork, server.work))
      const { body } = yield* server.request("GET", `/v1/athletes/${athleteId}/points`, undefined, null)
      expect(body).toHaveLength(500)
      expect(body.slice(0, 2)).toMatchObject([
        { sessionId: "s-502", points: 8, explanation: "4:00 min in zone 2 (× 2): 8 points" },
        { sessionId: "s-500" },
      ])
    }).pipe(Effect.provide(TestServer.layer)),
  )
})
