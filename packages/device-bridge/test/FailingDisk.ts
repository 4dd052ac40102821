/** A disk that fails when it is told to: a driver whose databases ask before each statement whether SQLite refuses it. */
import { type SqliteCode, type SqliteDriver, SqliteFailure } from "../src/drivers/SqliteDriver.ts"

/** @param refuses the code that SQLite gives for this SQL now; null: it goes through. Opening a file is `open PATH`. */
export const failingDisk = (driver: SqliteDriver, refuses: (sql: string) => SqliteCode | null): SqliteDriver => {
  const checked = <A>(sql: string, action: () => A): A => {
    const code = refuses(sql)
    if (code !== null) throw new SqliteFailure(code, `told to fail at ${sql.trim().slice(0, 40)}`)
    return action()
  }
  return {
    ...driver,
    open: (path) => {
      const database = checked(`open ${path}`, () => driver.open(path))
      return {
        ...database,
        exec: (sql) => checked(sql, () => database.exec(sql)),
        prepare: (sql) => {
          const statement = database.prepare(sql)
          return {
            run: (...parameters) => checked(sql, () => statement.run(...parameters)),
            get: (...parameters) => checked(sql, () => statement.get(...parameters)),
            all: (...parameters) => checked(sql, () => statement.all(...parameters)),
          }
        },
      }
    },
  }
}
