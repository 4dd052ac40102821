/** The driver of the runtime that this runs on. */
import type { SqliteDriver } from "@paceline/device-bridge"

export const hostDriver = async (): Promise<SqliteDriver> =>
  "Bun" in globalThis
    ? (await import("@paceline/device-bridge/drivers/bun-sqlite")).bunSqlite()
    : (await import("@paceline/device-bridge/drivers/better-sqlite3")).betterSqlite3()
