/** Backups in a folder: their names, which are ours, and which are too many. */
import { readdirSync } from "node:fs"

/** `paceline-2026-11-20T03-30-00Z.db`: sorts by time, and every file system takes it. */
export const nameAt = (atMs: number): string =>
  `paceline-${new Date(atMs).toISOString().slice(0, 19).replaceAll(":", "-")}Z.db`

const NAME = /^paceline-\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z\.db$/

/** Our backups in a folder, oldest first. Other files there are none of our business. */
export const found = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder)
    .filter((name) => NAME.test(name))
    .toSorted()

/** Those that are too many, oldest first. */
export const tooMany = (names: ReadonlyArray<string>, keep: number): ReadonlyArray<string> =>
  names.slice(0, Math.max(0, names.length - keep))
