/**
 * Runs the driver suite on whichever runtime starts this program; one JSON line a check.
 *
 *   node driver-suite.ts better-sqlite3 | node:sqlite
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { driverSuite } from "../../src/drivers/DriverSuite.ts"
import type { SqliteDriver } from "../../src/drivers/SqliteDriver.ts"
import { filesIn } from "../FolderFiles.ts"

const driverOf = async (name: string): Promise<SqliteDriver> => {
  if (name === "node:sqlite") return (await import("../../src/drivers/NodeSqlite.ts")).nodeSqlite()
  return (await import("../../src/drivers/BetterSqlite3.ts")).betterSqlite3()
}

const driver = await driverOf(process.argv[2] ?? "")
for (const check of driverSuite) {
  const folder = mkdtempSync(join(tmpdir(), "paceline-driver-"))
  let failure: string | null = null
  try {
    check.run(driver, filesIn(folder))
  } catch (thrown) {
    failure = String(thrown)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  console.log(JSON.stringify({ name: check.name, driver: driver.name, failure }))
}
