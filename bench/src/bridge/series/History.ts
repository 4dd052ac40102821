/**
 * A year of eight athletes, stored twice: as the server stores it, in chunks with what series are computed of them, and
 * as a row a sample in a SQLite table of its own.
 *
 * Each trains for half an hour every day, with heart rate and power once a second. The first athlete wears a strap all
 * through the last day, of which one hour came in chunks of five seconds. In all some 10 million samples; the
 * environment variable PACELINE_BENCH_DAYS makes it fewer days.
 */
import { Database } from "bun:sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { UnitOfWork } from "@paceline/core/consistency"
import { AthleteDirectory, AthleteId, CurrentActor, DeviceId, type SeriesQuery } from "@paceline/core/contract"
import { Bundle, crc32 } from "@paceline/core/wire"
import { Effect, Layer, ManagedRuntime } from "effect"
import * as SqliteStore from "../../../../packages/server/src/adapters/sqlite/SqliteStore.ts"
import { SeriesProjection } from "../../../../packages/server/src/contexts/devices/series/Projection.ts"
import { Series } from "../../../../packages/server/src/contexts/devices/series/Service.ts"

const DAYS = Number(process.env["PACELINE_BENCH_DAYS"] ?? 365)
export const DAY = 86_400_000
export const STARTS_AT = Date.UTC(2025, 0, 1)
/** Where the last day begins. */
export const LAST_DAY = STARTS_AT + DAYS * DAY

const ATHLETES = 8
const TRAINING_SECONDS = 1_800
const KINDS = ["heartRate", "power"] as const

export interface History {
  readonly samples: number
  /** Asks the server's series of the first athlete. Answers how many buckets or samples it got. */
  readonly ask: (query: SeriesQuery) => Promise<number>
  /** The same samples, a row each: `sample (athlete, kind, at, value)`. */
  readonly rows: Database
  readonly projectedNanosEach: number
  /** Of the server's file: the chunks alone, and with all that is computed. */
  readonly bytesEach: { readonly chunks: number; readonly all: number; readonly rows: number }
  readonly close: () => Promise<void>
}

type Samples = ReadonlyArray<readonly [kind: number, atMs: ReadonlyArray<number>, values: ReadonlyArray<number>]>

const wave = (atMs: number, kind: number): number =>
  Math.round((kind === 0 ? 130 : 220) + 30 * Math.sin(atMs / 97_000) + 6 * Math.sin(atMs / 3_700))

/** A sample a second of each kind. */
const recorded = (fromMs: number, seconds: number, kinds: ReadonlyArray<number>): Samples => {
  const atMs = Array.from({ length: seconds }, (_, i) => fromMs + i * 1_000)
  return kinds.map((kind) => [kind, atMs, atMs.map((at) => wave(at, kind))])
}

/** Everything that one athlete recorded, chunk by chunk. */
function* chunksOf(athlete: number): Generator<Samples> {
  for (let day = 0; day < DAYS; day++) {
    const startsAt = STARTS_AT + day * DAY + (athlete + 8) * 3_600_000
    for (let second = 0; second < TRAINING_SECONDS; second += 600)
      yield recorded(startsAt + second * 1_000, 600, [0, 1])
  }
  if (athlete > 0) return
  const [hourFrom, hourTo] = [LAST_DAY + DAY / 2, LAST_DAY + DAY / 2 + 3_600_000]
  for (let at = LAST_DAY; at < LAST_DAY + DAY; ) {
    const seconds = at >= hourFrom && at < hourTo ? 5 : 60
    yield recorded(at, seconds, [0])
    at += seconds * 1_000
  }
}

const sizeOf = Effect.gen(function* () {
  const sql = yield* SqlClient
  const [row] = yield* sql<{ readonly bytes: number }>`
    SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()`
  return row?.bytes ?? 0
})

/** Stores an athlete's chunks, as `Devices.receive` does, in units of some hundred. */
const store = (athlete: number) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const [deviceId, athleteId] = [DeviceId.make(`device-${athlete}`), AthleteId.make(`athlete-${athlete}`)]
    yield* UnitOfWork.run(
      Effect.gen(function* () {
        yield* sql`INSERT INTO device (device_id, name) VALUES (${deviceId}, 'Studio')`
        yield* sql`
          INSERT INTO worn (device_id, sensor, since, athlete_id) VALUES (${deviceId}, 'strap-01', 0, ${athleteId})`
      }),
    )
    let n = 0
    for (const chunks of inGroups(chunksOf(athlete), 500)) {
      yield* UnitOfWork.run(
        Effect.forEach(
          chunks,
          (samples) => {
            const bundle = samples.map(([kind, atMillis, values]): Bundle.Block => {
              return { sensor: "strap-01", kind: KINDS[kind] ?? "heartRate", atMillis, values }
            })
            const payload = Bundle.encode(bundle)
            return sql`
              INSERT INTO chunk (device_id, incarnation, n, crc, samples, received_at_ms, payload)
              VALUES (${deviceId}, 'run', ${++n}, ${crc32(payload)}, ${Bundle.sampleCount(bundle)}, 0, ${payload})`
          },
          { discard: true },
        ),
      )
    }
  })

function* inGroups<A>(items: Iterable<A>, size: number): Generator<ReadonlyArray<A>> {
  let group: Array<A> = []
  for (const item of items) {
    group.push(item)
    if (group.length === size) {
      yield group
      group = []
    }
  }
  if (group.length > 0) yield group
}

const storeRows = (file: string): { readonly database: Database; readonly samples: number } => {
  const database = new Database(file)
  for (const pragma of ["journal_mode=WAL", "synchronous=OFF", "cache_size=-65536"]) database.run(`PRAGMA ${pragma}`)
  database.run(`
    CREATE TABLE sample (athlete INTEGER NOT NULL, kind INTEGER NOT NULL, at INTEGER NOT NULL, value REAL NOT NULL,
                         PRIMARY KEY (athlete, kind, at)) STRICT, WITHOUT ROWID`)
  const insert = database.prepare("INSERT INTO sample (athlete, kind, at, value) VALUES (?, ?, ?, ?)")
  let samples = 0
  for (let athlete = 0; athlete < ATHLETES; athlete++) {
    database.transaction(() => {
      for (const chunk of chunksOf(athlete)) {
        for (const [kind, atMs, values] of chunk) {
          for (let i = 0; i < atMs.length; i++) insert.run(athlete, kind, atMs[i] ?? 0, values[i] ?? 0)
          samples += atMs.length
        }
      }
    })()
  }
  database.run("PRAGMA wal_checkpoint(TRUNCATE)")
  return { database, samples }
}

const directory = Layer.succeed(
  AthleteDirectory,
  AthleteDirectory.of({ exists: () => Effect.succeed(true), showsHeartRate: () => Effect.succeed(true) }),
)

export const open = async (): Promise<History> => {
  const folder = mkdtempSync(join(tmpdir(), "paceline-series-"))
  const runtime = ManagedRuntime.make(
    Layer.provideMerge(Series.Default, SeriesProjection.Default).pipe(
      Layer.provide(directory),
      Layer.provideMerge(SqliteStore.layer({ folder: join(folder, "data") })),
      Layer.merge(Layer.succeed(CurrentActor, { _tag: "Admin" })),
    ),
  )
  for (let athlete = 0; athlete < ATHLETES; athlete++) await runtime.runPromise(store(athlete))
  const chunkBytes = await runtime.runPromise(sizeOf)

  // The walk over all chunks is what the consumer does with each, without the log.
  const projection = await runtime.runPromise(SeriesProjection)
  await runtime.runPromise(UnitOfWork.run(projection.restart()))
  const before = process.cpuUsage()
  while (await runtime.runPromise(UnitOfWork.run(projection.walkOn()))) {}
  const { system, user } = process.cpuUsage(before)
  const allBytes = await runtime.runPromise(sizeOf)

  const { database, samples } = storeRows(join(folder, "rows.db"))
  const [size] = database
    .query<{ bytes: number }, []>("SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()")
    .all()
  const series = await runtime.runPromise(Series)
  const athleteId = AthleteId.make("athlete-0")
  return {
    samples,
    ask: async (query) => {
      const answer = await runtime.runPromise(series.read(athleteId, query))
      if (answer._tag === "List") return answer.series.length
      const columns = answer._tag === "Samples" ? answer.runs : answer.series
      return columns.reduce((sum, { atMs }) => sum + atMs.length, 0)
    },
    rows: database,
    projectedNanosEach: ((system + user) * 1_000) / samples,
    bytesEach: {
      chunks: chunkBytes / samples,
      all: allBytes / samples,
      rows: (size?.bytes ?? 0) / samples,
    },
    close: async () => {
      database.close()
      await runtime.dispose()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
