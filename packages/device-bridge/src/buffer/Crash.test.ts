/**
 * The buffer under SIGKILL: real processes on both runtimes are killed at seeded random moments, and what they
 * had been promised is held against what the file says.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { Bundle } from "@paceline/core/wire"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { bun, node, program, type Runtime } from "../../test/Runtimes.ts"
import { bunSqlite } from "../drivers/BunSqlite.ts"
import { blob, integer, text } from "../drivers/Row.ts"
import { ChunkBuffer } from "./ChunkBuffer.ts"

let folder = ""
let path = ""
let child: ChildProcess | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline-crash-"))
  path = join(folder, "buffer.sqlite")
})
afterEach(() => {
  child?.kill("SIGKILL")
  rmSync(folder, { recursive: true, force: true })
})

/** A number in [0, 1) from a seed (mulberry32). */
const random = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

interface Said {
  recorded: number
  flushed: number
  /** For each incarnation: the greatest number whose deletion was asked for, and was promised. */
  readonly asked: Map<string, number>
  readonly deleted: Map<string, number>
}

const writer = ({ command, args, name }: Runtime, first: number, keep: boolean): ChildProcess => {
  const driver = name === "node" ? "better" : "bun"
  child = spawn(command, [...args, program("buffer-writer.ts"), path, driver, String(first), String(keep)], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  return child
}

/** Lets a writer run until it has said so many lines and a moment more, kills it, and adds what it said. */
const runAndKill = async (
  runtime: Runtime,
  said: Said,
  keep: boolean,
  lineCount: number,
  momentMillis: number,
): Promise<void> => {
  const killed = writer(runtime, said.recorded + 1, keep)
  const ended = once(killed, "exit")
  const lines = createInterface({ input: killed.stdout! })
  lines.on("line", (line) => {
    const [verb, a = "", b = ""] = line.split(" ")
    if (verb === "recorded") said.recorded = Number(a)
    if (verb === "flushed") said.flushed = Number(a)
    if (verb === "asks") said.asked.set(a, Number(b))
    if (verb === "deleted") said.deleted.set(a, Number(b))
  })
  const read = once(lines, "close")
  for (let line = 0; line < lineCount; line++) await once(lines, "line")
  await sleep(momentMillis)
  killed.kill("SIGKILL")
  await Promise.all([ended, read])
}

interface Row {
  readonly incarnation: string
  readonly n: number
  readonly values: ReadonlyArray<number>
}

const rowsOf = (table: "chunk" | "delivered"): ReadonlyArray<Row> => {
  const database = bunSqlite().open(path)
  try {
    expect(database.prepare("pragma integrity_check").all()).toEqual([{ integrity_check: "ok" }])
    return database
      .prepare(`select incarnation, n, payload from ${table} order by rowid`)
      .all()
      .map((row) => {
        const bundle = Bundle.decode(blob(row, "payload"))
        if ("_tag" in bundle) throw new Error(bundle.detail)
        return { incarnation: text(row, "incarnation"), n: integer(row, "n"), values: bundle[0]?.values ?? [] }
      })
  } finally {
    database.close()
  }
}

describe.each([node, bun])("killed on $name", { timeout: 60_000 }, (runtime) => {
  test("[bridge 1] [bridge 2] [bridge 5] chunks are whole or absent, promised ones are there once, none has a used identity", async () => {
    const next = random(7)
    const said: Said = { recorded: -1, flushed: -1, asked: new Map(), deleted: new Map() }
    for (let round = 0; round < 5; round++) {
      await runAndKill(runtime, said, true, 10 + Math.floor(next() * 60), next() * 6)
      const waiting = rowsOf("chunk")
      const delivered = rowsOf("delivered")
      const rows = [...delivered, ...waiting]

      // What was promised is there, exactly once; what was not is wholly there or wholly absent.
      const values = rows.flatMap((row) => row.values).toSorted((a, b) => a - b)
      expect(new Set(values).size).toBe(values.length)
      const stored = new Set(values)
      for (let value = 0; value <= said.flushed; value++) {
        // Of earlier rounds, values after their last promise may be absent.
        if (!stored.has(value)) expect(lostBefore.has(value)).toBe(true)
      }
      for (const row of rows) expect(row.values.length).toBe(10)
      for (let value = said.flushed + 1; value <= said.recorded; value++) if (!stored.has(value)) lostBefore.add(value)

      // Identities: no two rows share one, and each incarnation counts 1, 2, 3 … without a hole.
      expect(new Set(rows.map((row) => `${row.incarnation}/${row.n}`)).size).toBe(rows.length)
      const counts = Map.groupBy(rows, (row) => row.incarnation)
      for (const ofOne of counts.values()) {
        expect(ofOne.map((row) => row.n).toSorted((a, b) => a - b)).toEqual(ofOne.map((_, i) => i + 1))
      }

      // Deletions: a promised one holds, and nothing is gone that was not asked for.
      for (const [incarnation, n] of said.deleted) {
        expect(waiting.filter((row) => row.incarnation === incarnation && row.n <= n)).toEqual([])
      }
      for (const row of delivered) expect(row.n).toBeLessThanOrEqual(said.asked.get(row.incarnation) ?? 0)
    }
    expect(said.flushed).toBeGreaterThan(100)
    expect(said.deleted.size).toBeGreaterThan(0)
  })

  test("[bridge 25] a second process is told who owns it; when the owner is killed the lock is free at once", async () => {
    const owner = writer(runtime, 0, false)
    await once(createInterface({ input: owner.stdout! }), "line")
    expect(() => ChunkBuffer.open({ path, driver: bunSqlite() })).toThrow(new RegExp(`in use by process ${owner.pid},`))
    const ended = once(owner, "exit")
    owner.kill("SIGKILL")
    await ended
    const buffer = ChunkBuffer.open({ path, driver: bunSqlite() })
    expect(buffer.backlog().chunks).toBeGreaterThan(0)
    buffer.close()
  })
})

describe.each([node, bun])("killed on $name while it evicts", { timeout: 60_000 }, ({ args, command, name }) => {
  test("[bridge 22] every number of what was flushed is a chunk or in one gap, and no sample is unaccounted for", async () => {
    const next = random(11)
    for (let round = 0; round < 3; round++) {
      const driver = name === "node" ? "better" : "bun"
      child = spawn(command, [...args, program("buffer-evictor.ts"), path, driver], {
        stdio: ["ignore", "pipe", "inherit"],
      })
      const killed = child
      const ended = once(killed, "exit")
      let flushed = 0
      const lines = createInterface({ input: killed.stdout! })
      lines.on("line", (line) => {
        flushed = Number(line.split(" ")[1])
      })
      const read = once(lines, "close")
      // The cap is reached after about fifteen.
      for (let line = 0; line < 20 + Math.floor(next() * 30); line++) await once(lines, "line")
      await sleep(next() * 6)
      killed.kill("SIGKILL")
      await Promise.all([ended, read])

      const buffer = ChunkBuffer.open({ path, driver: bunSqlite() })
      const items = buffer.page(null, 10_000)
      const incarnation = items.at(-1)?.incarnation
      let [mark, samples, evicted] = [0, 0, 0]
      for (const item of items) {
        if (item.incarnation !== incarnation) continue
        expect(item._tag === "Gap" ? item.first : item.n).toBe(mark + 1)
        mark = item.n
        samples += item._tag === "Gap" ? item.samples : 4_000
        evicted += item._tag === "Gap" ? 1 : 0
      }
      // What was being flushed at the kill may be there too.
      expect([flushed, flushed + 1]).toContain(mark)
      expect(samples).toBe(mark * 4_000)
      expect(evicted).toBe(1)
      buffer.close()
    }
  })
})

/** Values that were recorded but not promised when their writer was killed, and are not there. */
const lostBefore = new Set<number>()
beforeEach(() => lostBefore.clear())

test("a file copied from under a running writer opens as the crash would have left it", async () => {
  const owner = writer(bun, 0, false)
  await once(createInterface({ input: owner.stdout! }), "line")
  owner.kill("SIGSTOP")
  const copy = join(folder, "copy.sqlite")
  for (const suffix of ["", "-wal"]) if (existsSync(path + suffix)) copyFileSync(path + suffix, copy + suffix)
  owner.kill("SIGKILL")
  const buffer = ChunkBuffer.open({ path: copy, driver: bunSqlite() })
  expect(buffer.page(null, 10_000).map((chunk) => chunk.n)).toEqual(
    Array.from({ length: buffer.backlog().chunks }, (_, i) => i + 1),
  )
  buffer.close()
})
