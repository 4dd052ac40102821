import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { commandSuite } from "../suites/CommandSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline-commands-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

commandSuite(
  "SQLite",
  SqliteStore.layerTest(),
  Effect.map(folder, (path) => SqliteStore.layer({ folder: path })),
)
