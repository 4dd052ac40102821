/** The file operations of a driver on Node and Bun. */
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { noise } from "./Noise.ts"
import type { SqliteDriver } from "./SqliteDriver.ts"

export const hostFiles: Pick<SqliteDriver, "exists" | "rename" | "remove" | "occupy"> = {
  exists: existsSync,
  rename: renameSync,
  remove: (path) => rmSync(path, { force: true }),
  occupy: (path, bytes) => writeFileSync(path, noise(bytes)),
}
