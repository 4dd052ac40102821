/** What happens to an athlete's data between two pages of their erasure, and to what comes after it. */
import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { AthleteId, PersonalData } from "@paceline/core/contract"
import { Bundle } from "@paceline/core/wire"
import { Duration, Effect, Layer, TestClock } from "effect"
import { describe } from "vitest"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"
import { QuarantineReplay } from "../src/contexts/devices/quarantine/Replay.ts"
import { Erasing } from "../src/contexts/privacy/Erasing.ts"
import * as Gateway from "../src/gateway/Gateway.ts"
import { block, chunk, seconds } from "./Bridge.ts"
import { addAthlete, asAdmin, caughtUp, contexts, seconds as heartRates, record } from "./Contexts.ts"
import { options, TestServer } from "./TestServer.ts"

/** A server whose parts the test calls itself. */
const parts = TestServer.Default.pipe(
  Layer.provideMerge(Gateway.layer(options)),
  Layer.provideMerge(QuarantineReplay.Default),
  Layer.provideMerge(SqliteStore.layerTest()),
)

/** More than a page of the devices' chunks. */
const CHUNKS = 150

describe("Between two pages of an erasure", () => {
  it.scopedLive("no chunk comes out of the quarantine behind the page that is being erased", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const replay = yield* QuarantineReplay
      const anna = yield* server.addAthlete({ alias: "Anna" })
      const athleteId = AthleteId.make(anna.athleteId)
      const device = yield* server.addDevice({ "strap-01": anna.athleteId })
      const heart = (n: number) => chunk(n, [block("heartRate", seconds(n, n + 1, 150))])
      yield* UnitOfWork.run(
        Effect.gen(function* () {
          for (let n = 1; n <= CHUNKS; n++) {
            const { crc, payload } = heart(n)
            // The first one was set aside by an older version, which could not read it.
            yield* n === 1
              ? server.sql`
                  INSERT INTO quarantine (device_id, incarnation, n, crc, reason, received_at_ms, payload, pairings)
                  VALUES (${device.deviceId}, 'run-1', ${n}, ${crc}, 'unknown-version: 2', 1, ${payload}, 1)`
              : server.sql`
                  INSERT INTO chunk (device_id, incarnation, n, crc, samples, received_at_ms, payload, pairings)
                  VALUES (${device.deviceId}, 'run-1', ${n}, ${crc}, 1, 1, ${payload}, 1)`
          }
        }),
      )
      const devices = (yield* PersonalData).find(({ name }) => name === "devices")!
      yield* devices.close(athleteId)
      let place = yield* devices.forget(athleteId, null)
      yield* UnitOfWork.run(replay.step(0))
      while (place !== null) place = yield* devices.forget(athleteId, place)
      const left = yield* server.sql<{ readonly payload: Uint8Array }>`
        SELECT payload FROM chunk UNION ALL SELECT payload FROM quarantine WHERE length(payload) > 0`
      const bundles = left.map(({ payload }) => Bundle.decode(payload))
      expect(bundles.filter((bundle) => "_tag" in bundle || bundle.length > 0)).toEqual([])
    }).pipe(Effect.provide(parts)),
  )
})

describe("What comes late of somebody who was erased", () => {
  it.scoped("begins no session, and is not kept to be tried again", () =>
    Effect.gen(function* () {
      const anna = yield* addAthlete("Anna")
      const erasing = yield* Erasing
      yield* erasing.erase(anna).pipe(asAdmin)
      while ((yield* erasing.status(anna).pipe(asAdmin)).status !== "complete") {
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))
        yield* TestClock.adjust(Duration.millis(100))
      }
      yield* record(anna, { ...heartRates(0, 60, 150), endedAtMs: null })
      // What is parked waits, and would not let this through.
      yield* caughtUp
      const sql = yield* SqlClient
      expect(yield* sql`SELECT 1 FROM training_session`).toEqual([])
      expect(yield* sql`SELECT kind FROM aggregate WHERE instr(state, ${anna}) > 0`).toEqual([])
    }).pipe(Effect.provide(contexts())),
  )
})
