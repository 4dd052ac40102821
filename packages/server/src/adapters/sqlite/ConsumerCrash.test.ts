/** A record that kills the process that handles it. Real processes, real kills. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { DeadLetters, Progress } from "@paceline/core/messaging"
import { Effect } from "effect"
import { numbers, storedNumbers } from "../suites/ConsumerServices.ts"
import { Deadly, KILLER, RECORDS } from "../suites/ConsumerVictim.ts"
import * as SqliteStore from "./SqliteStore.ts"

const VICTIM = join(import.meta.dirname, "../suites/ConsumerVictim.ts")

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline-poison-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

/** One life: true when it ended by itself, false when it was killed. */
const live = (path: string) =>
  Effect.acquireRelease(
    Effect.sync(() => Bun.spawn([process.execPath, VICTIM, path], { stdout: "inherit", stderr: "inherit" })),
    (child) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return child.exited
      }),
  ).pipe(
    Effect.flatMap((child) =>
      Effect.promise(() => child.exited.then((code) => child.signalCode === null && code === 0)),
    ),
    Effect.scoped,
  )

describe("a consumer on sqlite", () => {
  it.scopedLive(
    "[log 30] a poison message that kills the process is found and becomes a dead letter; all else is handled once",
    () =>
      Effect.gen(function* () {
        const path = yield* folder
        let kills = 0
        while (kills < 20 && !(yield* live(path))) kills++
        // Two at the same offset make it careful, and three then name the record.
        expect(kills).toBe(5)
        const of = { group: "g", topic: Deadly.name }
        const { done, letters, progress } = yield* Effect.provide(
          Effect.all({
            done: storedNumbers("g"),
            letters: DeadLetters.list(of, { limit: 10 }),
            progress: Progress.of(of),
          }),
          SqliteStore.layer({ folder: path }),
        )
        expect(letters).toMatchObject([{ offset: KILLER, key: `k${KILLER % 10}`, payload: { n: KILLER } }])
        expect(done).toEqual(numbers(0, RECORDS).filter((n) => n !== KILLER))
        expect(progress).toMatchObject({ total: RECORDS, done: RECORDS - 1, failed: 1, waiting: 0 })
      }),
    90_000,
  )
})
