/**
 * Fills a buffer far beyond its cap until it is killed, and says on its output how many flushes it was promised.
 * Usage: `buffer-evictor.ts PATH DRIVER`, the driver being "bun" or "better".
 */
import { writeSync } from "node:fs"
import { ChunkBuffer } from "../../src/buffer/ChunkBuffer.ts"

const [path = "", driverName = ""] = process.argv.slice(2)

const driver =
  driverName === "bun"
    ? (await import("../../src/drivers/BunSqlite.ts")).bunSqlite()
    : (await import("../../src/drivers/BetterSqlite3.ts")).betterSqlite3()

const buffer = ChunkBuffer.open({ path, driver, maxBufferBytes: 1024 * 1024 })
for (let flushes = 1; ; flushes++) {
  // Some 32 KiB that no codec makes small.
  for (let at = 0; at < 4_000; at++) buffer.record("strap-01", "power", flushes * 4_000 + at, Math.sin(flushes + at))
  buffer.flush()
  writeSync(1, `flushed ${flushes}\n`)
}
