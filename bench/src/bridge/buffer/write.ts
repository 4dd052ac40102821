/**
 * Records three hours into a buffer in a process of its own, as fast as it can, and prints what that took; the CPU time is
 * that of the quickest of some runs. Usage: `write.ts WORKLOAD delivered|kept`; `delivered` acknowledges each flush before the next, as an online
 * bridge does; `kept` delivers nothing.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ChunkBuffer } from "../../../../packages/device-bridge/src/buffer/ChunkBuffer.ts"
import { hostDriver } from "./HostDriver.ts"
import { isWorkload, WORKLOADS } from "./Workloads.ts"

const [name = "", mode = ""] = process.argv.slice(2)
if (!isWorkload(name)) throw new Error(`There is no workload ${name}.`)
const { flushes, samples } = WORKLOADS[name]()

/** Bytes that this process gave to the system to be written. */
const written = (): number => Number(/^wchar: (\d+)/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1])

const HOURS = 3

/** What the hours wrote, and what lies on the disk at their end. */
const record = async () => {
  const folder = mkdtempSync(join(tmpdir(), "paceline-bench-"))
  const path = join(folder, "buffer.sqlite")
  const buffer = ChunkBuffer.open({ path, driver: await hostDriver() })
  const before = written()
  const cpu = process.cpuUsage()
  let payload = 0
  for (const flush of Array.from({ length: HOURS }, () => flushes).flat()) {
    for (const { atMillis, kind, sensor, value } of flush) buffer.record(sensor, kind, atMillis, value)
    buffer.flush()
    if (mode !== "delivered") continue
    payload += buffer.backlog().bytes
    const { own } = buffer
    if (own !== null) buffer.acknowledge(own.incarnation, own.n)
  }
  const { system, user } = process.cpuUsage(cpu)
  if (mode !== "delivered") payload = buffer.backlog().bytes
  buffer.close()
  const result = {
    payload,
    written: written() - before,
    onDisk: statSync(path).size,
    cpuMicros: system + user,
    samples: HOURS * samples,
    flushes: HOURS * flushes.length,
  }
  rmSync(folder, { recursive: true })
  return result
}

let best = await record()
for (let run = 0; run < 4; run++) {
  const next = await record()
  if (next.cpuMicros < best.cpuMicros) best = next
}
console.log(JSON.stringify(best))
