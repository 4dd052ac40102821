/** A folder as the driver suite wants it, on Node and Bun. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { SuiteFiles } from "../src/drivers/DriverSuite.ts"

export const filesIn = (folder: string): SuiteFiles => ({
  path: (name) => join(folder, name),
  nowhere: join(folder, "missing", "check.sqlite"),
  write: writeFileSync,
  read: (path) => new Uint8Array(readFileSync(path)),
})
