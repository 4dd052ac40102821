/**
 * Opens a buffer in which 100 MB wait, and reads the first page of it: the milliseconds of the quickest of some times.
 * The chunks are those of a workout with an accelerometer. The file was written just before, so that it is in memory.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ChunkBuffer } from "../../../../packages/device-bridge/src/buffer/ChunkBuffer.ts"
import { hostDriver } from "./HostDriver.ts"
import { WORKLOADS } from "./Workloads.ts"

const WAITING_BYTES = 100e6

const folder = mkdtempSync(join(tmpdir(), "paceline-bench-"))
const path = join(folder, "buffer.sqlite")
const driver = await hostDriver()
const { flushes } = WORKLOADS.accelerometer()

const buffer = ChunkBuffer.open({ path, driver })
for (const flush of flushes) {
  for (const { atMillis, kind, sensor, value } of flush) buffer.record(sensor, kind, atMillis, value)
  buffer.flush()
}
const { bytes, chunks } = buffer.backlog()
buffer.close()

// The same chunks again and again, with numbers of their own.
const copies = Math.ceil(WAITING_BYTES / bytes)
const database = driver.open(path)
database.exec(`
  insert into stored_chunk
  with recursive copy (i) as (select 1 union all select i + 1 from copy where i < ${copies - 1})
  select position + i * ${chunks}, signed_crc, sample_count, appended_after_ms, payload, monotonic_ms
  from copy, stored_chunk order by 1;
  pragma wal_checkpoint(truncate);
`)
database.close()

let best = Number.POSITIVE_INFINITY
for (let time = 0; time < 7; time++) {
  const began = performance.now()
  const reopened = ChunkBuffer.open({ path, driver })
  const page = reopened.page(null, 16)
  best = Math.min(best, performance.now() - began)
  const waiting = reopened.backlog()
  if (page.length < 16 || waiting.bytes < WAITING_BYTES) throw new Error(`only ${waiting.bytes} bytes wait`)
  reopened.close()
}
rmSync(folder, { recursive: true })
console.log(JSON.stringify(best))
