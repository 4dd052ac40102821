import { Database as BunDatabase } from "bun:sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Effect, TestClock } from "effect"
import { EVENT_LOG_TOPICS, eventLogSuite } from "../suites/EventLogSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

eventLogSuite("SQLite", SqliteStore.layerTest({ topics: EVENT_LOG_TOPICS }))

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline-log-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

const opened = <A, E>(path: string, body: Effect.Effect<A, E, SqliteStore.Provided>) =>
  Effect.provide(body, SqliteStore.layer({ folder: path }))

const publish = (id: string) =>
  Effect.flatMap(EventLog.EventLog, (log) => log.publish("t", [{ key: "k", payload: id, id }]))

describe("event log on SQLite, opened again", () => {
  it.scoped("[log 12] a duplicate publish id gives the same offset after a restart too, until its time is over", () =>
    Effect.gen(function* () {
      const path = yield* folder
      yield* opened(path, Effect.zipRight(publish("one"), publish("two")))
      yield* TestClock.adjust("23 hours")
      expect(yield* opened(path, publish("two"))).toEqual([{ partition: 0, offset: 1, duplicate: true }])
      yield* TestClock.adjust("3599 seconds")
      expect(yield* opened(path, publish("two"))).toEqual([{ partition: 0, offset: 1, duplicate: true }])
      yield* TestClock.adjust("1 second")
      expect(yield* opened(path, publish("two"))).toEqual([{ partition: 0, offset: 2, duplicate: false }])
    }),
  )

  it.scoped("a record keeps its id and its headers, whether it has both, one or none", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const headers = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" }
      const records = [
        { key: "a", payload: "none" },
        { key: "b", payload: "id", id: "1" },
        { key: "c", payload: "headers", headers },
        { key: "d", payload: "both", id: "2", headers },
        { key: "e", payload: "none again", headers: {} },
      ]
      yield* opened(
        path,
        Effect.flatMap(EventLog.EventLog, (log) => log.publish("t", records)),
      )
      const read = Effect.flatMap(EventLog.EventLog, (log) => log.read("t", 0, 0, 9))
      expect(yield* opened(path, read)).toMatchObject(
        records.map(({ headers: given = {}, id, key, payload }, offset) => ({
          key,
          payload,
          id,
          headers: given,
          offset,
        })),
      )
    }),
  )

  it.scoped("what was dropped stays dropped, and an emptied partition goes on after its end", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const drop = Effect.flatMap(EventLog.EventLog, (log) => UnitOfWork.run(log.dropBefore("t", 0, 2)))
      yield* opened(path, Effect.all([publish("one"), publish("two"), drop]))
      expect(yield* opened(path, publish("three"))).toEqual([{ partition: 0, offset: 2, duplicate: false }])
    }),
  )

  it.scoped("[log 20] after a crash nobody lives: what was held is taken over at once, under a new epoch", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const beat = (member: string) =>
        Effect.flatMap(EventLog.EventLog, (log) => log.heartbeat({ group: "g", topic: "t", member }, 600_000))
      const commit = (epoch: number | undefined) =>
        Effect.flatMap(EventLog.EventLog, (log) => UnitOfWork.run(log.commit("g", "t", 0, 0, 1, epoch)))
      const [old] = yield* opened(path, beat("before"))
      expect(old).toMatchObject({ partition: 0, takenOver: false })
      const after = Effect.gen(function* () {
        const [taken] = yield* beat("after")
        expect(taken).toMatchObject({ partition: 0, takenOver: true })
        expect(taken?.epoch).toBeGreaterThan(old?.epoch ?? Number.POSITIVE_INFINITY)
        expect(yield* Effect.flip(commit(old?.epoch))).toBeInstanceOf(EventLog.LeaseLost)
        yield* commit(taken?.epoch)
      })
      yield* opened(path, after)
      const forgotten = Effect.flatMap(EventLog.EventLog, (log) => UnitOfWork.run(log.unsubscribe("g", "t")))
      yield* opened(path, forgotten)
      const [last] = yield* opened(path, beat("last"))
      expect(last?.epoch).toBeGreaterThan((old?.epoch ?? Number.POSITIVE_INFINITY) + 1)
    }),
  )

  it.scoped(
    "[log 18] offsets stay dense whatever is undone between two appends, in a unit, a part of one, or a turn",
    () =>
      Effect.gen(function* () {
        const log = yield* EventLog.EventLog
        const append = (name: string) => log.append("t", [{ key: "k", payload: name }])
        const offsetOf = (name: string) => Effect.map(UnitOfWork.run(append(name)), ([position]) => position?.offset)
        const undone = Effect.zipRight(append("undone"), Effect.fail("no"))
        expect(yield* offsetOf("a")).toBe(0)
        yield* Effect.flip(UnitOfWork.run(undone))
        expect(yield* offsetOf("b")).toBe(1)
        yield* UnitOfWork.run(Effect.zipRight(Effect.flip(UnitOfWork.run(undone)), append("c")))
        expect(yield* offsetOf("d")).toBe(3)
        const sql = yield* SqlClient
        yield* UnitOfWork.run(sql`
        CREATE TRIGGER refuse BEFORE INSERT ON log_record WHEN NEW.key = 'refused'
        BEGIN SELECT raise(ABORT, 'refused'); END`)
        // An append that SQLite refuses in its middle, in a unit that goes on all the same.
        const refused = log.append("t", [
          { key: "k", payload: "e" },
          { key: "refused", payload: "x" },
        ])
        yield* UnitOfWork.run(Effect.zipRight(Effect.ignore(refused), append("f")))
        const records = yield* log.read("t", 0, 0, 99)
        expect(records.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4, 5])
        expect(records.map(({ payload }) => payload)).toEqual(["a", "b", "c", "d", "e", "f"])
      }).pipe(Effect.provide(SqliteStore.layerTest())),
  )

  it.scoped(
    "[log 18] offsets stay dense after SQLite itself rolled a turn back, as it does when the disk is full",
    () =>
      Effect.gen(function* () {
        const path = yield* folder
        const filled = Effect.gen(function* () {
          const log = yield* EventLog.EventLog
          const append = (payload: string) => log.append("t", [{ key: "k", payload }])
          yield* publish("one")
          const error = yield* Effect.flip(
            UnitOfWork.run(Effect.zipRight(append("lost"), append("x".repeat(8_000_000)))),
          )
          expect(error).toMatchObject({ reason: "full" })
          expect(yield* publish("two")).toEqual([{ partition: 0, offset: 1, duplicate: false }])
        })
        yield* Effect.provide(filled, SqliteStore.layer({ folder: path, database: { maxPageCount: 1_000 } }))
      }),
  )

  it.scoped("[log 18] offsets go on after what another program wrote to the file meanwhile", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const mended = Effect.gen(function* () {
        yield* publish("one")
        const other = new BunDatabase(join(path, SqliteStore.FILE))
        other.run(
          "INSERT INTO log_record SELECT position + 1, key, '\"by hand\"', NULL, NULL, appended_at_ms FROM log_record",
        )
        other.close()
        expect(yield* publish("two")).toEqual([{ partition: 0, offset: 2, duplicate: false }])
      })
      yield* opened(path, mended)
    }),
  )

  it.scoped("a heartbeat that changes nothing writes nothing", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const member = { group: "g", topic: "t", member: "a" }
      yield* opened(
        path,
        Effect.gen(function* () {
          const log = yield* EventLog.EventLog
          const first = yield* log.heartbeat(member, 1000)
          const before = Bun.file(join(path, `${SqliteStore.FILE}-wal`)).size
          for (let i = 0; i < 20; i++) {
            yield* TestClock.adjust("500 millis")
            expect(yield* log.heartbeat(member, 1000)).toEqual(first)
          }
          expect(Bun.file(join(path, `${SqliteStore.FILE}-wal`)).size).toBe(before)
        }),
      )
    }),
  )
})
