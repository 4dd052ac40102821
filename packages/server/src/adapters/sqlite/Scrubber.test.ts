import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import { Scrubber, UnitOfWork } from "@paceline/core/consistency"
import { Effect } from "effect"
import { describe } from "vitest"
import * as SqliteStore from "./SqliteStore.ts"

const SECRET = "xanthippe-was-here"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline-scrub-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true })),
)

const bytesOf = (path: string) =>
  readdirSync(path)
    .filter((name) => name.startsWith(SqliteStore.FILE))
    .map((name) => readFileSync(join(path, name)).toString("latin1"))
    .join("")

describe("Scrubbing", () => {
  it.scopedLive(
    "overwrites what was deleted, in the file and in its write-ahead log, while others write and read",
    () =>
      Effect.gen(function* () {
        const path = yield* folder
        yield* Effect.gen(function* () {
          const sql = yield* SqlClient
          const { scrub } = yield* Scrubber
          const insert = (from: number, text: string) =>
            UnitOfWork.run(
              Effect.forEach(
                Array.from({ length: 200 }, (_, i) => `${from + i}`),
                (id) => sql`INSERT INTO profile VALUES (${id}, ${`${text} ${id} ${"x".repeat(300)}`}, 1, 190, 1)`,
              ),
            )
          yield* insert(0, SECRET)
          yield* insert(1_000, "stays")
          yield* UnitOfWork.run(sql`DELETE FROM profile WHERE alias LIKE ${`${SECRET}%`}`)
          // Deleted, and still there for whoever looks at the file.
          expect(bytesOf(path)).toContain(SECRET)
          const others = Effect.forEach([2_000, 3_000, 4_000], (from) =>
            Effect.delay(insert(from, "meanwhile"), "5 millis"),
          )
          const [done] = yield* Effect.all([scrub, others], { concurrency: "unbounded" })
          if (!done) expect(yield* scrub).toBe(true)
          expect(bytesOf(path)).not.toContain(SECRET)
          expect(yield* sql`SELECT count(*) AS n FROM profile`).toEqual([{ n: 800 }])
          yield* insert(5_000, "after")
          expect(yield* sql`SELECT count(*) AS n FROM profile`).toEqual([{ n: 1_000 }])
        }).pipe(Effect.provide(SqliteStore.layer({ folder: path })), Effect.scoped)
      }),
  )
})
