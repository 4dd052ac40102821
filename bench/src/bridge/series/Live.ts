/**
 * A class of 2,000 bridges that deliver a chunk every second, each of an accelerometer at 50 Hz and a strap: what it
 * costs to compute series while they do. CPU nanoseconds a sample, with the commits, of the best of some seconds.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { UnitOfWork } from "@paceline/core/consistency"
import { ChunksStored, DeviceId } from "@paceline/core/contract"
import { Bundle, crc32 } from "@paceline/core/wire"
import { Effect, Layer } from "effect"
import * as SqliteStore from "../../../../packages/server/src/adapters/sqlite/SqliteStore.ts"
import { SeriesProjection } from "../../../../packages/server/src/contexts/devices/series/Projection.ts"

const BRIDGES = 2_000
const SECONDS = 6
const STARTS_AT = Date.UTC(2026, 0, 1, 18)

/** As many as the consumer takes at once. */
const BATCH = 50

const AXES = ["accelerationX", "accelerationY", "accelerationZ"] as const

const secondOf = (second: number): Bundle.Bundle => {
  const from = STARTS_AT + second * 1_000
  const atMillis = Array.from({ length: 50 }, (_, i) => from + i * 20)
  return [
    ...AXES.map((kind, axis) => ({
      sensor: "pod",
      kind,
      atMillis,
      values: atMillis.map((at) => Math.round(900 * Math.sin(at / 170 + axis)) / 1_000),
    })),
    { sensor: "strap-01", kind: "heartRate", atMillis: [from], values: [130 + (second % 5)] },
  ]
}

const deviceOf = (bridge: number) => DeviceId.make(`bridge-${bridge}`)

const enrol = Effect.gen(function* () {
  const sql = yield* SqlClient
  for (let bridge = 0; bridge < BRIDGES; bridge++) {
    yield* sql`INSERT INTO device (device_id, name) VALUES (${deviceOf(bridge)}, 'Studio')`
    for (const sensor of ["pod", "strap-01"]) {
      yield* sql`
        INSERT INTO worn (device_id, sensor, since, athlete_id)
        VALUES (${deviceOf(bridge)}, ${sensor}, 0, ${`athlete-${bridge}`})`
    }
  }
})

const storeSecond = (second: number) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const bundle = secondOf(second)
    const payload = Bundle.encode(bundle)
    for (let bridge = 0; bridge < BRIDGES; bridge++) {
      yield* sql`
        INSERT INTO chunk (device_id, incarnation, n, crc, samples, received_at_ms, payload)
        VALUES (${deviceOf(bridge)}, 'run', ${second + 1}, ${crc32(payload)}, ${Bundle.sampleCount(bundle)}, 0, ${payload})`
    }
  })

const computeSecond = (second: number) =>
  Effect.gen(function* () {
    const projection = yield* SeriesProjection
    for (let from = 0; from < BRIDGES; from += BATCH) {
      const events = Array.from(
        { length: BATCH },
        (_, i) =>
          new ChunksStored({ deviceId: deviceOf(from + i), incarnation: "run", first: second + 1, last: second + 1 }),
      )
      yield* UnitOfWork.run(projection.addStored(events))
    }
  })

export const nanosEach = async (): Promise<number> => {
  const folder = mkdtempSync(join(tmpdir(), "paceline-live-"))
  try {
    const samples = BRIDGES * Bundle.sampleCount(secondOf(0))
    const measure = Effect.gen(function* () {
      yield* UnitOfWork.run(enrol)
      let least = Number.POSITIVE_INFINITY
      for (let second = 0; second < SECONDS; second++) {
        yield* UnitOfWork.run(storeSecond(second))
        const before = process.cpuUsage()
        yield* computeSecond(second)
        const { system, user } = process.cpuUsage(before)
        least = Math.min(least, ((system + user) * 1_000) / samples)
      }
      return least
    })
    const layer = SeriesProjection.Default.pipe(Layer.provideMerge(SqliteStore.layer({ folder: join(folder, "data") })))
    return await Effect.runPromise(Effect.provide(measure, layer))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
