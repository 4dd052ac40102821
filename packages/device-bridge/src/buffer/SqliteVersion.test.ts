import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { append, open, path, refusal } from "../../test/Buffering.ts"
import { claiming } from "../../test/ClaimingSqlite.ts"
import { bunSqlite } from "../drivers/BunSqlite.ts"
import { migrations, prepareSchema } from "./Schema.ts"
import { isSafe } from "./SqliteVersion.ts"

describe("the WAL-reset fault", () => {
  test.each([
    ["3.7.0", false],
    ["3.44.5", false],
    ["3.44.6", true],
    ["3.45.3", false],
    ["3.49.2", false],
    ["3.50.6", false],
    ["3.50.7", true],
    ["3.51.2", false],
    ["3.51.3", true],
    ["3.52.0", true],
    ["3.53.4", true],
    ["3.100.0", true],
    ["4.0.0", true],
    ["2.8.17", false],
    ["no version", false],
  ])("[bridge 29] SQLite %s is without it: %s", (version, safe) => {
    expect(isSafe(version)).toBe(safe)
  })

  test("[bridge 29] a SQLite with it is refused by name, with what to do; a buffer that is there stays as it is", () => {
    const buffer = open()
    append(buffer, 1)
    buffer.close()
    const before = readFileSync(path)
    expect(refusal(() => open({ driver: claiming("3.46.1") }))).toMatchObject({
      _tag: "SqliteUnsafe",
      driver: "bun:sqlite",
      version: "3.46.1",
      message: expect.stringMatching(/brings SQLite 3\.46\.1.*WAL-reset.*Update the driver/),
    })
    expect(readFileSync(path)).toEqual(before)
    expect(existsSync(`${path}-wal`)).toBe(false)
    // One of an older version is not brought up to date either, and none is made.
    rmSync(path)
    const old = bunSqlite().open(path)
    prepareSchema(old, path, { steps: migrations.slice(0, 1) })
    old.close()
    const older = readFileSync(path)
    expect(() => open({ driver: claiming("3.46.1") })).toThrow(/WAL-reset/)
    expect(readFileSync(path)).toEqual(older)
    writeFileSync(path, before)
    // The lock was let go.
    expect(open({ driver: claiming("3.51.3") }).backlog().chunks).toBe(1)
  })
})
