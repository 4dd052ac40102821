import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll } from "@effect/vitest"
import { Layer } from "effect"
import { pausedHolderSuite } from "../suites/PausedHolderSuite.ts"
import * as SqliteLock from "./DistributedLock.ts"
import * as SqliteStore from "./SqliteStore.ts"

const folders: Array<string> = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

pausedHolderSuite("sqlite", "sqlite", {
  address: async () => {
    const folder = mkdtempSync(join(tmpdir(), "paceline-paused-"))
    folders.push(folder)
    return join(folder, SqliteStore.FILE)
  },
  store: (file) => SqliteLock.layer().pipe(Layer.provideMerge(SqliteStore.layer({ folder: dirname(file) }))),
})
