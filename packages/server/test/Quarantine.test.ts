import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { crc32 } from "@paceline/core/wire"
import { Effect, Layer, type Scope } from "effect"
import { describe } from "vitest"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"
import { QuarantineBounds, QuarantineEviction } from "../src/contexts/devices/quarantine/Eviction.ts"
import * as Gateway from "../src/gateway/Gateway.ts"
import { block, chunk, greet, seconds } from "./Bridge.ts"
import { eventually, options, TestServer } from "./TestServer.ts"

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

describe("What a newer version can read", () => {
  it.live("counts: a training that was set aside whole, and one whose hole it fills, each once", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const run = <A, E>(test: Effect.Effect<A, E, TestServer | UnitOfWork | Scope.Scope>) =>
        test.pipe(Effect.scoped, Effect.provide(serverOn(path)))
      const workouts = (athleteId: string) =>
        Effect.flatMap(TestServer, ({ request }) => request("GET", `/v1/athletes/${athleteId}/workouts`))
      const heart = (n: number, from: number, to: number, sensor: string, ended = false) =>
        chunk(n, [
          block("heartRate", seconds(from, to, 162), sensor),
          ...(ended ? [block("activity", [[to * 1000, 0]], sensor)] : []),
        ])

      const { anna, bo, cy, dee, device } = yield* run(
        Effect.gen(function* () {
          const server = yield* TestServer
          const anna = yield* server.addAthlete({ alias: "Anna", maxHeartRateBpm: 200 })
          const bo = yield* server.addAthlete({ alias: "Bo", maxHeartRateBpm: 200 })
          const cy = yield* server.addAthlete({ alias: "Cy", maxHeartRateBpm: 200 })
          const device = yield* server.addDevice({
            "strap-01": anna.athleteId,
            "strap-02": bo.athleteId,
            "strap-03": cy.athleteId,
          })
          const { bridge } = yield* greet(device)
          const told = [
            heart(1, 0, 600, "strap-01"),
            heart(2, 600, 900, "strap-01"),
            heart(3, 900, 1500, "strap-01", true),
            heart(4, 0, 600, "strap-02"),
            heart(5, 600, 1200, "strap-02", true),
            heart(6, 0, 600, "strap-03", true),
          ]
          for (const one of told) {
            // A server that is too old takes the second, and those from the fourth on, for what it cannot read.
            if (one.n === 2 || one.n > 3) one.payload[0] = 9
            bridge.say({ ...one, crc: crc32(one.payload) })
          }
          yield* eventually(bridge.next, (frame) => frame._tag === "Ack" && frame.n === 6)
          // From now on another wears Cy's strap, in another class.
          const dee = yield* server.addAthlete({ alias: "Dee", maxHeartRateBpm: 200 })
          const worn = { athleteId: dee.athleteId, classId: "spin" }
          yield* server.request("PUT", `/v1/devices/${device.deviceId}/sensors/strap-03`, worn)
          yield* eventually(workouts(anna.athleteId), ({ body }) => body.length === 1)
          // The newer server knows this version: here it is the bytes that become readable.
          const rows = yield* server.sql<{ readonly id: number; readonly payload: Uint8Array }>`
            SELECT id, payload FROM quarantine`
          expect(rows).toHaveLength(4)
          for (const { id, payload } of rows) {
            const known = Uint8Array.from(payload)
            known[0] = 2
            yield* UnitOfWork.run(
              server.sql`UPDATE quarantine SET payload = ${known}, crc = ${crc32(known)} WHERE id = ${id}`,
            )
          }
          return { anna, bo, cy, dee, device }
        }),
      )

      yield* run(
        Effect.gen(function* () {
          const server = yield* TestServer
          yield* eventually(workouts(bo.athleteId), ({ body }) => body.length === 1)
          expect((yield* workouts(bo.athleteId)).body).toMatchObject([
            { startedAtMs: 0, endedAtMs: 1_200_000, heartRateSamples: 1200, effortPoints: 79 },
          ])
          // Until its own end it is open, as whatever comes late. The last sample before a gap holds for five seconds.
          const ended = yield* server.request("POST", `/v1/classes/main/athletes/${anna.athleteId}/complete`)
          expect(ended).toMatchObject({ status: 200 })
          const { body } = yield* workouts(anna.athleteId)
          expect(body).toMatchObject([
            { startedAtMs: 0, endedAtMs: 1_500_000, heartRateSamples: 1495, effortPoints: 99 },
          ])
          expect(body[0].mergedFrom).toHaveLength(2)
          const board = server.request("GET", "/v1/classes/main/leaderboard")
          yield* eventually(board, (answer) => answer.body.length === 2 && answer.body[0].points === 99)
          expect(
            (yield* board).body.map(({ alias, points }: { alias: string; points: number }) => [alias, points]),
          ).toEqual([
            ["Anna", 99],
            ["Bo", 79],
          ])
          const [one] = (yield* server.request("GET", "/v1/devices")).body
          expect(one).toMatchObject({ deviceId: device.deviceId, chunks: 6, quarantined: 0 })
          // What Cy wore is Cy's, and counts in no class: nobody knows of which it was. It is not Dee's.
          const seriesOf = (athleteId: string) => server.request("GET", `/v1/athletes/${athleteId}/series`)
          yield* eventually(seriesOf(cy.athleteId), (answer) => answer.body.series.length === 2)
          expect((yield* seriesOf(dee.athleteId)).body.series).toEqual([])
          for (const { athleteId } of [cy, dee]) expect((yield* workouts(athleteId)).body).toEqual([])
        }),
      )
    }).pipe(Effect.scoped),
  )
})

/** A server, and an eviction that the test runs: a day, and three chunks of 1000 bytes with what goes with them. */
const bounded = Layer.provideMerge(
  Layer.merge(
    TestServer.Default.pipe(Layer.provide(Gateway.layer(options))),
    QuarantineEviction.Default.pipe(
      Layer.provide(Layer.succeed(QuarantineBounds, { keepMillis: 86_400_000, bytesOfADevice: 4_000 })),
    ),
  ),
  SqliteStore.layerTest(),
)

describe("The quarantine", () => {
  it.scopedLive("keeps the newest of each bridge in its bounds, and declares what goes as missing", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const eviction = yield* QuarantineEviction
      const [broken, sound] = [yield* server.addDevice(), yield* server.addDevice()]
      const setAside = (deviceId: string, n: number, reason: string, ageMillis = 0) => server.sql`
        INSERT INTO quarantine (device_id, incarnation, n, crc, reason, received_at_ms, payload)
        VALUES (${deviceId}, 'run-1', ${n}, 0, ${reason}, ${Date.now() - ageMillis}, ${new Uint8Array(1000)})`
      yield* UnitOfWork.run(
        Effect.gen(function* () {
          yield* setAside(sound.deviceId, 3, "malformed: cut short", 86_400_000 - 60_000)
          yield* setAside(sound.deviceId, 1, "malformed: cut short", 86_400_001)
          for (let n = 1; n <= 1203; n++) yield* setAside(broken.deviceId, n, "wrong-crc: 1")
          yield* setAside(broken.deviceId, 700, "identity-conflict: received before", 86_400_001)
          yield* server.sql`UPDATE device SET quarantined = 1204 WHERE device_id = ${broken.deviceId}`
          yield* server.sql`UPDATE device SET quarantined = 2 WHERE device_id = ${sound.deviceId}`
        }),
      )
      const steps: Array<number> = []
      do steps.push(yield* UnitOfWork.run(eviction.step()))
      while (steps.at(-1) !== 0)
      // A unit of work is never long.
      expect(steps).toEqual([500, 500, 202, 0])

      const of = (deviceId: string, what: string) =>
        Effect.map(server.request("GET", `/v1/devices/${deviceId}/${what}`), ({ body }) => body)
      expect((yield* of(broken.deviceId, "quarantine")).map(({ n }: { n: number }) => n)).toEqual([1203, 1202, 1201])
      expect((yield* of(sound.deviceId, "quarantine")).map(({ n }: { n: number }) => n)).toEqual([3])
      const gaps: ReadonlyArray<{ first: number; last: number; reason: string }> = yield* of(broken.deviceId, "gaps")
      const missing = gaps.filter(({ reason }) => reason === "unreadable").map(({ first, last }) => last - first + 1)
      expect(missing.reduce((sum, chunks) => sum + chunks, 0)).toBe(1200)
      expect(gaps.length).toBeLessThan(8)
      expect(gaps.filter(({ reason }) => reason === "conflicting")).toMatchObject([{ first: 700, last: 700 }])
      expect(yield* of(sound.deviceId, "gaps")).toMatchObject([{ first: 1, last: 1, reason: "unreadable" }])
      const devices = (yield* server.request("GET", "/v1/devices")).body
      const counts = (deviceId: string) => devices.find((one: { deviceId: string }) => one.deviceId === deviceId)
      expect(counts(broken.deviceId)).toMatchObject({ quarantined: 3, missingChunks: 1201 })
      expect(counts(sound.deviceId)).toMatchObject({ quarantined: 1, missingChunks: 1 })
    }).pipe(Effect.provide(bounded)),
  )
})
