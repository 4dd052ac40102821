/** A disk with little room: a driver whose databases may have so many pages of 4 KiB, and no more. */
import type { SqliteDriver } from "../drivers/SqliteDriver.ts"

export const smallDisk = (driver: SqliteDriver, pages: () => number): SqliteDriver => ({
  ...driver,
  open: (path) => {
    const database = driver.open(path)
    return {
      ...database,
      transaction: (body) => {
        const pageBytes = Number(database.prepare("pragma page_size").get()?.["page_size"])
        database.exec(`pragma max_page_count = ${Math.ceil((pages() * 4096) / pageBytes)}`)
        return database.transaction(body)
      },
    }
  },
})
