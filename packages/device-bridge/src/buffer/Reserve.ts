/**
 * Room on a full disk for what must still work: to delete what was delivered.
 *
 * SQLite needs space even to delete, for its log. Without a reserve, a disk that this buffer itself has filled
 * could never be emptied again. So a file of random bytes lies beside the buffer; it is given up when there is
 * no room to delete, and taken back as soon as the deletion has made some.
 */
import type { SqliteDriver } from "../drivers/SqliteDriver.ts"

/** More than the log ever grows to (see `Schema`), in bytes. */
const RESERVE_BYTES = 2 * 1024 * 1024

export interface Reserve {
  /** Makes sure that the room is kept, as far as the disk has any. */
  keep(): void
  /** Gives the room up. */
  release(): void
}

export const reserveBeside = (driver: SqliteDriver, path: string): Reserve => {
  const file = `${path}.reserve`
  return {
    keep: () => {
      if (driver.exists(file)) return
      try {
        driver.occupy(file, RESERVE_BYTES)
      } catch {
        // There is no room for it now. Half a reserve would look like a whole one next time.
        driver.remove(file)
      }
    },
    release: () => driver.remove(file),
  }
}
