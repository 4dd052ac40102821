/** The buffer at its cap: what is lost, who is told, and that the files never take more than they may. */
import { copyFileSync, existsSync, statSync } from "node:fs"
import { join } from "node:path"
import { Bundle } from "@paceline/core/wire"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { chunksIn, folder, gapsIn, open, path, query, small } from "../../test/Buffering.ts"
import type { BufferEvent, ChunkBuffer, StoredChunk } from "./ChunkBuffer.ts"
import { BufferFull } from "./Errors.ts"

const MIB = 1024 * 1024

const onDisk = (file = path): number =>
  ["", "-wal"].reduce((sum, suffix) => sum + (existsSync(file + suffix) ? statSync(file + suffix).size : 0), 0)

/** One chunk of about 8 KiB, of a thousand samples that no codec makes small, measured from `from` on. */
const fill = (buffer: ChunkBuffer, from: number, samples = 1_000): void => {
  for (let i = 0; i < samples; i++) buffer.record("s", "power", from + i, Math.sin(from + i))
  buffer.flush()
}

const samplesIn = ({ payload }: StoredChunk): number => {
  const bundle = Bundle.decode(payload)
  if ("_tag" in bundle) throw new Error(bundle.detail)
  return Bundle.sampleCount(bundle)
}

const numbersOf = (buffer: ChunkBuffer): Array<number> => chunksIn(buffer.page(null, 10_000)).map(({ n }) => n)

describe("the cap", { timeout: 60_000 }, () => {
  test("[bridge 22] evicting the oldest: file and log stay within it, and one gap says exactly what is missing", () => {
    const events: Array<BufferEvent> = []
    const buffer = open({ maxBufferBytes: 2 * MIB, onEvent: (event) => events.push(event) })
    for (let chunk = 0; chunk < 400; chunk++) {
      fill(buffer, chunk * 1_000)
      expect(onDisk()).toBeLessThanOrEqual(2 * MIB)
    }
    const kept = numbersOf(buffer)
    const evicted = 400 - kept.length
    expect(kept).toEqual(Array.from(kept, (_, i) => evicted + 1 + i))
    expect(kept.length).toBeGreaterThan(120)
    const page = buffer.page(null, 10_000)
    expect(page[0]).toEqual({
      _tag: "Gap",
      opened: 1,
      n: evicted,
      incarnation: expect.any(String),
      first: 1,
      last: evicted,
      samples: evicted * 1_000,
      fromMillis: 0,
      toMillis: evicted * 1_000 - 1,
      reason: "evicted",
    })
    expect(gapsIn(page).length).toBe(1)
    expect(buffer.backlog()).toMatchObject({ chunks: kept.length, gaps: 1, gapSamples: evicted * 1_000 })
    expect(buffer.lostSamples).toBe(evicted * 1_000)
    expect(events.length).toBeGreaterThan(0)
    expect(events.every((event) => event._tag === "GapRecorded" && event.reason === "evicted")).toBe(true)
    expect(events.reduce((sum, event) => sum + (event._tag === "GapRecorded" ? event.samples : 0), 0)).toBe(
      evicted * 1_000,
    )
  })

  test("[bridge 22] refusing the new: what waits stays, and the new samples are a gap behind it", () => {
    const buffer = open({ maxBufferBytes: 2 * MIB, whenFull: "refuseNew" })
    for (let chunk = 0; chunk < 400; chunk++) fill(buffer, chunk * 1_000)
    expect(onDisk()).toBeLessThanOrEqual(2 * MIB)
    const kept = numbersOf(buffer)
    expect(kept).toEqual(Array.from(kept, (_, i) => i + 1))
    expect(gapsIn(buffer.page(null, 10_000))).toMatchObject([
      {
        first: kept.length + 1,
        last: 400,
        samples: (400 - kept.length) * 1_000,
        fromMillis: kept.length * 1_000,
        toMillis: 399_999,
        reason: "refused",
      },
    ])
    // What the server takes makes room, and recording goes on behind the gap.
    buffer.acknowledge(buffer.own?.incarnation ?? "", 400)
    fill(buffer, 400_000)
    expect(buffer.page(null, 9)).toMatchObject([{ _tag: "Chunk", n: 401 }])
  })

  test("[bridge 23] over many rounds of filling and draining, file and log never grow beyond it", () => {
    const buffer = open({ maxBufferBytes: 2 * MIB })
    let most = 0
    for (let round = 0; round < 8; round++) {
      for (let chunk = 0; chunk < 120; chunk++) {
        fill(buffer, chunk * 1_000)
        most = Math.max(most, onDisk())
      }
      expect(buffer.backlog().gaps).toBe(0)
      buffer.acknowledge(buffer.own?.incarnation ?? "", buffer.own?.n ?? 0)
      buffer.settle()
      expect(buffer.backlog()).toMatchObject({ chunks: 0, bytes: 0, gaps: 0 })
    }
    expect(most).toBeLessThanOrEqual(2 * MIB)
    expect(onDisk()).toBeLessThan(1.5 * MIB)
  })

  test("[bridge 22] [bridge 23] whatever is recorded, acknowledged and restarted, nothing is unaccounted for and the cap holds", () => {
    const action = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ do: fc.constant("fill" as const), chunks: fc.integer({ min: 1, max: 15 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant("drain" as const), of: fc.double({ min: 0, max: 1, noNaN: true }) }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
    )
    let file = 0
    fc.assert(
      fc.property(
        fc.array(action, { minLength: 3, maxLength: 14 }),
        fc.constantFrom("evictOldest" as const, "refuseNew" as const),
        (actions, whenFull) => {
          const ours = join(folder, `${file++}.sqlite`)
          const options = { path: ours, maxBufferBytes: MIB, whenFull }
          let buffer = open(options)
          let [recorded, delivered, missing] = [0, 0, 0]
          const marks = new Map<string, number>()
          const drain = (most: number): void => {
            for (const item of buffer.page(null, most)) {
              const mark = marks.get(item.incarnation) ?? 0
              if (item._tag === "Chunk") {
                expect(item.n).toBe(mark + 1)
                delivered += samplesIn(item)
              } else {
                // A server takes a gap that begins no later than what it expects.
                expect(item.first).toBeLessThanOrEqual(mark + 1)
                expect(item.last).toBeGreaterThan(mark)
                missing += item.samples
              }
              marks.set(item.incarnation, item.n)
              buffer.acknowledge(item.incarnation, item.n)
            }
          }
          for (const act of actions) {
            if (act.do === "fill") {
              for (let i = 0; i < act.chunks; i++, recorded += 3_000) {
                fill(buffer, recorded, 3_000)
                expect(onDisk(ours)).toBeLessThanOrEqual(MIB)
              }
            } else if (act.do === "drain") drain(Math.ceil(act.of * buffer.backlog().chunks) + 1)
            else {
              buffer.close()
              buffer = open(options)
            }
          }
          drain(10_000)
          expect(delivered + missing).toBe(recorded)
          expect(buffer.backlog()).toEqual({ chunks: 0, bytes: 0, oldestAtMs: null, gaps: 0, gapSamples: 0 })
          buffer.close()
        },
      ),
      { seed: 20_261_120, numRuns: 10 },
    )
  })

  test("a flush that is larger than the cap keeps what fits of it, and the rest is a gap", () => {
    const buffer = open({ maxBufferBytes: MIB, whenFull: "refuseNew" })
    fill(buffer, 0, 200_000)
    expect(onDisk()).toBeLessThanOrEqual(MIB)
    const kept = numbersOf(buffer).length
    expect(kept).toBeGreaterThan(0)
    expect(gapsIn(buffer.page(null, 99))).toMatchObject([{ first: kept + 1, last: kept + 1, reason: "refused" }])
    expect(buffer.pendingSamples).toBe(0)
  })

  test("what was delivered and only kept for audits goes before anything that waits", () => {
    const buffer = open({ maxBufferBytes: 2 * MIB, keepDelivered: true })
    for (let chunk = 0; chunk < 120; chunk++) fill(buffer, chunk * 1_000)
    buffer.acknowledge(buffer.own?.incarnation ?? "", 120)
    for (let chunk = 0; chunk < 120; chunk++) fill(buffer, chunk * 1_000)
    expect(buffer.backlog()).toMatchObject({ chunks: 120, gaps: 0 })
    expect(onDisk()).toBeLessThanOrEqual(2 * MIB)
  })

  test("a file that is larger than a new, lower cap is brought below it", () => {
    const large = open()
    for (let chunk = 0; chunk < 400; chunk++) fill(large, chunk * 1_000)
    large.close()
    expect(onDisk()).toBeGreaterThan(3 * MIB)
    const buffer = open({ maxBufferBytes: 2 * MIB })
    fill(buffer, 400_000)
    fill(buffer, 401_000)
    expect(onDisk()).toBeLessThanOrEqual(2 * MIB)
    expect(chunksIn(buffer.page(null, 999)).length).toBeGreaterThan(100)
    expect(gapsIn(buffer.page(null, 999))).toMatchObject([{ first: 1, reason: "evicted" }])
  })

  test("below the least cap there is no buffer", () => {
    expect(() => open({ maxBufferBytes: 1_000 })).toThrow(RangeError)
  })

  test("the status tells the bytes on disk, never less than there are", () => {
    const buffer = open({ maxBufferBytes: 4 * MIB })
    for (let chunk = 0; chunk < 300; chunk++) {
      fill(buffer, chunk * 1_000)
      const { bytesOnDisk } = buffer.size()
      expect(bytesOnDisk).toBeGreaterThanOrEqual(onDisk())
      expect(bytesOnDisk).toBeLessThanOrEqual(4 * MIB)
    }
  })
})

describe("gaps", () => {
  test("what is on its way is spared, and its acknowledgement in the midst of evictions does no harm", () => {
    const buffer = open({ maxBufferBytes: MIB })
    for (let chunk = 0; chunk < 20; chunk++) fill(buffer, chunk * 1_000)
    const incarnation = buffer.own?.incarnation ?? ""
    // Ten are sent, and not acknowledged yet.
    expect(buffer.page(null, 10).map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    for (let chunk = 20; chunk < 120; chunk++) fill(buffer, chunk * 1_000)
    expect(buffer.acknowledge(incarnation, 10)).toBe(10)
    const [gap] = buffer.page({ opened: 1, n: 10 }, 1)
    expect(gap).toMatchObject({ _tag: "Gap", first: 11, reason: "evicted" })
    expect(buffer.acknowledge(incarnation, 5)).toBe(0)
    expect(buffer.waiting(9)).toEqual([{ incarnation, first: 11 }])
  })

  test("an acknowledgement for a number inside a gap leaves what the server does not know of", () => {
    const buffer = open({ maxBufferBytes: MIB })
    for (let chunk = 0; chunk < 120; chunk++) fill(buffer, chunk * 1_000)
    const [gap] = gapsIn(buffer.page(null, 1))
    const { incarnation = "", last = 0 } = gap ?? {}
    expect(last).toBeGreaterThan(40)
    expect(buffer.acknowledge(incarnation, 30)).toBe(0)
    expect(buffer.waiting(9)).toEqual([{ incarnation, first: 31 }])
    expect(buffer.page(null, 1)).toMatchObject([{ _tag: "Gap", first: 31, last }])
    buffer.acknowledge(incarnation, last)
    expect(buffer.waiting(9)).toEqual([{ incarnation, first: last + 1 }])
    expect(query("select * from gap")).toEqual([])
  })

  test("a gap that was handed out is not changed any more: later losses are another one", () => {
    const buffer = open({ maxBufferBytes: MIB, whenFull: "refuseNew" })
    for (let chunk = 0; chunk < 120; chunk++) fill(buffer, chunk * 1_000)
    const [sent] = gapsIn(buffer.page(null, 999))
    for (let chunk = 120; chunk < 130; chunk++) fill(buffer, chunk * 1_000)
    expect(gapsIn(buffer.page(null, 999))).toEqual([
      sent,
      expect.objectContaining({ first: 121, last: 130, samples: 10_000 }),
    ])
  })

  test("a gap survives a crash with the chunks around it, for it is written with them", () => {
    const buffer = open({ maxBufferBytes: MIB })
    for (let chunk = 0; chunk < 120; chunk++) fill(buffer, chunk * 1_000)
    const copy = join(folder, "crashed.sqlite")
    for (const suffix of ["", "-wal"]) copyFileSync(path + suffix, copy + suffix)
    const before = buffer.page(null, 999)
    const after = open({ path: copy, maxBufferBytes: MIB })
    expect(after.page(null, 999)).toEqual(before)
    expect(after.page(null, 1)).toEqual(before.slice(0, 1))
    // Another opening's losses are its own, even where they touch.
    for (let chunk = 0; chunk < 10; chunk++) fill(after, chunk * 1_000)
    const [first, second] = gapsIn(after.page(null, 999))
    expect(first).toEqual(gapsIn(before)[0])
    expect(second).toMatchObject({ first: (first?.last ?? 0) + 1, samples: 10_000 })
  })

  test("samples that memory had no room for become a gap as soon as the disk takes it, once", () => {
    let pages = 1_000
    const events: Array<BufferEvent> = []
    const buffer = open({
      driver: small(() => pages),
      maxPendingSamples: 3,
      now: () => 77,
      onEvent: (event) => events.push(event),
    })
    pages = 1
    for (let at = 1; at <= 8; at++) buffer.record("s", "power", at, Math.sin(at))
    expect(() => {
      for (let at = 0; at < 9_000; at++)
        buffer.recordRaw({ sensor: "s", source: "x", atMillis: at, bytes: new Uint8Array(99) })
      buffer.flush()
    }).toThrow(BufferFull)
    expect(buffer.lostSamples).toBe(5)
    pages = 1_000
    expect(buffer.flush()).toBe(2)
    expect(buffer.page(null, 9)).toMatchObject([
      { _tag: "Chunk", n: 1 },
      { _tag: "Gap", first: 2, last: 2, samples: 5, fromMillis: 4, toMillis: 8, reason: "refused" },
    ])
    expect(buffer.flush()).toBe(0)
    expect(buffer.lostSamples).toBe(5)
    expect(events).toEqual([{ _tag: "GapRecorded", reason: "refused", samples: 5, fromMillis: 4, toMillis: 8 }])
  })
})
