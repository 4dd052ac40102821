import { Database } from "bun:sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Bundle, crc32 } from "@paceline/core/wire"
import { bunSqlite } from "@paceline/device-bridge/drivers/bun-sqlite"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ChunkBuffer } from "../../../../device-bridge/src/buffer/ChunkBuffer.ts"
import * as Audit from "./Audit.ts"

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline-audit-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const values = ({ chunks }: Audit.Audit) => chunks.map(({ n, bundle }) => [n, bundle[0]?.values[0]])

describe("the audit of a bridge's buffer", () => {
  it("reads what was delivered, what was set aside and what waits, over all openings, in the order of delivery", () => {
    const path = join(folder, "buffer.sqlite")
    const openings = [
      [101, 102],
      [201, 202],
      [301, 302],
    ]
    for (const [i, opening] of openings.entries()) {
      const buffer = ChunkBuffer.open({ path, driver: bunSqlite(), keepDelivered: true })
      for (const value of opening) {
        buffer.record("strap-01", "heartRate", value, value)
        buffer.flush()
      }
      // The first opening's chunks stay until the second is there, as after a cut; the third's wait for ever.
      if (i === 1) {
        for (const { incarnation, n } of buffer.page(null, 10)) {
          if (n === 1) buffer.quarantine(incarnation, n, "a test")
          else buffer.acknowledge(incarnation, n)
        }
      }
      buffer.close()
    }
    expect(values(Audit.ofBridge(path))).toEqual([
      [1, 101],
      [2, 102],
      [1, 201],
      [2, 202],
      [1, 301],
      [2, 302],
    ])
  })
})

describe("the audit of a server's store", () => {
  it("reads one device's chunks as received, and names what is damaged", () => {
    const path = join(folder, "paceline.db")
    const database = new Database(path)
    database.run("create table chunk (device_id text, incarnation text, n integer, crc integer, payload blob)")
    const add = (device: string, n: number, payload: Uint8Array, crc = crc32(payload)) =>
      database.run("insert into chunk values (?, 'aa', ?, ?, ?)", [device, n, crc, payload])
    const bytes = (value: number) =>
      Bundle.encode([{ sensor: "strap-01", kind: "heartRate", atMillis: [1], values: [value] }])
    add("d1", 2, bytes(102))
    add("d1", 1, bytes(101))
    add("d2", 1, bytes(201))
    add("d1", 3, bytes(103), 1)
    add("d1", 4, new Uint8Array([250, 1, 2]))
    database.close()
    const audit = Audit.ofServer(path, "d1")
    expect(values(audit)).toEqual([
      [2, 102],
      [1, 101],
    ])
    expect(audit.unreadable).toHaveLength(2)
    expect(audit.unreadable[0]).toMatch(/^chunk aa\/3 in .*: its checksum is wrong$/)
    expect(audit.unreadable[1]).toMatch(/^chunk aa\/4 in /)
  })

  it("throws when there is no store", () => {
    expect(() => Audit.ofServer(join(folder, "nowhere.db"), "d1")).toThrow()
  })
})
