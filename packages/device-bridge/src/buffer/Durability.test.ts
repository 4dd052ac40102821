/** What power cuts may take with each durability, and that it is said. */
import { copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { append, folder, identities, open, path, query, valuesIn } from "../../test/Buffering.ts"
import { bunSqlite } from "../drivers/BunSqlite.ts"
import type { SqliteDriver } from "../drivers/SqliteDriver.ts"
import type { BufferEvent, Durability } from "./ChunkBuffer.ts"

const bootedAs = (bootId: string | null): SqliteDriver => ({ ...bunSqlite(), bootId: () => bootId })

/** The buffer after three flushes and a power cut that took what was written behind `keptBytes` of the log. */
const crash = (
  durability: Durability,
  kept: (log: Buffer, promised: number) => Buffer,
  driver = bootedAs("boot-1"),
) => {
  let now = 1_000
  const buffer = open({ driver, durability, now: () => now })
  append(buffer, 1)
  const promised = statSync(`${path}-wal`).size
  for (const value of [2, 3]) {
    now = value * 1_000
    append(buffer, value)
  }
  const used = identities(buffer)
  const copy = join(folder, "crashed.sqlite")
  copyFileSync(path, copy)
  writeFileSync(`${copy}-wal`, kept(readFileSync(`${path}-wal`), promised))
  return { copy, used }
}

const reopened = (copy: string, driver: SqliteDriver, durability: Durability) => {
  const events: Array<BufferEvent> = []
  const buffer = open({ path: copy, driver, durability, onEvent: (event) => events.push(event) })
  return { buffer, events }
}

const all = (log: Buffer): Buffer => log

describe("durability normal", () => {
  test("[bridge 7] a power cut took the last flushes: it is said from when on, and no identity is used twice", () => {
    const { copy, used } = crash("normal", (log, promised) => log.subarray(0, promised))
    const { buffer, events } = reopened(copy, bootedAs("boot-2"), "normal")
    expect(events).toEqual([{ _tag: "FlushesMayBeLost", path: copy, lastFlushAtMs: 1_000 }])
    expect(valuesIn(buffer)).toEqual([1])
    append(buffer, 4)
    append(buffer, 5)
    const [old, ...fresh] = identities(buffer)
    expect(used).toContain(old)
    for (const identity of fresh) expect(used).not.toContain(identity)
    expect(buffer.own?.n).toBe(2)
  })

  test("[bridge 7] it is said too where all of the log but its head was lost, and where nothing tells that it was not", () => {
    const { copy } = crash("normal", (log) => log.subarray(0, 32), bootedAs(null))
    const { buffer, events } = reopened(copy, bootedAs(null), "full")
    expect(events).toEqual([{ _tag: "FlushesMayBeLost", path: copy, lastFlushAtMs: null }])
    expect(valuesIn(buffer)).toEqual([])
  })

  test("a process that was killed lost nothing, which the same boot proves", () => {
    const { copy } = crash("normal", all)
    const { buffer, events } = reopened(copy, bootedAs("boot-1"), "normal")
    expect(events).toEqual([])
    expect(valuesIn(buffer)).toEqual([1, 2, 3])
  })

  test("after an orderly close there is nothing to say", () => {
    const buffer = open({ driver: bootedAs("boot-1"), durability: "normal" })
    append(buffer, 1)
    buffer.close()
    const { events } = reopened(path, bootedAs("boot-2"), "normal")
    expect(events).toEqual([])
  })

  test("the file is opened with it", () => {
    const buffer = open({ durability: "normal" })
    append(buffer, 1)
    expect(query("select durability from owner")).toEqual([{ durability: "normal" }])
  })
})

test("[bridge 7] durability full is never reported as a loss: a power cut takes nothing that was flushed", () => {
  const { copy } = crash("full", all)
  const { buffer, events } = reopened(copy, bootedAs("boot-2"), "full")
  expect(events).toEqual([])
  expect(valuesIn(buffer)).toEqual([1, 2, 3])
})

test("on Linux the driver tells one start of the device from another", () => {
  const bootId = bunSqlite().bootId?.()
  expect(bootId).toBe(bunSqlite().bootId?.())
  if (process.platform === "linux") expect(bootId).toMatch(/^[0-9a-f-]{36}$/)
})
