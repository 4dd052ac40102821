import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { filesIn } from "../../test/FolderFiles.ts"
import { phoneFiles, standInExpoSqlite, standInOpSqlite } from "../../test/PhoneModules.ts"
import { bun, node, program } from "../../test/Runtimes.ts"
import { ChunkBuffer } from "../buffer/ChunkBuffer.ts"
import { bunSqlite } from "./BunSqlite.ts"
import { driverSuite } from "./DriverSuite.ts"
import { expoSqlite } from "./ExpoSqlite.ts"
import { opSqlite } from "./OpSqlite.ts"
import type { PhoneFiles } from "./PhoneFiles.ts"
import { type SqliteDatabase, type SqliteDriver, SqliteFailure } from "./SqliteDriver.ts"

describe("bun:sqlite", () => {
  let folder = ""
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "paceline-driver-"))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  test.each(driverSuite)("$name", ({ run }) => run(bunSqlite(), filesIn(folder)))
})

const elsewhere = ["better-sqlite3", "node:sqlite"].flatMap((driver) =>
  [node, bun].map((runtime) => ({ driver, runtime, on: runtime.name })),
)

describe.each(elsewhere)("$driver on $on", ({ driver, runtime: { command, args } }) => {
  const child = spawnSync(command, [...args, program("driver-suite.ts"), driver], { encoding: "utf8" })
  const results: ReadonlyArray<{ name: string; failure: string | null }> = child.stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))

  test.each(driverSuite)("$name", ({ name }) => {
    expect(results.find((result) => result.name === name) ?? child.stderr).toEqual({ name, driver, failure: null })
  })
})

describe.each([
  { driver: "expo-sqlite", on: (files: PhoneFiles) => expoSqlite(standInExpoSqlite, files) },
  { driver: "@op-engineering/op-sqlite", on: (files: PhoneFiles) => opSqlite(standInOpSqlite, files) },
])("$driver on a stand-in for its native module", ({ on }) => {
  let folder = ""
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "paceline-driver-"))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  test.each(driverSuite)("$name", ({ run }) => {
    const files = phoneFiles(folder)
    run(on(files), { path: (name) => name, nowhere: "missing/check.sqlite", write: files.write, read: files.read })
  })

  test("the whole buffer works on it", () => {
    const driver = on(phoneFiles(folder))
    const buffer = ChunkBuffer.open({ driver, path: "buffer.sqlite" })
    buffer.record("strap-07", "heartRate", 1_763_650_000_000, 128)
    buffer.flush()
    expect(() => ChunkBuffer.open({ driver, path: "buffer.sqlite" })).toThrow("in use")
    buffer.close()
    const again = ChunkBuffer.open({ driver, path: "buffer.sqlite" })
    expect(again.backlog()).toMatchObject({ chunks: 1 })
    again.close()
  })
})

describe("the suite can fail", () => {
  let folder = ""
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "paceline-driver-"))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const broken = (changes: Partial<SqliteDatabase>): SqliteDriver => ({
    ...bunSqlite(),
    open: (path) => ({ ...bunSqlite().open(path), ...changes }),
  })
  const failures = (driver: SqliteDriver): ReadonlyArray<string> =>
    driverSuite.flatMap(({ name, run }, i) => {
      const own = join(folder, String(i))
      mkdirSync(own)
      try {
        run(driver, filesIn(own))
        return []
      } catch {
        return [name]
      }
    })

  test("on transactions that do not roll back", () => {
    expect(failures(broken({ transaction: (body) => body() }))).toEqual([
      "a transaction that throws leaves nothing, and the next one works",
    ])
  })

  test("on files that are not removed", () => {
    expect(failures({ ...bunSqlite(), remove: () => {} })).toEqual([
      "files can be looked for, moved and removed, and take up the room that they are told to",
    ])
  })
})

test("a result code is told by its name, its number, or the words of SQLite", () => {
  const numbered = Object.assign(new Error("no"), { code: "ERR_SQLITE_ERROR", errcode: 10 | (4 << 8) })
  expect(SqliteFailure.from(numbered).code).toBe("SQLITE_IOERR")
  expect(SqliteFailure.from(Object.assign(new Error("no"), { resultCode: 26 })).code).toBe("SQLITE_NOTADB")
  expect(SqliteFailure.from(new Error("Error code 13: database or disk is full")).code).toBe("SQLITE_FULL")
})

test("an extended result code is told apart by its primary one", () => {
  const native = Object.assign(new Error("disk I/O error"), { code: "SQLITE_IOERR_FSYNC" })
  expect(SqliteFailure.from(native)).toMatchObject({ code: "SQLITE_IOERR", message: "disk I/O error", cause: native })
  expect(SqliteFailure.from("odd")).toMatchObject({ code: "SQLITE_ERROR", message: "odd" })
})
