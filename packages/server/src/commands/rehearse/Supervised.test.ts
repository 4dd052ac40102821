import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { it } from "@effect/vitest"
import { Effect } from "effect"
import { afterAll, beforeAll, describe, expect } from "vitest"
import { until } from "./Failure.ts"
import * as Supervised from "./Supervised.ts"

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline-supervised-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("a supervised part", () => {
  it.live("is killed and lives again as another process; only an end of its own is told", () =>
    Effect.gen(function* () {
      const marker = join(folder, "end")
      const lines: Array<string> = []
      const part = yield* Supervised.start({
        name: "the part",
        command: [
          process.execPath,
          "-e",
          `console.log("up " + process.pid)
           setInterval(() => require("node:fs").existsSync(${JSON.stringify(marker)}) && process.exit(5), 10)`,
        ],
        onLine: (line) => lines.push(line),
      })
      const first = part.current()
      yield* until(
        "it was up",
        5000,
        Effect.sync(() => lines.length === 1),
      )
      yield* part.killAndRestart(10)
      expect(first.isRunning()).toBe(false)
      expect(part.current().pid).not.toBe(first.pid)
      yield* until(
        "it was up again",
        5000,
        Effect.sync(() => lines.length === 2),
      )
      expect(lines).toEqual([`up ${first.pid}`, `up ${part.current().pid}`])

      yield* Effect.promise(() => Bun.write(marker, ""))
      expect(yield* part.ended).toBe(5)
    }).pipe(Effect.scoped),
  )
})
