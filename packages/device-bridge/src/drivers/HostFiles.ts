/** The file operations of a driver on Node and Bun. */
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs"
import type { SqliteDriver } from "./SqliteDriver.ts"

export const hostFiles: Pick<SqliteDriver, "exists" | "rename" | "remove" | "occupy"> = {
  exists: existsSync,
  rename: renameSync,
  remove: (path) => rmSync(path, { force: true }),
  // Random, because a file system that compresses would keep no room for zeros.
  occupy: (path, bytes) => {
    const content = new Uint8Array(bytes)
    for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(content.subarray(at, at + 65_536))
    writeFileSync(path, content)
  },
}
