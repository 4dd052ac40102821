import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as BunFileSystem from "@effect/platform-bun/BunFileSystem"
import { expect, layer } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { DeviceId } from "@paceline/core/contract"
import { Effect, Layer, Logger } from "effect"
import * as SqliteStore from "../../adapters/sqlite/SqliteStore.ts"
import * as AdminKeyFile from "./AdminKeyFile.ts"
import { isKey } from "./Model.ts"
import { Keys } from "./Service.ts"

const testLayer = Keys.Default.pipe(
  Layer.provideMerge(SqliteStore.layerTest()),
  Layer.provideMerge(BunFileSystem.layer),
  Layer.provide(Logger.remove(Logger.defaultLogger)),
)

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline-keys-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true })),
)

const device = { _tag: "Device", deviceId: DeviceId.make("bridge") } as const

layer(testLayer, { excludeTestServices: true })("Keys", (it) => {
  it.effect("stand for whom they were issued, and no other text does", () =>
    Effect.gen(function* () {
      const keys = yield* Keys
      const key = yield* keys.issue(device)
      expect(isKey(key)).toBe(true)
      expect(yield* keys.resolve(key)).toEqual(device)
      for (const text of ["", "pl_", key.slice(0, -1), `${key}A`, key.toUpperCase()]) {
        expect(yield* Effect.flip(keys.resolve(text))).toMatchObject({ _tag: "Unauthorized" })
      }
    }),
  )

  it.effect("are no two alike", () =>
    Effect.gen(function* () {
      const keys = yield* Keys
      const all = yield* Effect.replicateEffect(keys.issue(device), 50)
      expect(new Set(all).size).toBe(50)
    }),
  )

  it.effect("issued in a unit of work that fails are worth nothing", () =>
    Effect.gen(function* () {
      const keys = yield* Keys
      let key = ""
      const unit = Effect.gen(function* () {
        key = yield* keys.issue(device)
        return yield* Effect.fail("changed my mind" as const)
      })
      expect(yield* Effect.flip(UnitOfWork.run(unit))).toBe("changed my mind")
      expect(yield* Effect.flip(keys.resolve(key))).toMatchObject({ _tag: "Unauthorized" })
    }),
  )

  it.scoped("of the admin are in a file that only its owner may read, and stay the same", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "admin.key")
      yield* AdminKeyFile.ensure(path)
      expect(statSync(path).mode & 0o777).toBe(0o600)
      const key = readFileSync(path, "utf8")
      yield* AdminKeyFile.ensure(path)
      expect(readFileSync(path, "utf8")).toBe(key)
      expect(yield* (yield* Keys).resolve(key.trim())).toEqual({ _tag: "Admin" })
    }),
  )

  it.scoped("of the admin are replaced when their file is deleted: the old one is worth nothing then", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "admin.key")
      yield* AdminKeyFile.ensure(path)
      const old = readFileSync(path, "utf8").trim()
      rmSync(path)
      yield* AdminKeyFile.ensure(path)
      const now = readFileSync(path, "utf8").trim()
      expect(now).not.toBe(old)
      expect(existsSync(`${path}.new`)).toBe(false)
      const keys = yield* Keys
      expect(yield* keys.resolve(now)).toEqual({ _tag: "Admin" })
      expect(yield* Effect.flip(keys.resolve(old))).toMatchObject({ _tag: "Unauthorized" })
    }),
  )
})
