import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { gridFor } from "./TileGrid.ts"

describe("on a television of 1920 × 1080", () => {
  it.each([
    [1, 1, 1],
    [2, 2, 1],
    [3, 3, 1],
    [4, 2, 2],
    [12, 4, 3],
    [40, 8, 5],
    [60, 10, 6],
  ])("%i athletes stand in %i columns and %i rows", (count, columns, rows) => {
    expect(gridFor({ count, width: 1540, height: 990, gap: 10 })).toMatchObject({ columns, rows, scrolls: false })
  })
})

describe("on a phone of 390 × 844", () => {
  it.each([2, 12, 40, 60])("%i athletes stand in two columns that scroll", (count) => {
    expect(gridFor({ count, width: 370, height: null, gap: 8 })).toMatchObject({ columns: 2, scrolls: true })
  })

  it("one athlete has the whole width", () => {
    expect(gridFor({ count: 1, width: 370, height: null, gap: 8 })).toMatchObject({ columns: 1, tileWidth: 370 })
  })
})

it("sixty athletes in a small window scroll rather than shrink to nothing", () => {
  expect(gridFor({ count: 60, width: 700, height: 400, gap: 8 })).toMatchObject({ columns: 4, scrolls: true })
})

describe("on any screen", () => {
  const room = fc.record({
    count: fc.integer({ min: 0, max: 60 }),
    width: fc.integer({ min: 320, max: 3840 }),
    height: fc.option(fc.integer({ min: 320, max: 2160 })),
    gap: fc.integer({ min: 0, max: 20 }),
  })

  it("every athlete has a place, and nothing stands outside", () => {
    fc.assert(
      fc.property(room, ({ count, width, height, gap }) => {
        const { columns, rows, tileWidth, tileHeight, scrolls } = gridFor({ count, width, height, gap })
        expect(columns * rows).toBeGreaterThanOrEqual(count)
        expect(columns * (rows - 1)).toBeLessThan(Math.max(1, count))
        expect(columns * tileWidth + gap * (columns - 1)).toBeLessThanOrEqual(width)
        if (!scrolls) expect(rows * tileHeight + gap * (rows - 1)).toBeLessThanOrEqual(height ?? 0)
        expect(Math.min(tileWidth, tileHeight)).toBeGreaterThanOrEqual(92)
      }),
      { seed: 4, numRuns: 1_000 },
    )
  })
})
