import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { crc32 } from "@paceline/core/wire"
import { Effect, Layer } from "effect"
import { describe } from "vitest"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"
import { block, chunk, greet, seconds } from "./Bridge.ts"
import { eventually, TestServer } from "./TestServer.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline-quarantine-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

/** A run of the server on this folder. */
const serverOn = (path: string) => {
  const store = SqliteStore.layer({ folder: path })
  return Layer.provideMerge(TestServer.layerOn(store), store)
}

const heartRates = (athleteId: string) =>
  Effect.flatMap(TestServer, ({ request }) =>
    request("GET", `/v1/athletes/${athleteId}/series?kind=heartRate&resolution=raw&from=0&to=60000`),
  )

describe("What this server is too old to read", () => {
  it.live("[bridge 27] is kept whole while the rest flows, and readable after an upgrade, once", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const fromFuture = chunk(2, [block("heartRate", seconds(10, 20, 130))])
      fromFuture.payload[0] = 9
      const sent = { ...fromFuture, crc: crc32(fromFuture.payload) }
      const early = chunk(4, [block("heartRate", seconds(30, 33, 150))])

      const { athleteId, deviceId } = yield* Effect.gen(function* () {
        const server = yield* TestServer
        const { athleteId } = yield* server.addAthlete({ alias: "Anna" })
        const device = yield* server.addDevice({ "strap-01": athleteId })
        const { bridge } = yield* greet(device)
        bridge.say(chunk(1, [block("heartRate", seconds(0, 3, 100))]))
        bridge.say(sent)
        bridge.say(chunk(3, [block("heartRate", seconds(20, 23, 140))]))
        yield* eventually(bridge.next, (frame) => frame._tag === "Ack" && frame.n === 3)
        // What the version before bundles of version 2 wrote when such a bundle came.
        yield* UnitOfWork.run(server.sql`
          INSERT INTO quarantine (device_id, incarnation, n, crc, reason, received_at_ms, payload)
          VALUES (${device.deviceId}, 'run-1', 4, ${early.crc},
                  'unknown-version: bundle version 2, this side reads 1', 1, ${early.payload})`)
        yield* UnitOfWork.run(server.sql`UPDATE device SET quarantined = 2 WHERE device_id = ${device.deviceId}`)
        // From now on another wears the strap.
        const bo = yield* server.addAthlete({ alias: "Bo" })
        yield* server.request("PUT", `/v1/devices/${device.deviceId}/sensors/spare`, {
          athleteId: bo.athleteId,
          classId: "main",
        })
        yield* eventually(heartRates(athleteId), ({ body }) => body.runs.length === 2)
        return { athleteId, deviceId: device.deviceId }
      }).pipe(Effect.scoped, Effect.provide(serverOn(path)))

      // The second start finds nothing that the first one did not.
      for (const _ of ["the newer version", "and once more"]) {
        yield* Effect.gen(function* () {
          const { request, sql } = yield* TestServer
          const { body } = yield* eventually(heartRates(athleteId), (answer) => answer.body.runs.length === 3)
          expect(body.runs.map(({ n, values }: { n: number; values: Array<number> }) => [n, values])).toEqual([
            [1, [100, 100, 100]],
            [3, [140, 140, 140]],
            [4, [150, 150, 150]],
          ])
          const quarantine = yield* sql<{ n: number; payload: Uint8Array }>`SELECT n, payload FROM quarantine`
          expect(quarantine.map(({ n }) => n)).toEqual([2])
          expect(new Uint8Array(quarantine[0]!.payload)).toEqual(new Uint8Array(sent.payload))
          const [device] = (yield* request("GET", "/v1/devices")).body
          expect(device).toMatchObject({ deviceId, chunks: 3, samples: 9, quarantined: 1 })
        }).pipe(Effect.scoped, Effect.provide(serverOn(path)))
      }
    }).pipe(Effect.scoped),
  )
})
