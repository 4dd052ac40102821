import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
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
