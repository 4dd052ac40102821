/** A saga's process is killed inside a step and inside a compensation. Real processes, real kills. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { CALLS, ID, ledger, victimSaga } from "../suites/SagaVictim.ts"
import * as SqliteStore from "./SqliteStore.ts"

const VICTIM = join(import.meta.dirname, "../suites/SagaVictim.ts")

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline-saga-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

const run = (...args: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    const child = Bun.spawn([process.execPath, VICTIM, ...args], {
      stdout: "ignore",
      stderr: "inherit",
      timeout: 20_000,
    })
    await child.exited
    return child.signalCode
  })

describe("a saga whose process is killed", () => {
  for (const where of ["run a", "run b", "undo b", "undo a"]) {
    it.scopedLive(
      `[log 39] [log 40] inside "${where}": another process resumes there, and undoes in reverse, once each`,
      () =>
        Effect.gen(function* () {
          const path = yield* folder
          expect(yield* run(path, where)).toBe("SIGKILL")
          expect(yield* run(path)).toBeNull()
          const saga = victimSaga(path, undefined)
          const [lines, found] = yield* Effect.provide(
            Effect.all([ledger, saga.status(ID)]),
            SqliteStore.layer({ folder: path }),
          )
          const { status, timeline } = Option.getOrThrow(found)
          expect(status).toBe("compensated")
          // What is transactional happened once, though its process died after writing it and before the commit.
          expect(lines).toEqual(["run a", "undo a"])
          const calls = readFileSync(join(path, CALLS), "utf8").trim().split("\n")
          const twice = (line: string) => (line === where ? [line, line] : [line])
          expect(calls).toEqual([
            ...twice("run b").map((line) => `${line} saga/victim/1/b`),
            ...twice("undo b").map((line) => `${line} saga/victim/1/b/compensate`),
          ])
          expect(
            timeline.filter(({ outcome }) => outcome === "interrupted").map(({ action, step }) => [action, step]),
          ).toEqual([[where.startsWith("run") ? "run" : "compensate", where.slice(-1)]])
        }),
      60_000,
    )
  }
})
