#!/usr/bin/env node
/** The program `paceline-bridge`, on Node with `better-sqlite3` and on Bun with what it brings. */
import type { SqliteDriver } from "./drivers/SqliteDriver.ts"
import { processIo, runBridge } from "./process/index.ts"

const hostDriver = async (): Promise<SqliteDriver> => {
  if (process.versions["bun"] !== undefined) return (await import("./drivers/BunSqlite.ts")).bunSqlite()
  return (await import("./drivers/BetterSqlite3.ts")).betterSqlite3()
}

/** EX_UNAVAILABLE of sysexits.h. */
const UNAVAILABLE = 69

try {
  process.exitCode = await runBridge(process.argv.slice(2), processIo(await hostDriver()))
} catch (thrown) {
  const missing = thrown instanceof Error && "code" in thrown && thrown.code === "ERR_MODULE_NOT_FOUND"
  if (!missing || !thrown.message.includes("better-sqlite3")) throw thrown
  console.error('On Node the bridge needs the package "better-sqlite3": npm install better-sqlite3')
  process.exitCode = UNAVAILABLE
}
