/** Runs the driver suite on the browser's driver; one message with all results. */
import { driverSuite, type SuiteFiles } from "../../../src/drivers/DriverSuite.ts"
import { sqliteWasm } from "../../../src/drivers/SqliteWasm.ts"

export interface SuiteResult {
  readonly name: string
  readonly failure: string | null
}

const driver = await sqliteWasm({ store: "suite", wasmUrl: "/sqlite3.wasm" })
const filesOf = (check: number): SuiteFiles => ({
  path: (name) => `check-${check}-${name}`,
  nowhere: "missing/check.sqlite",
  write: driver.write,
  read: driver.read,
})

const results: Array<SuiteResult> = []
for (const [i, check] of driverSuite.entries()) {
  let failure: string | null = null
  try {
    check.run(driver, filesOf(i))
  } catch (thrown) {
    failure = String(thrown)
  }
  for (const file of driver.files()) if (file.startsWith(`check-${i}-`)) driver.remove(file)
  results.push({ name: check.name, failure })
}
await driver.release()
postMessage(results)
