/**
 * Writes into a buffer as fast as it can until it is killed, and says on its output what it was promised.
 * Usage: `buffer-writer.ts PATH DRIVER FIRST_VALUE KEEP_DELIVERED`, the driver being "bun" or "better".
 *
 *     recorded VALUE        every value up to this one was given to `record`
 *     flushed VALUE         `flush` returned: every value up to this one is promised
 *     asks INCARNATION N    the "server" has all up to N, and the deletion is about to be asked for
 *     deleted INCARNATION N the deletion is promised
 */
import { writeSync } from "node:fs"
import { ChunkBuffer } from "../../src/buffer/ChunkBuffer.ts"

const [path = "", driverName = "", first = "0", keep = "false"] = process.argv.slice(2)

const driver =
  driverName === "bun"
    ? (await import("../../src/drivers/BunSqlite.ts")).bunSqlite()
    : (await import("../../src/drivers/BetterSqlite3.ts")).betterSqlite3()

// Written at once, so that a kill cannot lose what was said.
const say = (line: string): void => void writeSync(1, `${line}\n`)

const buffer = ChunkBuffer.open({ path, driver, keepDelivered: keep === "true" })
for (let value = Number(first), flushes = 1; ; flushes++) {
  say(`recorded ${value + 9}`)
  for (let i = 0; i < 10; i++, value++) buffer.record("strap-01", "power", value, value)
  buffer.flush()
  say(`flushed ${value - 1}`)
  if (flushes % 5 > 0) continue
  const [oldest] = buffer.page(null, 3).slice(-1)
  if (oldest === undefined) continue
  say(`asks ${oldest.incarnation} ${oldest.n}`)
  buffer.acknowledge(oldest.incarnation, oldest.n)
  buffer.settle()
  say(`deleted ${oldest.incarnation} ${oldest.n}`)
}
