import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { claim, DataFolderTaken, DataFolderUnwritable, findOwner } from "./DataFolder.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline folder "))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
)

/** A process of its own that claims the folder, announces itself and waits to be killed. */
const OTHER_SERVER = `
import { Effect } from "effect"
import { claim } from ${JSON.stringify(join(import.meta.dirname, "DataFolder.ts"))}
const own = Effect.gen(function* () {
  const folder = yield* claim(process.argv.at(-1) ?? "")
  yield* folder.announce("http://127.0.0.1:4711")
  console.log("mine")
  return yield* Effect.never
})
Effect.runPromise(Effect.scoped(own))
setInterval(() => {}, 1000)
`

const otherServer = (path: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const process = Bun.spawn([globalThis.process.execPath, "-e", OTHER_SERVER, path], {
        cwd: import.meta.dirname,
        stdout: "pipe",
        stderr: "inherit",
      })
      await process.stdout.getReader().read()
      return process
    }),
    (process) =>
      Effect.promise(() => {
        process.kill("SIGKILL")
        return process.exited
      }),
  )

describe("data folder", () => {
  it.scopedLive("is made when it is not there, and says in owner.json who has it", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "deep", "er")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const claimed = yield* claim(path)
          expect(claimed.path).toBe(path)
          const owner = () => JSON.parse(readFileSync(join(path, "owner.json"), "utf8"))
          expect(owner()).toMatchObject({ pid: process.pid, url: null })
          yield* claimed.announce("http://127.0.0.1:8080")
          expect(owner()).toMatchObject({ pid: process.pid, url: "http://127.0.0.1:8080" })
          expect(Date.parse(owner().startedAt)).not.toBeNaN()
        }),
      )
      expect(existsSync(join(path, "owner.json"))).toBe(false)
      yield* Effect.scoped(claim(path))
    }),
  )

  it.scopedLive("a second server is told who owns it: process, address, since when", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const other = yield* otherServer(path)
      const error = yield* Effect.flip(Effect.scoped(claim(path)))
      expect(error).toBeInstanceOf(DataFolderTaken)
      expect(error.message).toContain(`process ${other.pid} at http://127.0.0.1:4711, since 20`)
      expect(error.message).toContain(path)
      expect(error.message).toContain("--data")
      const owner = yield* findOwner(path)
      expect(Option.map(owner, ({ pid, url }) => ({ pid, url }))).toEqual(
        Option.some({ pid: other.pid, url: "http://127.0.0.1:4711" }),
      )
    }),
  )

  it.scopedLive("is free again the moment its owner is killed, whatever owner.json still says", () =>
    Effect.gen(function* () {
      const path = yield* folder
      yield* Effect.scoped(otherServer(path))
      expect(existsSync(join(path, "owner.json"))).toBe(true)
      expect(yield* findOwner(path)).toEqual(Option.none())
      yield* Effect.scoped(claim(path))
    }),
  )

  it.scopedLive("cannot be claimed twice within one process either", () =>
    Effect.gen(function* () {
      const path = yield* folder
      yield* claim(path)
      expect(yield* Effect.flip(claim(path))).toBeInstanceOf(DataFolderTaken)
      expect(Option.isSome(yield* findOwner(path))).toBe(true)
    }),
  )

  it.scopedLive("looking who owns it never makes a server's start fail", () =>
    Effect.gen(function* () {
      const path = yield* folder
      writeFileSync(join(path, "owner.json"), JSON.stringify({ pid: 1, url: null, startedAt: "2026-01-01T00:00:00Z" }))
      const looks = Effect.repeatN(Effect.zipRight(findOwner(path), Effect.yieldNow()), 200)
      const claims = Effect.repeatN(Effect.scoped(Effect.zipRight(claim(path), Effect.yieldNow())), 20)
      yield* Effect.all([looks, claims], { concurrency: "unbounded" })
    }),
  )

  it.scopedLive("one that cannot be written to is a typed error that says what to do", () =>
    Effect.gen(function* () {
      const parent = yield* folder
      writeFileSync(join(parent, "file"), "")
      const underFile = yield* Effect.flip(Effect.scoped(claim(join(parent, "file", "data"))))
      expect(underFile).toBeInstanceOf(DataFolderUnwritable)
      expect(underFile.message).toContain(join(parent, "file", "data"))
      expect(underFile.message).toContain("--data")

      // A folder in the place of the lock: refused for root too, whom permissions do not stop.
      mkdirSync(join(parent, "occupied", "owner.lock"), { recursive: true })
      expect(yield* Effect.flip(Effect.scoped(claim(join(parent, "occupied"))))).toBeInstanceOf(DataFolderUnwritable)

      if (process.getuid?.() !== 0) {
        const readOnly = join(parent, "read-only")
        mkdirSync(readOnly)
        chmodSync(readOnly, 0o500)
        expect(yield* Effect.flip(Effect.scoped(claim(readOnly)))).toBeInstanceOf(DataFolderUnwritable)
      }
    }),
  )
})
