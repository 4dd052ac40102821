/** What bridges have sent at the same moment, stored as one unit of work: each gets what is its own. */

import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import {
  AthleteDirectory,
  AthleteId,
  ClassId,
  CurrentActor,
  type DeviceId,
  HeartRates,
  IdempotentRequest,
  KeyIssuer,
  SensorName,
  Topics,
} from "@paceline/core/contract"
import { EventLog } from "@paceline/core/messaging"
import { Bundle, crc32 } from "@paceline/core/wire"
import { Cause, Effect, Exit, Layer } from "effect"
import * as SqliteStore from "../../adapters/sqlite/SqliteStore.ts"
import type { Chunk, Delivery } from "./Model.ts"
import { Devices } from "./Service.ts"

const known = Layer.mergeAll(
  Layer.succeed(KeyIssuer, { issue: () => Effect.succeed("pl_key") }),
  Layer.succeed(AthleteDirectory, {
    exists: () => Effect.succeed(true),
    showsHeartRate: () => Effect.succeed(true),
  }),
  Layer.succeed(HeartRates, { publish: () => {}, subscribe: () => () => {} }),
)

const devices = Devices.Default.pipe(
  Layer.provide(known),
  Layer.provideMerge(SqliteStore.layerTest()),
  Layer.merge(Layer.succeed(CurrentActor, { _tag: "Admin" })),
  Layer.merge(Layer.succeed(IdempotentRequest, IdempotentRequest.withoutKey)),
)

const beat = (n: number, bpm: number, incarnation = "run"): Chunk => {
  const payload = Bundle.encode([
    { sensor: "strap", kind: "heartRate", atMillis: [n * 1_000, n * 1_000 + 500], values: [bpm, bpm] },
  ])
  return { _tag: "Chunk", incarnation, n, crc: crc32(payload), payload }
}

const delivery = (deviceId: DeviceId, ...items: Delivery["items"]): Delivery => ({ deviceId, items, hello: null })

/** A bridge whose strap is worn by an athlete of the same name. */
const bridgeOf = (name: string) =>
  Effect.gen(function* () {
    const service = yield* Devices
    const { deviceId } = yield* service.create(name)
    yield* service.pair(deviceId, {
      sensor: SensorName.make("strap"),
      athleteId: AthleteId.make(name),
      classId: ClassId.make("main"),
    })
    return deviceId
  })

/** Who was told of with which heart rates, in the order of the log. */
const told = Effect.gen(function* () {
  const log = yield* EventLog.EventLog
  const records = yield* log.read(Topics.telemetry.name, 0, 0, 100)
  const events = yield* Effect.forEach(records, (record) => EventLog.decode(Topics.telemetry, record))
  return events.map(({ athleteId, heartRateBpm, n }) => [athleteId, n, heartRateBpm[0]])
})

const numbersOf = (deviceId: DeviceId) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const rows = yield* sql<{ n: number }>`SELECT n FROM chunk WHERE device_id = ${deviceId} ORDER BY n`
    return rows.map(({ n }) => n)
  })

describe("deliveries of many bridges as one unit", () => {
  it.scoped("each is stored under its own bridge and athlete, and has its own receipt", () =>
    Effect.gen(function* () {
      const service = yield* Devices
      const [ada, ben, eva] = yield* Effect.forEach(["ada", "ben", "eva"], bridgeOf)
      if (ada === undefined || ben === undefined || eva === undefined) throw new Error("three bridges were made")
      // More chunks than one statement takes, and a remainder.
      const many = Array.from({ length: 11 }, (_, i) => beat(i + 1, 120))
      const receipts = yield* service.receive([
        delivery(ada, beat(1, 101), beat(2, 102)),
        delivery(ben, ...many),
        delivery(eva, beat(2, 140)),
      ])
      expect(receipts.map(({ acknowledged }) => acknowledged)).toEqual([
        [{ incarnation: "run", n: 2 }],
        [{ incarnation: "run", n: 11 }],
        [],
      ])
      expect(receipts[2]?.outOfOrder).toEqual({ incarnation: "run", expected: 1, provided: 2 })
      expect(yield* numbersOf(ada)).toEqual([1, 2])
      expect(yield* numbersOf(ben)).toEqual(many.map(({ n }) => n))
      expect(yield* numbersOf(eva)).toEqual([])
      expect(yield* told).toEqual([["ada", 1, 101], ["ada", 2, 102], ...many.map(({ n }) => ["ben", n, 120])])
      const counts = (yield* service.list()).map(({ chunks, name, samples }) => [name, chunks, samples])
      expect(counts).toEqual([
        ["ada", 2, 4],
        ["ben", 11, 22],
        ["eva", 0, 0],
      ])
    }).pipe(Effect.provide(devices)),
  )

  it.scoped("[bridge 13] two of one bridge go on from one another; what comes twice is stored and counted once", () =>
    Effect.gen(function* () {
      const service = yield* Devices
      const ada = yield* bridgeOf("ada")
      const receipts = yield* service.receive([
        delivery(ada, beat(1, 101), beat(2, 102)),
        delivery(ada, beat(2, 102), beat(3, 103)),
        delivery(ada, beat(1, 90, "other")),
      ])
      expect(receipts.map(({ acknowledged, setAside }) => [acknowledged, setAside])).toEqual([
        [[{ incarnation: "run", n: 2 }], []],
        [[{ incarnation: "run", n: 3 }], []],
        [[{ incarnation: "other", n: 1 }], []],
      ])
      expect(yield* told).toEqual([
        ["ada", 1, 101],
        ["ada", 2, 102],
        ["ada", 3, 103],
        ["ada", 1, 90],
      ])
      expect(yield* service.list()).toMatchObject([
        { chunks: 4, samples: 8, quarantined: 0, redeliveriesSuppressed: 1 },
      ])
    }).pipe(Effect.provide(devices)),
  )

  it.scoped("are told of whoever wears the sensor then, also after it changed hands and when that was taken back", () =>
    Effect.gen(function* () {
      const service = yield* Devices
      const bridge = yield* bridgeOf("ada")
      const wear = (athlete: string) =>
        service.pair(bridge, {
          sensor: SensorName.make("strap"),
          athleteId: AthleteId.make(athlete),
          classId: ClassId.make("main"),
        })
      yield* service.receive([delivery(bridge, beat(1, 101))])
      yield* wear("ben")
      yield* service.receive([delivery(bridge, beat(2, 102))])
      yield* service.receive([delivery(bridge, beat(3, 103))])
      // What was looked up in a unit that was rolled back is not remembered: the next pairing has the same number.
      const undone = yield* Effect.exit(
        UnitOfWork.run(
          Effect.gen(function* () {
            yield* wear("eva")
            yield* service.receive([delivery(bridge, beat(4, 104))])
            return yield* Effect.fail("taken back")
          }),
        ),
      )
      expect(undone).toEqual(Exit.fail("taken back"))
      yield* wear("mia")
      yield* service.receive([delivery(bridge, beat(4, 105))])
      yield* service.unpairAthlete(AthleteId.make("mia"))
      yield* service.receive([delivery(bridge, beat(5, 106))])
      expect(yield* told).toEqual([
        ["ada", 1, 101],
        ["ben", 2, 102],
        ["ben", 3, 103],
        ["mia", 4, 105],
      ])
      expect(yield* numbersOf(bridge)).toEqual([1, 2, 3, 4, 5])
      const sql = yield* SqlClient
      const rows = yield* sql`SELECT n, pairings FROM chunk WHERE device_id = ${bridge} ORDER BY n`
      expect(rows.map(({ pairings }) => pairings)).toEqual([1, 2, 2, 3, 4])
    }).pipe(Effect.provide(devices)),
  )

  it.scoped("a delivery that the store refuses dies, so that it is tried apart from the others", () =>
    Effect.gen(function* () {
      const service = yield* Devices
      const sql = yield* SqlClient
      const ada = yield* bridgeOf("ada")
      const ben = yield* bridgeOf("ben")
      yield* UnitOfWork.run(sql`
        CREATE TRIGGER refuses BEFORE INSERT ON chunk WHEN new.n = 2 BEGIN SELECT RAISE(ABORT, 'not this one'); END`)
      const exit = yield* Effect.exit(
        service.receive([delivery(ada, beat(1, 101)), delivery(ben, beat(1, 120), beat(2, 120))]),
      )
      expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
      expect([yield* numbersOf(ada), yield* numbersOf(ben)]).toEqual([[], []])
      yield* service.receive([delivery(ada, beat(1, 101))])
      expect(yield* numbersOf(ada)).toEqual([1])
    }).pipe(Effect.provide(devices)),
  )
})
