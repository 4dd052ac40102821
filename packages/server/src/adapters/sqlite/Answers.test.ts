import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { answersSuite } from "../suites/AnswersSuite.ts"
import * as SqliteStore from "./SqliteStore.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline-answers-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

answersSuite(
  "SQLite",
  SqliteStore.layerTest(),
  Effect.map(folder, (path) => SqliteStore.layer({ folder: path })),
)
