/** A disk with little room: a driver whose databases may have so many pages of 4 KiB, and no more. */
import type { SqliteDriver } from "../drivers/SqliteDriver.ts"

export const smallDisk = (driver: SqliteDriver, pages: () => number): SqliteDriver => ({
  ...driver,
  open: (path) => {
    const database = driver.open(path)
    return {
      ...database,
      transaction: (body) => {
        database.exec(`pragma max_page_count = ${pages()}`)
        return database.transaction(body)
      },
    }
  },
})
