import { bunSqlite } from "../src/drivers/BunSqlite.ts"
import type { SqliteDriver } from "../src/drivers/SqliteDriver.ts"

/** A driver whose SQLite says that it is of this version. */
export const claiming = (version: string): SqliteDriver => {
  const driver = bunSqlite()
  return {
    ...driver,
    open: (file) => {
      const database = driver.open(file)
      return { ...database, prepare: (sql) => database.prepare(sql.replace("sqlite_version()", `'${version}'`)) }
    },
  }
}
