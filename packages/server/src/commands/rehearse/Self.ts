/**
 * How this program starts itself again: as `paceline serve` or `paceline bridge`, in a process of its own.
 *
 * The compiled binary is its own program; in the repository it is the running Bun with `main.ts`.
 */
import { fileURLToPath } from "node:url"

/** The command line that stands before `serve` or `bridge`. */
export const self: readonly [program: string, ...args: ReadonlyArray<string>] = Bun.isStandaloneExecutable
  ? [process.execPath]
  : [process.execPath, fileURLToPath(new URL("../../main.ts", import.meta.url))]
