/** Runs the driver suite on `better-sqlite3`, on whichever runtime starts this program; one JSON line a check. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { betterSqlite3 } from "../../src/drivers/BetterSqlite3.ts"
import { driverSuite } from "../../src/drivers/DriverSuite.ts"

for (const check of driverSuite) {
  const folder = mkdtempSync(join(tmpdir(), "paceline-driver-"))
  let failure: string | null = null
  try {
    check.run(betterSqlite3(), folder)
  } catch (thrown) {
    failure = String(thrown)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  console.log(JSON.stringify({ name: check.name, failure }))
}
