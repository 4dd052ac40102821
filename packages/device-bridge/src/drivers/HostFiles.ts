/** The file operations of a driver on Node and Bun. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { noise } from "./Noise.ts"
import type { SqliteDriver } from "./SqliteDriver.ts"

export const hostFiles: Pick<SqliteDriver, "bootId" | "exists" | "rename" | "remove" | "occupy"> = {
  bootId: () => {
    try {
      return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()
    } catch {
      // Only Linux tells it so.
      return null
    }
  },
  exists: existsSync,
  rename: renameSync,
  remove: (path) => rmSync(path, { force: true }),
  occupy: (path, bytes) => writeFileSync(path, noise(bytes)),
}
