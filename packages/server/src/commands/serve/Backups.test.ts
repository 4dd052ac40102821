import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Scheduler } from "@paceline/core/workflow"
import { Effect, Layer, Logger } from "effect"
import { describe } from "vitest"
import { eventually } from "../../../test/TestServer.ts"
import * as SqliteStore from "../../adapters/sqlite/SqliteStore.ts"
import * as BackupFiles from "../BackupFiles.ts"
import * as Backups from "./Backups.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline backups "))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

const layer = Layer.merge(SqliteStore.layerTest(), Logger.remove(Logger.defaultLogger))

describe("Backups", () => {
  it.live("keeps the newest, and touches nothing that is not its own", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const old = ["paceline-2020-01-01T03-30-00Z.db", "paceline-2020-01-02T03-30-00Z.db"]
      for (const name of [...old, "holiday.jpg", "paceline.db"]) writeFileSync(join(path, name), "")
      const scheduler = yield* Scheduler.make({ name: "test" })
      yield* Backups.start(scheduler, { folder: path, at: "03:30", keep: 2 })
      yield* Effect.sleep(200)
      // There are some, so the first one waits for its time.
      expect(BackupFiles.found(path)).toEqual(old)

      const run = yield* scheduler.runNow("backup")
      yield* eventually(scheduler.status("backup", run), (status) => status === "done")
      const kept = BackupFiles.found(path)
      expect(kept).toHaveLength(2)
      expect(kept[0]).toBe(old[1])
      expect(readdirSync(path).toSorted()).toEqual(["holiday.jpg", ...kept, "paceline.db"].toSorted())
    }).pipe(Effect.scoped, Effect.provide(layer)),
  )

  it.live("comes every day at its time, and no more once no folder is named", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const scheduler = yield* Scheduler.make({ name: "test" })
      yield* Backups.start(scheduler, { folder: path, at: "23:05", keep: 2 })
      const [task] = yield* scheduler.list
      expect(task?.when).toMatch(/^5 23 \* \* \* /)
      const next = new Date(task?.nextMs ?? 0)
      expect([next.getHours(), next.getMinutes()]).toEqual([23, 5])
      yield* eventually(
        Effect.sync(() => BackupFiles.found(path)),
        ({ length }) => length === 1,
      )
      const later = yield* Scheduler.make({ name: "test" })
      yield* Backups.start(later, { folder: "", at: "23:05", keep: 2 })
      expect(yield* later.list).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(layer)),
  )

  it.live("does not keep a server from starting when its folder cannot be made", () =>
    Effect.gen(function* () {
      const path = yield* folder
      writeFileSync(join(path, "file"), "")
      const scheduler = yield* Scheduler.make({ name: "test" })
      yield* Backups.start(scheduler, { folder: join(path, "file", "backups"), at: "03:30", keep: 2 })
      expect((yield* scheduler.list).map(({ task }) => task)).toEqual(["backup"])
    }).pipe(Effect.scoped, Effect.provide(layer)),
  )
})

describe("BackupFiles", () => {
  it("names backups so that they sort by time, and knows its own again", () => {
    const earlier = BackupFiles.nameAt(Date.parse("2026-11-20T03:30:00Z"))
    expect(earlier).toBe("paceline-2026-11-20T03-30-00Z.db")
    expect(earlier < BackupFiles.nameAt(Date.parse("2026-11-20T11:30:00Z"))).toBe(true)
    expect(BackupFiles.tooMany(["a", "b", "c"], 2)).toEqual(["a"])
    expect(BackupFiles.tooMany(["a"], 2)).toEqual([])
  })
})
