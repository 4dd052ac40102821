import { copyFileSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { Bundle, crc32 } from "@paceline/core/wire"
import { describe, expect, test } from "vitest"
import {
  append,
  chunksIn,
  folder,
  identities,
  open,
  opened,
  path,
  query,
  refusal,
  small,
  valueIn,
  valuesIn,
} from "../../test/Buffering.ts"
import { bunSqlite } from "../drivers/BunSqlite.ts"
import { BufferClosed, BufferFailed, BufferFull, BufferTooNew } from "./Errors.ts"
import { migrations, prepareSchema } from "./Schema.ts"

describe("identity and order", () => {
  test("chunks are numbered 1, 2, 3 within the opening and come page by page in that order", () => {
    const buffer = open()
    for (let value = 1; value <= 5; value++) append(buffer, value)
    const first = buffer.page(null, 2)
    const second = buffer.page(first[1] ?? null, 2)
    const third = buffer.page(second[1] ?? null, 2)
    expect([first, second, third].map((page) => chunksIn(page).map((chunk) => [chunk.n, valueIn(chunk)]))).toEqual([
      [
        [1, 1],
        [2, 2],
      ],
      [
        [3, 3],
        [4, 4],
      ],
      [[5, 5]],
    ])
    expect(new Set(buffer.page(null, 9).map((chunk) => chunk.incarnation)).size).toBe(1)
  })

  test("each opening has an incarnation of its own, and older openings are delivered first", () => {
    for (let value = 1; value <= 3; value++) {
      const buffer = open()
      append(buffer, value)
      append(buffer, value + 10)
      buffer.close()
    }
    const buffer = open()
    expect(valuesIn(buffer)).toEqual([1, 11, 2, 12, 3, 13])
    const waiting = buffer.waiting(10)
    expect(new Set(waiting.map(({ incarnation }) => incarnation)).size).toBe(3)
    expect(waiting.map(({ first }) => first)).toEqual([1, 1, 1])
  })

  test("a page goes on where the last one ended, even when all before it is gone by then", () => {
    const first = open()
    append(first, 1)
    append(first, 2)
    first.close()
    const buffer = open()
    append(buffer, 3)
    const [, last] = buffer.page(null, 2)
    buffer.acknowledge(last?.incarnation ?? "", 2)
    expect(chunksIn(buffer.page(last ?? null, 2)).map(valueIn)).toEqual([3])
  })

  test("a flush of nothing writes nothing", () => {
    const buffer = open()
    expect(buffer.flush()).toBe(0)
    expect(buffer.waiting(1)).toEqual([])
    expect(query("select * from incarnation")).toEqual([])
  })

  test("[bridge 28] concurrent calls are serialised: every sample once, every number once", async () => {
    const buffer = open()
    await Promise.all(
      Array.from({ length: 50 }, async (_, value) => {
        await Promise.resolve()
        append(buffer, value)
      }),
    )
    expect(buffer.page(null, 99).map((chunk) => chunk.n)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
    expect(valuesIn(buffer).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i))
  })

  test("[bridge 8] a file restored from an old backup never gives new data an identity that was used", () => {
    const buffer = open()
    append(buffer, 1)
    buffer.close()
    copyFileSync(path, `${path}.backup`)
    const later = open()
    append(later, 2)
    const used = identities(later)
    later.close()
    copyFileSync(`${path}.backup`, path)
    const restored = open()
    append(restored, 3)
    const [old, fresh] = identities(restored)
    expect(used).toContain(old)
    expect(used).not.toContain(fresh)
  })

  test("[bridge 9] one backup on two phones, and a fresh install: what they record never collides", () => {
    const buffer = open()
    append(buffer, 1)
    buffer.close()
    copyFileSync(path, join(folder, "second.sqlite"))
    const phones = [open(), open({ path: join(folder, "second.sqlite") }), open({ path: join(folder, "new.sqlite") })]
    for (const phone of phones) append(phone, 2)
    const fresh = phones.map((phone) => identities(phone).at(-1))
    expect(new Set(fresh).size).toBe(3)
  })
})

describe("acknowledgement and quarantine", () => {
  test("an acknowledgement deletes up to its number, in its incarnation only", () => {
    const first = open()
    append(first, 1)
    first.close()
    const buffer = open()
    for (let value = 2; value <= 4; value++) append(buffer, value)
    const [, own] = buffer.waiting(2)
    expect(buffer.acknowledge(own?.incarnation ?? "", 2)).toBe(2)
    expect(buffer.acknowledge(own?.incarnation ?? "", 2)).toBe(0)
    expect(buffer.acknowledge("nobody", 99)).toBe(0)
    expect(valuesIn(buffer)).toEqual([1, 4])
    expect(buffer.waiting(2).map((waiting) => waiting.first)).toEqual([1, 3])
  })

  test("numbers go on after everything was acknowledged", () => {
    const buffer = open()
    append(buffer, 1)
    buffer.acknowledge(buffer.waiting(1)[0]?.incarnation ?? "", 1)
    append(buffer, 2)
    expect(buffer.page(null, 9).map((chunk) => chunk.n)).toEqual([2])
  })

  test("with keepDelivered they move to `delivered`, whole", () => {
    const buffer = open({ keepDelivered: true })
    append(buffer, 1)
    append(buffer, 2)
    const [chunk] = chunksIn(buffer.page(null, 1))
    buffer.acknowledge(chunk?.incarnation ?? "", 1)
    buffer.settle()
    expect(query("select incarnation, n, crc, payload, sample_count from delivered")).toEqual([
      {
        incarnation: chunk?.incarnation,
        n: 1,
        crc: chunk?.crc,
        payload: new Uint8Array(chunk?.payload ?? []),
        sample_count: 1,
      },
    ])
    expect(valuesIn(buffer)).toEqual([2])
  })

  test("without it nothing delivered stays", () => {
    const buffer = open()
    append(buffer, 1)
    buffer.acknowledge(buffer.waiting(1)[0]?.incarnation ?? "", 1)
    expect(query("select * from delivered")).toEqual([])
  })

  test("a quarantined chunk is kept with its reason, its neighbours go on", () => {
    const buffer = open()
    for (let value = 1; value <= 3; value++) append(buffer, value)
    const { incarnation = "" } = buffer.waiting(1)[0] ?? {}
    expect(buffer.quarantine(incarnation, 2, "checksum")).toBe(true)
    expect(buffer.quarantine(incarnation, 2, "checksum")).toBe(false)
    expect(valuesIn(buffer)).toEqual([1, 3])
    expect(query("select n, reason from quarantine")).toEqual([{ n: 2, reason: "checksum" }])
  })

  test("a chunk that was acknowledged is not set aside any more, whatever is said of it later", () => {
    const buffer = open()
    append(buffer, 1)
    append(buffer, 2)
    const { incarnation = "" } = buffer.own ?? {}
    expect(buffer.acknowledge(incarnation, 1)).toBe(1)
    expect(buffer.quarantine(incarnation, 1, "late")).toBe(false)
    expect(buffer.backlog().chunks).toBe(1)
    expect(query("select n from quarantine")).toEqual([])
    expect(valuesIn(buffer)).toEqual([2])
  })

  test("of openings whose chunks are all gone nothing stays", () => {
    for (let opening = 0; opening < 5; opening++) {
      const buffer = open()
      append(buffer, opening)
      for (const { incarnation } of buffer.waiting(9)) buffer.acknowledge(incarnation, 1)
      buffer.close()
    }
    open()
    expect(query("select opened from incarnation").length).toBeLessThanOrEqual(1)
  })

  test("the backlog counts what waits, also after a restart", () => {
    let now = 1_000
    const buffer = open({ now: () => now })
    expect(buffer.backlog()).toEqual({ chunks: 0, bytes: 0, oldestAtMs: null, gaps: 0, gapSamples: 0 })
    append(buffer, 1)
    now = 2_000
    append(buffer, 2)
    const bytes = chunksIn(buffer.page(null, 9)).map((chunk) => chunk.payload.length)
    expect(buffer.backlog()).toMatchObject({ chunks: 2, bytes: (bytes[0] ?? 0) + (bytes[1] ?? 0), oldestAtMs: 1_000 })
    buffer.acknowledge(buffer.waiting(1)[0]?.incarnation ?? "", 1)
    const left = { chunks: 1, bytes: bytes[1], oldestAtMs: 2_000, gaps: 0, gapSamples: 0 }
    expect(buffer.backlog()).toEqual(left)
    buffer.close()
    expect(open().backlog()).toEqual(left)
  })

  test("[bridge 23] space is used again after draining, and what is much is given back", () => {
    const buffer = open()
    const fill = (): number => {
      for (let chunk = 0; chunk < 40; chunk++) {
        for (let at = 0; at < 16_000; at++) buffer.record("s", "power", at * 1_000, Math.sin(at * (chunk + 1)))
        buffer.flush()
      }
      return statSync(path).size + statSync(`${path}-wal`).size
    }
    const drain = (): void => {
      const { incarnation = "", first = 0 } = buffer.waiting(1)[0] ?? {}
      for (let n = first; n < first + 40; n++) buffer.acknowledge(incarnation, n)
    }
    const full = fill()
    drain()
    expect(fill()).toBeLessThan(full * 1.15)
    drain()
    buffer.close()
    expect(full).toBeGreaterThan(5_000_000)
    expect(statSync(path).size).toBeLessThan(2_000_000)
  })
})

describe("cursors", () => {
  test("[bridge 11] a cursor commits with its data: both or neither", () => {
    let pages = 1_000
    const buffer = open({ driver: small(() => pages) })
    buffer.record("watch", "heartRate", 1, 60)
    buffer.moveCursor("flash-log", "page 1")
    expect(buffer.cursor("flash-log")).toBe("page 1")
    expect(query("select * from cursor")).toEqual([])
    buffer.flush()
    expect(query("select * from cursor")).toEqual([{ source: "flash-log", position: "page 1" }])

    pages = 1
    for (let at = 0; at < 10_000; at++) buffer.record("watch", "heartRate", at, 60 + Math.random())
    buffer.moveCursor("flash-log", "page 2")
    expect(() => buffer.flush()).toThrow(BufferFull)
    expect(query("select position from cursor")).toEqual([{ position: "page 1" }])
    pages = 1_000
    buffer.flush()
    expect(query("select position from cursor")).toEqual([{ position: "page 2" }])
    buffer.close()
    expect(open().cursor("flash-log")).toBe("page 2")
    expect(opened.at(-1)?.cursor("another")).toBe(null)
  })

  test("a cursor that moves alone is stored too", () => {
    const buffer = open()
    buffer.moveCursor("store", "7")
    buffer.flush()
    buffer.close()
    expect(open().cursor("store")).toBe("7")
  })
})

describe("versions and owners", () => {
  test("[bridge 26] a schema upgrade keeps what waits; a downgrade is refused, with the data intact", () => {
    // A file as the first version wrote it, closed in order, with what waited in two openings.
    const old = bunSqlite().open(path)
    prepareSchema(old, path, { steps: migrations.slice(0, 1) })
    const payload = Bundle.encode([{ sensor: "strap-01", kind: "power", atMillis: [7], values: [7] }])
    old.exec("insert into incarnation values (1, 'first', 5), (4, 'second', 6)")
    const insert = old.prepare("insert into chunk values (?, ?, ?, ?, 1, 5)")
    for (const [incarnation, n] of [
      ["second", 1],
      ["first", 3],
      ["first", 2],
    ] as const) {
      insert.run(incarnation, n, crc32(payload), payload)
    }
    old.exec("insert into cursor values ('watch', 'page 9')")
    old.close()

    const upgraded = open()
    append(upgraded, 8)
    expect(upgraded.page(null, 9).slice(0, 3)).toEqual(
      [
        ["first", 1, 2],
        ["first", 1, 3],
        ["second", 4, 1],
      ].map(([incarnation, opened, n]) => ({
        _tag: "Chunk",
        incarnation,
        opened,
        n,
        crc: crc32(payload),
        payload: new Uint8Array(payload),
        // Of what an older version appended nobody knows.
        clock: null,
      })),
    )
    expect(upgraded.page(null, 9).at(-1)).toMatchObject({ clock: { boot: expect.stringMatching(/./) } })
    expect(valuesIn(upgraded)).toEqual([7, 7, 7, 8])
    expect(upgraded.cursor("watch")).toBe("page 9")
    expect(query("select n from chunk where incarnation = 'first'")).toEqual([{ n: 2 }, { n: 3 }])
    upgraded.close()

    const newer = [...migrations, "alter table stored_chunk add column priority integer not null default 0"]
    const database = bunSqlite().open(path)
    prepareSchema(database, path, { steps: newer })
    database.close()
    const file = readFileSync(path)
    expect(() => open()).toThrow(BufferTooNew)
    expect(() => open()).toThrow(/schema 4, this one knows up to 3.*upgrade @paceline\/device-bridge/)
    expect(readFileSync(path)).toEqual(file)
    expect(query("select n from chunk where incarnation = 'first'")).toEqual([{ n: 2 }, { n: 3 }])
  })

  test("a migration that fails leaves the file at its version", () => {
    open().close()
    const database = bunSqlite().open(path)
    expect(() => prepareSchema(database, path, { steps: [...migrations, "create table extra (a); selec"] })).toThrow()
    database.close()
    expect(query("pragma user_version")).toEqual([{ user_version: migrations.length }])
    expect(query("select name from sqlite_master where name = 'extra'")).toEqual([])
  })

  test("[bridge 25] a second owner in the same process is told who has it, and gets it after the first closes", () => {
    const buffer = open()
    const owner = { pid: process.pid, sinceMs: expect.any(Number) }
    expect(refusal(() => open())).toMatchObject({ _tag: "BufferOwned", path, owner })
    append(buffer, 1)
    buffer.close()
    expect(valuesIn(open())).toEqual([1])
  })

  test("a folder that is missing is a clear error", () => {
    const missing = join(folder, "missing", "buffer.sqlite")
    expect(() => open({ path: missing })).toThrow(BufferFailed)
    expect(() => open({ path: missing })).toThrow(/Check that the folder exists and that this user may write in it/)
  })

  test("closing flushes; after that every call says that it is closed", () => {
    const buffer = open()
    buffer.record("s", "power", 1, 1)
    buffer.close()
    buffer.close()
    expect(() => buffer.record("s", "power", 1, 1)).toThrow(BufferClosed)
    expect(() => buffer.page(null, 1)).toThrow(BufferClosed)
    expect(open().backlog().chunks).toBe(1)
  })
})

test("[bridge 32] a chunk keeps what both clocks showed when it was appended, and which run of this process that was", () => {
  let now = 1_700_000_000_000
  const buffer = open({ now: () => now })
  append(buffer, 1)
  now -= 3_600_000
  append(buffer, 2)
  const clocks = buffer.page(null, 9).map((item) => (item._tag === "Chunk" ? item.clock : null))
  expect(clocks.map((clock) => clock?.wallMs)).toEqual([1_700_000_000_000, 1_699_996_400_000])
  expect(clocks[1]!.monotonicMs).toBeGreaterThanOrEqual(clocks[0]!.monotonicMs)
  expect(clocks[1]!.boot).toBe(clocks[0]!.boot)
  expect(clocks[0]!.boot).toMatch(/^[0-9a-f]{8}$/)
})
