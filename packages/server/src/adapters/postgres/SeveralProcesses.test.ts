/** Several real server processes on one database: started at once, killed, stopped and continued. */
import { join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Redacted, Schedule } from "effect"
import { realPostgres } from "../../../test/RealPostgres.ts"
import { LEASE_MILLIS, TOPICS } from "./LogProcess.ts"
import { migrations } from "./migrations/index.ts"
import * as PostgresStore from "./PostgresStore.ts"

const PROCESS = join(import.meta.dirname, "LogProcess.ts")

const postgres = realPostgres()

/** Starts a process; it is killed at the latest when the scope closes. */
const start = (...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = Bun.spawn([process.execPath, PROCESS, ...args], { stdout: "pipe", stderr: "inherit" })
      return { child, lines: linesOf(child.stdout) }
    }),
    ({ child }) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return child.exited
      }),
  )

async function* linesOf(output: ReadableStream<Uint8Array>) {
  let text = ""
  for await (const bytes of output) {
    text += new TextDecoder().decode(bytes)
    const lines = text.split("\n")
    text = lines.pop() ?? ""
    yield* lines
  }
}

/** The first line that begins so. */
const line = (lines: AsyncGenerator<string>, beginning: string) =>
  Effect.promise(async () => {
    for (;;) {
      const { done, value } = await lines.next()
      if (done === true) throw new Error(`The process ended without saying "${beginning}"`)
      if (value.startsWith(beginning)) return value
    }
  })

const upTo = (end: number) => Array.from({ length: end }, (_, i) => i)

const store = (url: string) =>
  PostgresStore.layer({ url: Redacted.make(url), topics: TOPICS, pool: { critical: 4, other: 1 } })

/** All records of a topic, which must lie without gaps in each partition. */
const denseRecords = (topic: string) =>
  Effect.gen(function* () {
    const log = yield* EventLog.EventLog
    const all: Array<EventLog.LogRecord> = []
    for (const partition of yield* log.partitions(topic)) {
      const records = yield* log.read(topic, partition, 0, 100_000)
      expect(records.map(({ offset }) => offset)).toEqual(upTo(records.length))
      expect(yield* log.bounds(topic, partition)).toEqual({ start: 0, end: records.length })
      all.push(...records)
    }
    return all
  })

const createEffects = Effect.flatMap(SqlClient, (sql) =>
  UnitOfWork.run(sql`CREATE TABLE effect (partition int, "offset" int, n int, name text)`),
)

interface EffectRow {
  readonly n: number
  readonly name: string
}

const effects = Effect.flatMap(SqlClient, (sql) => sql<EffectRow>`SELECT n, name FROM effect`)

const publishWork = (count: number) =>
  Effect.flatMap(EventLog.EventLog, (log) =>
    log.publish(
      "work",
      upTo(count).map((n) => ({ key: `key-${n}`, payload: n })),
    ),
  )

const caughtUp = Effect.flatMap(EventLog.EventLog, (log) =>
  Effect.map(
    log.lag,
    (lag) => lag.length === TOPICS.work.partitions && lag.every(({ committed, end }) => committed === end),
  ),
).pipe(
  Effect.repeat({ until: (holds) => holds, schedule: Schedule.spaced("100 millis") }),
  Effect.timeout("60 seconds"),
)

const onceEach = (rows: ReadonlyArray<EffectRow>) => rows.map(({ n }) => n).toSorted((a, b) => a - b)

describe("several processes on one postgres", () => {
  it.scopedLive(
    "[log 18] three that start at once migrate once, and what they append crosswise is dense, whole and deduplicated",
    () =>
      Effect.gen(function* () {
        const url = yield* Effect.promise(postgres.database)
        const count = 15
        const names = ["one", "two", "three"]
        const processes = yield* Effect.forEach(names, (name) => start("append", url, name, String(count)))
        yield* Effect.forEach(processes, ({ lines }) => line(lines, "done"))
        yield* Effect.gen(function* () {
          const sql = yield* SqlClient
          const steps = yield* sql<{ migration_id: number }>`SELECT migration_id FROM schema_migration ORDER BY 1`
          expect(steps.length).toBe(Object.keys(migrations).length)
          for (const topic of ["left", "right"]) {
            const records = yield* denseRecords(topic)
            expect(records.length).toBe(names.length * count * 3)
            const payloads = records.map(({ payload }) => JSON.stringify(payload))
            expect(new Set(payloads).size).toBe(payloads.length)
          }
          const shared = yield* denseRecords("shared")
          expect(onceEach(shared.map(({ payload }) => ({ n: Number(payload), name: "" })))).toEqual(upTo(count))
        }).pipe(Effect.provide(store(url)))
      }),
    90_000,
  )

  it.scopedLive(
    "[log 8] [log 19] a member that is killed is replaced by the other; nothing is lost, nothing done twice",
    () =>
      Effect.gen(function* () {
        const url = yield* Effect.promise(postgres.database)
        const count = 400
        yield* Effect.gen(function* () {
          yield* createEffects
          yield* publishWork(count)
          const victim = yield* start("consume", url, "victim")
          yield* line(victim.lines, "at")
          const heir = yield* start("consume", url, "heir")
          yield* line(heir.lines, "at")
          victim.child.kill("SIGKILL")
          yield* caughtUp
          const rows = yield* effects
          expect(onceEach(rows)).toEqual(upTo(count))
          expect(new Set(rows.map(({ name }) => name))).toEqual(new Set(["victim", "heir"]))
        }).pipe(Effect.provide(store(url)))
      }),
    90_000,
  )

  it.scopedLive(
    "[log 20] one that is stopped inside its unit for longer than its lease is refused when it goes on",
    () =>
      Effect.gen(function* () {
        const url = yield* Effect.promise(postgres.database)
        const count = 40
        yield* Effect.gen(function* () {
          yield* createEffects
          yield* publishWork(count)
          const zombie = yield* start("consume", url, "zombie", "20")
          yield* line(zombie.lines, "stop")
          zombie.child.kill("SIGSTOP")
          yield* start("consume", url, "heir")
          yield* Effect.sleep(LEASE_MILLIS)
          yield* caughtUp
          zombie.child.kill("SIGCONT")
          const became = yield* line(zombie.lines, "became")
          expect(["became LeaseLost", "became StorageError"]).toContain(became)
          const rows = yield* effects
          expect(onceEach(rows)).toEqual(upTo(count))
          expect(rows.find(({ n }) => n === 20)?.name).toBe("heir")
        }).pipe(Effect.provide(store(url)))
      }),
    90_000,
  )
})
