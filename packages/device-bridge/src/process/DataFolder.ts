/** The folder given by `--data`, and the buffer's file in it. */
import { mkdirSync } from "node:fs"

/** The buffer's file in the folder given by `--data`. */
export const BUFFER_FILE = "buffer.sqlite"

/** Makes the folder where there is none, for this user alone. Null, or why it cannot be, with what to do. */
export const makeDataFolder = (folder: string): string | null => {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return null
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    return `The data folder ${folder} cannot be made: ${reason}. Choose another with --data.`
  }
}
