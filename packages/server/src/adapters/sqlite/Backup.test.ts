import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Fiber } from "effect"
import { BackupFailed } from "./Backup.ts"
import * as SqliteStore from "./SqliteStore.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline backup "))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

const opened = <A, E>(path: string, body: Effect.Effect<A, E, SqliteStore.Provided>) =>
  Effect.provide(body, SqliteStore.layer({ folder: path }))

/** Each unit counts in a table and appends two records: a copy that has half of one shows. */
const unit = Effect.gen(function* () {
  const sql = yield* SqlClient
  const log = yield* EventLog.EventLog
  yield* sql`UPDATE tally SET n = n + 1`
  yield* log.append("t", [
    { key: "k", payload: "x".repeat(2000) },
    { key: "k", payload: "second" },
  ])
})

const state = Effect.gen(function* () {
  const sql = yield* SqlClient
  const log = yield* EventLog.EventLog
  const [row] = yield* sql<{ n: number }>`SELECT n FROM tally`
  const offsets = (yield* log.read("t", 0, 0, 1_000_000)).map(({ offset }) => offset)
  const sound = yield* sql.unsafe("PRAGMA integrity_check").values
  return { units: row?.n ?? 0, offsets, sound }
})

describe("backup", () => {
  it.scopedLive("copies one moment while units go on being written, and the copy opens", () =>
    Effect.gen(function* () {
      const [from, to] = [yield* folder, yield* folder]
      const before = 300
      yield* opened(
        from,
        Effect.gen(function* () {
          const sql = yield* SqlClient
          yield* UnitOfWork.run(sql`CREATE TABLE tally (n INTEGER NOT NULL)`)
          yield* UnitOfWork.run(sql`INSERT INTO tally VALUES (0)`)
          yield* Effect.forEach(Array.from({ length: before }), () => UnitOfWork.run(unit), {
            concurrency: "unbounded",
            discard: true,
          })
          let during = 0
          const writing = yield* Effect.fork(
            Effect.forever(
              Effect.tap(UnitOfWork.run(unit), () =>
                Effect.sync(() => {
                  during++
                }),
              ),
            ),
          )
          yield* SqliteStore.backup(join(to, SqliteStore.FILE))
          yield* Fiber.interrupt(writing)
          expect(during).toBeGreaterThan(0)
        }),
      )
      expect(statSync(join(to, SqliteStore.FILE)).mode & 0o077).toBe(0)
      expect(existsSync(join(to, `${SqliteStore.FILE}.partial`))).toBe(false)
      const { offsets, sound, units } = yield* opened(to, state)
      expect(sound).toEqual([["ok"]])
      expect(units).toBeGreaterThanOrEqual(before)
      expect(offsets).toEqual(Array.from({ length: 2 * units }, (_, i) => i))
    }),
  )

  it.scopedLive("never writes over a file, and leaves nothing behind when it fails", () =>
    Effect.gen(function* () {
      const [from, to] = [yield* folder, yield* folder]
      const there = join(to, "there.db")
      writeFileSync(there, "precious")
      yield* opened(
        from,
        Effect.gen(function* () {
          const taken = yield* Effect.flip(SqliteStore.backup(there))
          expect(taken).toBeInstanceOf(BackupFailed)
          expect(taken.message).toContain("is there already")
          expect(statSync(there).size).toBe("precious".length)
          const nowhere = yield* Effect.flip(SqliteStore.backup(join(to, "no such folder", "copy.db")))
          expect(nowhere.message).toContain("no such folder")
        }),
      )
    }),
  )
})
