/** Packets as sensors sent them, kept on request. */
import { copyFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { folder, open, path, query, valuesIn } from "../../test/Buffering.ts"
import { parse } from "../gatt/index.ts"

const packet = (atMillis: number, ...bytes: Array<number>) => ({
  sensor: "strap-07",
  source: "2A37",
  atMillis,
  bytes: new Uint8Array(bytes),
})

describe("kept packets", () => {
  test("[bridge 39] raw bytes are kept as they came, beside the samples read from them, and can be parsed again", () => {
    const buffer = open()
    // Flags 0x10: a heart rate of eight bits, and RR intervals in 1/1024 s.
    buffer.recordRaw(packet(1_000, 0x10, 72, 0x5c, 0x03))
    buffer.record("strap-07", "heartRate", 1_000, 72)
    buffer.recordRaw(packet(2_000, 0x00, 73))
    buffer.flush()
    buffer.close()
    const later = open()
    const kept = later.rawPackets(0, 10)
    expect(kept).toEqual([
      { id: 1, ...packet(1_000, 0x10, 72, 0x5c, 0x03) },
      { id: 2, ...packet(2_000, 0x00, 73) },
    ])
    expect(kept.map(({ bytes }) => parse("2A37", bytes))).toMatchObject([
      { heartRateBpm: 72, rrIntervalsSeconds: [860 / 1024] },
      { heartRateBpm: 73 },
    ])
    expect(valuesIn(later)).toEqual([72])
  })

  test("[bridge 39] they commit with their samples: a crash before the flush has neither, one after it both", () => {
    const buffer = open()
    const copies = ["before", "after"].map((name) => {
      if (name === "after") buffer.flush()
      else {
        buffer.recordRaw(packet(1_000, 1, 2, 3))
        buffer.record("strap-07", "heartRate", 1_000, 72)
      }
      const copy = join(folder, `${name}.sqlite`)
      for (const suffix of ["", "-wal"]) copyFileSync(path + suffix, copy + suffix)
      const crashed = open({ path: copy })
      return [crashed.rawPackets(0, 9).length, valuesIn(crashed).length]
    })
    expect(copies).toEqual([
      [0, 0],
      [1, 1],
    ])
  })

  test("[bridge 39] the bytes are those at the call, whatever the caller does with its buffer then", () => {
    const buffer = open()
    const bytes = new Uint8Array([1, 2, 3])
    buffer.recordRaw({ ...packet(1), bytes })
    bytes.fill(9)
    buffer.flush()
    expect([...(buffer.rawPackets(0, 1)[0]?.bytes ?? [])]).toEqual([1, 2, 3])
  })

  test("beyond their own cap the oldest go, and no id is used twice", () => {
    const buffer = open({ maxRawBytes: 100 })
    for (let at = 1; at <= 30; at++) {
      expect(buffer.recordRaw(packet(at, ...new Array<number>(10).fill(at)))).toBe(true)
      buffer.flush()
    }
    expect(buffer.rawPackets(0, 99).map(({ id }) => id)).toEqual([21, 22, 23, 24, 25, 26, 27, 28, 29, 30])
    expect(buffer.size()).toMatchObject({ packets: 10, packetBytes: 100 })
    expect(buffer.forgetRaw(30)).toBe(10)
    buffer.recordRaw(packet(31, 1))
    buffer.flush()
    expect(buffer.rawPackets(0, 99)).toMatchObject([{ id: 31, atMillis: 31 }])
    expect(query("select count(*) as rows from packet")).toEqual([{ rows: 1 }])
    buffer.close()
    expect(open({ maxRawBytes: 100 }).size()).toMatchObject({ packets: 1, packetBytes: 1 })
  })

  test("memory for them is bounded by the same cap while the disk takes nothing", () => {
    const buffer = open({ maxRawBytes: 100 })
    for (let at = 0; at < 10; at++) expect(buffer.recordRaw(packet(at, ...new Array<number>(10).fill(1)))).toBe(true)
    expect(buffer.recordRaw(packet(11, 1))).toBe(false)
    buffer.flush()
    expect(buffer.recordRaw(packet(12, 1))).toBe(true)
  })

  test("pages go on after an id", () => {
    const buffer = open()
    for (let at = 1; at <= 5; at++) buffer.recordRaw(packet(at, at))
    buffer.flush()
    expect(buffer.rawPackets(2, 2).map(({ atMillis }) => atMillis)).toEqual([3, 4])
  })
})
