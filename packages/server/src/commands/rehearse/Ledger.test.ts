import type { SensorKind } from "@paceline/core/wire"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Ledger from "./Ledger.ts"

type Block = Ledger.LedgerChunk["bundle"][number]

const block = fc
  .record({
    sensor: fc.constantFrom("strap-01", "strap-02"),
    kind: fc.constantFrom("heartRate" as const, "rrInterval" as const, "power" as const),
    // Few different times and values, so that equal samples are common.
    samples: fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 60, max: 63 })), { maxLength: 6 }),
  })
  .map(
    ({ sensor, kind, samples }): Block => ({
      sensor,
      kind,
      atMillis: samples.map(([at]) => at),
      values: samples.map(([, value]) => value),
    }),
  )

/** Chunks numbered 1, 2, 3 … within two incarnations, at least one sample in all. */
const chunks = fc
  .array(fc.tuple(fc.constantFrom("aa", "bb"), fc.array(block, { maxLength: 3 })), { minLength: 1, maxLength: 8 })
  .map((list): ReadonlyArray<Ledger.LedgerChunk> => {
    const n = new Map<string, number>()
    return list.map(([incarnation, bundle]) => {
      n.set(incarnation, (n.get(incarnation) ?? 0) + 1)
      return { incarnation, n: n.get(incarnation) ?? 0, bundle }
    })
  })
  .filter((list) => list.some(({ bundle }) => bundle.some((b) => b.atMillis.length > 0)))

const count = (list: ReadonlyArray<Ledger.LedgerChunk>): number =>
  list.reduce((sum, { bundle }) => sum + [...Ledger.samplesOf(bundle)].length, 0)

/** The list with the `pick`th sample of all changed by `change`, which gives the samples to put in its place. */
const plant = (
  list: ReadonlyArray<Ledger.LedgerChunk>,
  pick: number,
  change: (at: number, value: number) => ReadonlyArray<readonly [number, number]>,
): ReadonlyArray<Ledger.LedgerChunk> => {
  let i = -1
  const target = pick % count(list)
  return list.map((chunk) => ({
    ...chunk,
    bundle: chunk.bundle.map((b): Block => {
      const samples = b.atMillis.flatMap((at, j) => {
        i++
        const value = b.values[j]!
        return i === target ? change(at, value) : [[at, value] as const]
      })
      return { ...b, atMillis: samples.map(([at]) => at), values: samples.map(([, value]) => value) }
    }),
  }))
}

const one = (
  sensor: string,
  kind: SensorKind.SensorKind,
  ...samples: ReadonlyArray<readonly [number, number]>
): Block => ({
  sensor,
  kind,
  atMillis: samples.map(([at]) => at),
  values: samples.map(([, value]) => value),
})

describe("comparing what was recorded with what was stored", () => {
  it("finds nothing when both hold the same, in whatever order", () => {
    fc.assert(
      fc.property(chunks, (list) => {
        const stored = [...list].reverse().map((chunk) => ({ ...chunk, bundle: [...chunk.bundle].reverse() }))
        const found = Ledger.compare(list, stored)
        expect(found).toEqual({
          samplesRecorded: count(list),
          samplesStored: count(list),
          lost: 0,
          duplicated: 0,
          altered: 0,
          findings: [],
        })
      }),
    )
  })

  it("finds a planted lost sample", () => {
    fc.assert(
      fc.property(chunks, fc.nat(), (list, pick) => {
        const found = Ledger.compare(
          list,
          plant(list, pick, () => []),
        )
        expect([found.lost, found.duplicated, found.altered, found.findings.length]).toEqual([1, 0, 0, 1])
      }),
    )
  })

  it("finds a planted doubled sample", () => {
    fc.assert(
      fc.property(chunks, fc.nat(), (list, pick) => {
        const found = Ledger.compare(
          list,
          plant(list, pick, (at, value) => [
            [at, value],
            [at, value],
          ]),
        )
        expect([found.lost, found.duplicated, found.altered]).toEqual([0, 1, 0])
      }),
    )
  })

  it("finds a planted altered sample: one lost, and one that nobody recorded", () => {
    fc.assert(
      fc.property(chunks, fc.nat(), fc.boolean(), (list, pick, inTime) => {
        const found = Ledger.compare(
          list,
          plant(list, pick, (at, value) => [inTime ? [at + 1000, value] : [at, value + 0.5]]),
        )
        expect([found.lost, found.duplicated, found.altered]).toEqual([1, 0, 1])
      }),
    )
  })

  it("finds a chunk that was stored again under another number: all its samples are duplicates", () => {
    fc.assert(
      fc.property(chunks, (list) => {
        const again = list.find((chunk) => count([chunk]) > 0)!
        const found = Ledger.compare(list, [...list, { ...again, n: 1000 }])
        expect([found.lost, found.duplicated, found.altered]).toEqual([0, count([again]), 0])
      }),
    )
  })

  it("tells values apart that only print alike", () => {
    const chunk = (value: number) => [{ incarnation: "aa", n: 1, bundle: [one("s", "speed", [1, value])] }]
    expect(Ledger.compare(chunk(0), chunk(-0)).lost).toBe(1)
    expect(Ledger.compare(chunk(Number.NaN), chunk(Number.NaN)).lost).toBe(0)
  })
})

describe("checking what was recorded against what the straps said", () => {
  const said = (from: number, to: number): ReadonlyArray<Ledger.Sample> =>
    Array.from({ length: to - from + 1 }, (_, i) => ({
      sensor: "s",
      kind: "heartRate",
      atMillis: (from + i) * 1000,
      value: 90 + from + i,
    }))
  const chunk = (incarnation: string, n: number, samples: ReadonlyArray<Ledger.Sample>): Ledger.LedgerChunk => ({
    incarnation,
    n,
    bundle: [one("s", "heartRate", ...samples.map(({ atMillis, value }) => [atMillis, value] as const))],
  })

  it("is content with a bridge that was away between two incarnations, and says what nobody heard", () => {
    const recorded = [chunk("aa", 1, said(2, 4)), chunk("aa", 2, said(5, 9)), chunk("bb", 1, said(13, 20))]
    const check = Ledger.checkSource(recorded, said(1, 20))
    expect(check).toEqual({ invented: 0, skipped: 0, unheard: 4, findings: [] })
  })

  it("finds a hole inside an incarnation", () => {
    const recorded = [chunk("aa", 1, said(1, 4)), chunk("aa", 2, said(6, 20))]
    expect(Ledger.checkSource(recorded, said(1, 20))).toMatchObject({ invented: 0, skipped: 1, unheard: 0 })
  })

  it("finds a stream whose end is missing", () => {
    expect(Ledger.checkSource([chunk("aa", 1, said(1, 18))], said(1, 20))).toMatchObject({ skipped: 1, unheard: 1 })
  })

  it("finds a stream that was never recorded", () => {
    expect(Ledger.checkSource([], said(1, 20))).toMatchObject({ skipped: 1, unheard: 19 })
  })

  it("finds what was recorded but never said, and what was recorded twice", () => {
    const all = said(1, 20)
    const other = chunk("bb", 1, [{ sensor: "s", kind: "heartRate", atMillis: 3000, value: 200 }])
    expect(Ledger.checkSource([chunk("aa", 1, all), other], all)).toMatchObject({ invented: 1, skipped: 0 })
    expect(Ledger.checkSource([chunk("aa", 1, all), chunk("bb", 1, said(20, 20))], all)).toMatchObject({ invented: 1 })
  })
})
