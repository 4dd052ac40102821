/** The buffer on disks that are full, files that are damaged, and logs that are torn. */
import { copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Bundle } from "@paceline/core/wire"
import { describe, expect, test } from "vitest"
import {
  append,
  chunksIn,
  folder,
  gapsIn,
  identities,
  open,
  opened,
  path,
  query,
  small,
  tamper,
  valueIn,
  valuesIn,
} from "../../test/Buffering.ts"
import { failingDisk } from "../../test/FailingDisk.ts"
import { bunSqlite } from "../drivers/BunSqlite.ts"
import { type SqliteCode, SqliteFailure } from "../drivers/SqliteDriver.ts"
import type { BufferEvent, StoredItem } from "./ChunkBuffer.ts"
import { BufferFull } from "./Errors.ts"

describe("a full disk", () => {
  test("[bridge 21] a typed error; samples wait in memory; deleting works and makes room for them", () => {
    let pages = 60
    const buffer = open({ driver: small(() => pages) })
    const fill = (): void => {
      for (let value = 0; value < 10_000; value++) {
        for (let at = 0; at < 1_000; at++) buffer.record("s", "power", at, Math.sin(at + value))
        buffer.flush()
      }
    }
    expect(fill).toThrow(BufferFull)
    const stored = buffer.backlog().chunks
    expect(stored).toBeGreaterThan(3)
    expect(buffer.pendingSamples).toBe(1_000)
    expect(() => buffer.flush()).toThrow(/free some space/)
    expect(buffer.acknowledge(buffer.waiting(1)[0]?.incarnation ?? "", 2)).toBe(2)
    expect(buffer.flush()).toBe(1)
    expect(buffer.pendingSamples).toBe(0)
    expect(buffer.page(null, 999).map((chunk) => chunk.n)).toEqual(Array.from({ length: stored - 1 }, (_, i) => i + 3))
    pages = 1_000
  })

  test("[bridge 21] when deleting itself finds no room, the reserve is given up for it and taken back", () => {
    let broken = false
    const driver = bunSqlite()
    const buffer = open({
      driver: {
        ...driver,
        open: (file) => {
          const database = driver.open(file)
          return {
            ...database,
            transaction: (body) => {
              if (!broken || !existsSync(`${path}.reserve`)) return database.transaction(body)
              throw new SqliteFailure("SQLITE_FULL", "no space left")
            },
          }
        },
      },
    })
    expect(statSync(`${path}.reserve`).size).toBe(2 * 1024 * 1024)
    append(buffer, 1)
    broken = true
    expect(() => append(buffer, 2)).toThrow(BufferFull)
    expect(buffer.acknowledge(buffer.waiting(1)[0]?.incarnation ?? "", 1)).toBe(1)
    expect(query("select n from chunk")).toEqual([{ n: 1 }])
    buffer.settle()
    expect(query("select n from chunk")).toEqual([])
    expect(existsSync(`${path}.reserve`)).toBe(true)
    broken = false
    buffer.flush()
    expect(valuesIn(buffer)).toEqual([2])
  })

  test("[bridge 21] a flush that fails at its end has changed nothing: what waits is counted as before", () => {
    let code: SqliteCode | null = null
    const buffer = open({ driver: failingDisk(bunSqlite(), (sql) => (/into cursor/.test(sql) ? code : null)) })
    append(buffer, 1)
    const before = buffer.backlog()
    code = "SQLITE_FULL"
    buffer.record("s", "power", 2, 2)
    buffer.moveCursor("watch", "2")
    expect(() => buffer.flush()).toThrow(BufferFull)
    expect(buffer.backlog()).toEqual(before)
    expect(buffer.own?.n).toBe(1)
    code = null
    expect(buffer.flush()).toBe(1)
    expect(buffer.backlog().chunks).toBe(2)
    expect(buffer.page(null, 9).map(({ n }) => n)).toEqual([1, 2])
  })

  test("what is flushed is not written again: a cursor that stands still costs no commit", () => {
    let commits = 0
    const driver = bunSqlite()
    const buffer = open({
      driver: {
        ...driver,
        open: (file) => {
          const database = driver.open(file)
          return {
            ...database,
            transaction: (body) => {
              commits++
              return database.transaction(body)
            },
          }
        },
      },
    })
    buffer.moveCursor("watch", "1")
    buffer.recordRaw({ sensor: "s", source: "2A37", atMillis: 1, bytes: new Uint8Array(1) })
    buffer.flush()
    const { length } = buffer.rawPackets(0, 9)
    commits = 0
    for (let again = 0; again < 3; again++) buffer.flush()
    expect([commits, length, buffer.rawPackets(0, 9).length]).toEqual([0, 1, 1])
  })

  test("memory is bounded: beyond it samples are turned away, not older ones dropped", () => {
    let pages = 1_000
    const buffer = open({ driver: small(() => pages), maxPendingSamples: 3 })
    pages = 1
    for (let value = 1; value <= 5; value++) expect(buffer.record("s", "power", value, value)).toBe(value <= 3)
    pages = 1_000
    buffer.flush()
    expect(buffer.record("s", "power", 6, 6)).toBe(true)
    const bundle = Bundle.decode(chunksIn(buffer.page(null, 1))[0]?.payload ?? new Uint8Array())
    expect(bundle).toMatchObject([{ values: [1, 2, 3] }])
  })
})

describe("damage", () => {
  const chunkTamper = (): void =>
    tamper("update stored_chunk set payload = x'00ff00ff' where position % 4294967296 = 2")

  test("[bridge 24] a corrupt header: the file is set aside, recording restarts, an event is raised", () => {
    const buffer = open()
    append(buffer, 1)
    buffer.close()
    const bytes = readFileSync(path)
    bytes.fill(0x55, 0, 100)
    writeFileSync(path, bytes)
    const events: Array<BufferEvent> = []
    const again = open({ onEvent: (event) => events.push(event), now: () => Date.UTC(2026, 10, 20, 8, 30) })
    append(again, 2)
    expect(valuesIn(again)).toEqual([2])
    const asidePath = `${path}.corrupt-20261120T083000Z`
    expect(events).toMatchObject([{ _tag: "BufferSetAside", path, asidePath }])
    expect(readFileSync(asidePath)).toEqual(bytes)
  })

  test("[bridge 24] setting aside that failed half way goes on under the same name: the file and its log stay together", () => {
    const events: Array<BufferEvent> = []
    const driver = bunSqlite()
    let code: SqliteCode | null = null
    let stuck = true
    let now = Date.UTC(2026, 0, 1)
    const buffer = open({
      onEvent: (event) => events.push(event),
      now: () => now,
      driver: {
        ...failingDisk(driver, (sql) => (/into stored_chunk/.test(sql) ? code : null)),
        rename: (from, to) => {
          if (from === path && stuck) throw new Error("ENOSPC: no space left on device")
          driver.rename(from, to)
        },
      },
    })
    append(buffer, 1)
    code = "SQLITE_CORRUPT"
    buffer.record("s", "power", 2, 2)
    expect(() => buffer.flush()).toThrow("ENOSPC")
    expect(events).toEqual([])
    writeFileSync(`${path}-wal`, "what is left of its log")
    now += 60_000
    expect(() => buffer.flush()).toThrow("ENOSPC")
    now += 60_000
    stuck = false
    code = null
    expect(buffer.flush()).toBe(1)
    expect(events).toMatchObject([{ _tag: "BufferSetAside" }])
    const [event] = events
    const aside = event?._tag === "BufferSetAside" ? event.asidePath : ""
    expect(existsSync(aside)).toBe(true)
    expect(readFileSync(`${aside}-wal`, "utf8")).toBe("what is left of its log")
    expect(valuesIn(buffer)).toEqual([2])
  })

  test("[bridge 24] a fresh file that cannot be finished, or is damaged too, takes no other's place: each keeps its own", () => {
    const events: Array<BufferEvent> = []
    let refused: RegExp = /nothing/
    let code: SqliteCode = "SQLITE_CORRUPT"
    const buffer = open({
      onEvent: (event) => events.push(event),
      driver: failingDisk(bunSqlite(), (sql) => (refused.test(sql) ? code : null)),
    })
    append(buffer, 7)
    refused = /into stored_chunk|create table incarnation/
    buffer.record("s", "power", 2, 2)
    expect(() => buffer.flush()).toThrow(/told to fail/)
    code = "SQLITE_FULL"
    refused = /create table incarnation/
    for (let again = 0; again < 3; again++) expect(() => buffer.flush()).toThrow(BufferFull)
    expect(events).toEqual([])
    refused = /nothing/
    expect(buffer.flush()).toBe(1)
    expect(valuesIn(buffer)).toEqual([2])
    const aside = events.flatMap((event) => (event._tag === "BufferSetAside" ? [event.asidePath] : []))
    expect(aside.length).toBe(2)
    expect(query("select count(*) as chunks from chunk", aside[0])).toEqual([{ chunks: 1 }])
    expect(new Set(aside).size).toBe(2)
  })

  test("[bridge 24] found at an opening that has no room for a fresh file: said all the same", () => {
    append(open(), 1)
    for (const buffer of opened.splice(0)) buffer.close()
    writeFileSync(path, "no database at all, but long enough to be taken for the beginning of one")
    const events: Array<BufferEvent> = []
    const driver = failingDisk(bunSqlite(), (sql) => (/create table incarnation/.test(sql) ? "SQLITE_FULL" : null))
    expect(() => open({ driver, onEvent: (event) => events.push(event) })).toThrow(BufferFull)
    expect(events).toMatchObject([{ _tag: "BufferSetAside", path }])
    append(open(), 2)
  })

  test("damage found while recording: the same, and what waited in memory is kept", () => {
    const events: Array<BufferEvent> = []
    const buffer = open({ onEvent: (event) => events.push(event) })
    for (let value = 0; value < 300; value++) append(buffer, value)
    buffer.close()
    const bytes = readFileSync(path)
    bytes.fill(0x55, 4096 * 2)
    writeFileSync(path, bytes)
    const again = open({ onEvent: (event) => events.push(event) })
    append(again, 1_000)
    expect(events.map((event) => event._tag)).toEqual(["BufferSetAside"])
    expect(valuesIn(again)).toEqual([1_000])
  })

  test("[bridge 24] a corrupt chunk goes to quarantine as it is, a gap is in its place, its neighbours are handed out", () => {
    const events: Array<BufferEvent> = []
    const buffer = open({ onEvent: (event) => events.push(event), now: () => 7_000 })
    for (let value = 1; value <= 3; value++) append(buffer, value)
    const before = chunksIn(buffer.page(null, 3))
    chunkTamper()
    const { incarnation = "" } = before[0] ?? {}
    const loss = { samples: 1, fromMillis: 7_000, toMillis: 7_000 }
    expect(buffer.page(null, 3)).toEqual([
      before[0],
      { _tag: "Gap", opened: 1, n: 2, incarnation, first: 2, last: 2, ...loss, reason: "damaged" },
      before[2],
    ])
    const reason = expect.stringMatching(/^damaged on this device: /)
    expect(events).toEqual([
      { _tag: "ChunkQuarantined", incarnation, n: 2, reason },
      { _tag: "GapRecorded", reason: "damaged", ...loss },
    ])
    expect(query("select n, hex(payload) as payload, crc, sample_count, reason from quarantine")).toEqual([
      { n: 2, payload: "00FF00FF", crc: before[1]?.crc, sample_count: 1, reason },
    ])
    expect([buffer.damagedChunks, buffer.lostSamples]).toEqual([1, 1])
    const left = { chunks: 2, bytes: 2 * (before[0]?.payload.length ?? 0), gaps: 1, gapSamples: 1 }
    expect(buffer.backlog()).toMatchObject(left)
    // It is found once, and a new opening knows the same.
    expect(buffer.page(null, 3).length).toBe(3)
    expect(events.length).toBe(2)
    buffer.close()
    expect(open().backlog()).toMatchObject(left)
  })

  test("[bridge 24] many in a row, over the ends of pages: none is handed out, and gaps stand for each of them once", () => {
    const buffer = open()
    for (let value = 1; value <= 9; value++) append(buffer, value)
    tamper(`update stored_chunk set payload = cast(payload || x'00' as blob)
            where position % 4294967296 between 3 and 7`)
    const seen: Array<StoredItem> = []
    for (let page = buffer.page(null, 4); page.length > 0; page = buffer.page(page.at(-1) ?? null, 4))
      seen.push(...page)
    expect(chunksIn(seen).map(valueIn)).toEqual([1, 2, 8, 9])
    const missing = gapsIn(seen).flatMap(({ first, last }) =>
      Array.from({ length: last - first + 1 }, (_, i) => first + i),
    )
    expect(missing).toEqual([3, 4, 5, 6, 7])
    expect(gapsIn(seen).reduce((sum, { samples }) => sum + samples, 0)).toBe(5)
    expect(buffer.damagedChunks).toBe(5)
  })

  test("[bridge 24] found on a full disk: the reserve makes room to set it aside", () => {
    let broken = false
    const driver = bunSqlite()
    const buffer = open({
      driver: {
        ...driver,
        open: (file) => {
          const database = driver.open(file)
          return {
            ...database,
            transaction: (body) => {
              if (!broken || !existsSync(`${path}.reserve`)) return database.transaction(body)
              throw new SqliteFailure("SQLITE_FULL", "no space left")
            },
          }
        },
      },
    })
    for (let value = 1; value <= 3; value++) append(buffer, value)
    chunkTamper()
    broken = true
    expect(valuesIn(buffer)).toEqual([1, 3])
    broken = false
    expect(query("select n from quarantine")).toEqual([{ n: 2 }])
  })

  test("[bridge 24] the write-ahead log is deleted after a crash: it opens, and the loss is reported", () => {
    const copy = join(folder, "crashed.sqlite")
    const buffer = open()
    append(buffer, 1)
    // A crash leaves the file as it is now, while it is open; the log is lost.
    copyFileSync(path, copy)
    const events: Array<BufferEvent> = []
    const again = open({ path: copy, onEvent: (event) => events.push(event) })
    append(again, 2)
    expect(events).toEqual([{ _tag: "WalMissing", path: copy }])
    expect(valuesIn(again)).toEqual([2])
  })

  test("neither an orderly close nor a crash that leaves the log is reported", () => {
    const copy = join(folder, "crashed.sqlite")
    const onEvent = (event: BufferEvent): void => {
      throw new Error(event._tag)
    }
    const buffer = open({ onEvent })
    append(buffer, 1)
    for (const suffix of ["", "-wal"]) copyFileSync(path + suffix, copy + suffix)
    expect(valuesIn(open({ path: copy, onEvent }))).toEqual([1])
    buffer.close()
    expect(valuesIn(open({ onEvent }))).toEqual([1])
  })

  test("[bridge 7] a log that is torn behind the last flush, as power loss tears it: nothing flushed is lost", () => {
    const buffer = open()
    for (let value = 1; value <= 3; value++) append(buffer, value)
    const promised = statSync(`${path}-wal`).size
    for (let value = 4; value <= 6; value++) append(buffer, value)
    const log = readFileSync(`${path}-wal`)
    for (let cut = promised; cut < log.length; cut += 997) {
      const copy = join(folder, `torn-${cut}.sqlite`)
      copyFileSync(path, copy)
      // Sectors after the promise reached the disk in part, or as garbage.
      const torn =
        cut % 2 === 0 ? log.subarray(0, cut) : Buffer.concat([log.subarray(0, cut), Buffer.alloc(8_192, 0x5a)])
      writeFileSync(`${copy}-wal`, torn)
      const after = open({ path: copy })
      const values = valuesIn(after)
      expect(values).toEqual([1, 2, 3, 4, 5, 6].slice(0, values.length))
      expect(values.length).toBeGreaterThanOrEqual(3)
      append(after, 7)
      expect(new Set(identities(after)).size).toBe(values.length + 1)
      after.close()
    }
  })

  test("[bridge 7] every commit is synced: SQLite says FULL", () => {
    const seen: Array<unknown> = []
    const driver = bunSqlite()
    open({
      driver: {
        ...driver,
        open: (file) => {
          const database = driver.open(file)
          const transaction: typeof database.transaction = (body) => {
            const result = database.transaction(body)
            if (file === path) seen.push(database.prepare("pragma synchronous").get()?.["synchronous"])
            return result
          }
          return { ...database, transaction }
        },
      },
    })
    append(opened[0]!, 1)
    expect(seen.at(-1)).toBe(2)
  })
})
