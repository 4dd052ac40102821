/** Series of several sources: which one is believed, and what they come to as one. */
import { expect, layer } from "@effect/vitest"
import { Effect } from "effect"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"
import { block } from "./Bridge.ts"
import { deliver, every, HOUR, read, T0, untilListed, url } from "./SeriesReading.ts"
import { TestServer } from "./TestServer.ts"

layer(TestServer.layer, { excludeTestServices: true })("Series of several sources", (it) => {
  it.scoped("merges a strap and a watch to the best of each minute, at every resolution", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { athleteId } = yield* server.addAthlete({ alias: "Anna" })
      const device = yield* server.addDevice({ "strap-01": athleteId, watch: athleteId })
      yield* deliver(device, "run-1", [
        block("heartRate", every(T0, [100, 100]), "strap-01"),
        block("heartRate", [...every(T0, [90, 90, 90]), ...every(T0 + 60_000, [94])], "watch"),
      ])
      yield* untilListed(athleteId, 6)
      const ask = (resolution: string) =>
        Effect.map(
          read(url(athleteId, { kind: "heartRate", resolution, from: T0, to: T0 + HOUR, source: "best" })),
          ({ body }) => body,
        )

      expect((yield* ask("1min")).series).toMatchObject([
        { source: null, samples: [2, 1], mean: [100, 94], from: [0, 1] },
      ])
      expect((yield* ask("1h")).series).toMatchObject([{ source: null, samples: [3], mean: [98], from: [0] }])
      expect((yield* ask("1s")).series).toMatchObject([{ samples: [1, 1, 1], mean: [100, 100, 94] }])
      expect((yield* ask("raw")).runs).toMatchObject([
        { source: 0, values: [100, 100] },
        { source: 1, values: [94] },
      ])
    }),
  )

  it.scoped("believes what a pairing says a sensor is more than its name", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { athleteId } = yield* server.addAthlete({ alias: "Anna" })
      const device = yield* server.addDevice({ watch: athleteId })
      const sensor = `/v1/devices/${device.deviceId}/sensors/grey-thing`
      const wrong = yield* server.request("PUT", sensor, { athleteId, classId: "main", source: "guess" })
      expect(wrong.status).toBe(400)
      const paired = yield* server.request("PUT", sensor, { athleteId, classId: "main", source: "strap" })
      expect(paired.body).toEqual({ sensor: "grey-thing", athleteId, classId: "main", source: "strap" })
      yield* deliver(device, "run-1", [
        block("heartRate", every(T0, [90]), "watch"),
        block("heartRate", every(T0, [100]), "grey-thing"),
      ])
      yield* untilListed(athleteId, 2)
      const { body } = yield* read(url(athleteId, { kind: "heartRate", from: T0, to: T0 + 1, source: "best" }))
      expect(body.sources.map(({ sensor, source }: { sensor: string; source: string }) => [sensor, source])).toEqual([
        ["grey-thing", "strap"],
        ["watch", "watch"],
      ])
      expect(body.series).toMatchObject([{ mean: [100] }])
      const devices = yield* server.request("GET", "/v1/devices")
      expect(devices.body.find((one: { deviceId: string }) => one.deviceId === device.deviceId).sensors).toEqual([
        { sensor: "grey-thing", athleteId, classId: "main", source: "strap" },
        { sensor: "watch", athleteId, classId: "main" },
      ])
    }),
  )
})

const wristFirst = TestServer.layerOn(SqliteStore.layerTest(), {
  sourceRanking: { order: ["watch", "strap"], byKind: {} },
})

layer(wristFirst, { excludeTestServices: true })("A server that is told to believe the wrist first", (it) => {
  it.scoped("gives its minutes as the best", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { athleteId } = yield* server.addAthlete({ alias: "Anna" })
      const device = yield* server.addDevice({ "strap-01": athleteId, watch: athleteId })
      yield* deliver(device, "run-1", [
        block("heartRate", every(T0, [100]), "strap-01"),
        block("heartRate", every(T0, [90]), "watch"),
      ])
      yield* untilListed(athleteId, 2)
      const { body } = yield* read(url(athleteId, { kind: "heartRate", from: T0, to: T0 + 1, source: "best" }))
      expect(body.series).toMatchObject([{ mean: [90] }])
    }),
  )
})
