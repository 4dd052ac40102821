import { existsSync, statSync } from "node:fs"
import { expect, test } from "vitest"
import { open, path } from "../../test/Buffering.ts"
import { bunSqlite } from "../drivers/BunSqlite.ts"
import { SqliteFailure } from "../drivers/SqliteDriver.ts"

test("[bridge 21] a reserve that there was half the room for is none: it is not taken for a whole one later", () => {
  const driver = bunSqlite()
  let half = true
  const occupy = (file: string, bytes: number): void => {
    driver.occupy(file, half ? bytes / 2 : bytes)
    if (half) throw new SqliteFailure("SQLITE_FULL", "no space left")
  }
  open({ driver: { ...driver, occupy } }).close()
  expect(existsSync(`${path}.reserve`)).toBe(false)
  half = false
  open({ driver: { ...driver, occupy } }).close()
  expect(statSync(`${path}.reserve`).size).toBe(2 * 1024 * 1024)
})
