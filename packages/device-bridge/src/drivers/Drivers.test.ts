import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { bun, node, program } from "../../test/Runtimes.ts"
import { bunSqlite } from "./BunSqlite.ts"
import { driverSuite } from "./DriverSuite.ts"
import { SqliteFailure } from "./SqliteDriver.ts"

describe("bun:sqlite", () => {
  let folder = ""
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "paceline-driver-"))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  test.each(driverSuite)("$name", ({ run }) => run(bunSqlite(), folder))
})

describe.each([node, bun])("better-sqlite3 on $name", ({ command, args }) => {
  const child = spawnSync(command, [...args, program("driver-suite.ts")], { encoding: "utf8" })
  const results: ReadonlyArray<{ name: string; failure: string | null }> = child.stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))

  test.each(driverSuite)("$name", ({ name }) => {
    expect(results.find((result) => result.name === name) ?? child.stderr).toEqual({ name, failure: null })
  })
})

test("an extended result code is told apart by its primary one", () => {
  const native = Object.assign(new Error("disk I/O error"), { code: "SQLITE_IOERR_FSYNC" })
  expect(SqliteFailure.from(native)).toMatchObject({ code: "SQLITE_IOERR", message: "disk I/O error", cause: native })
  expect(SqliteFailure.from("odd")).toMatchObject({ code: "SQLITE_ERROR", message: "odd" })
})
