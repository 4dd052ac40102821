/**
 * How many columns and rows a wall has: those that make the tiles as large as they can be while all are seen at once.
 *
 * Pure geometry in CSS pixels. On a screen too small for that, a phone for example, the wall scrolls instead, in
 * columns of a readable width.
 *
 * @example
 * gridFor({ count: 40, width: 1540, height: 980, gap: 10 }) // { columns: 8, rows: 5, scrolls: false, … }
 */

export interface Room {
  readonly count: number
  readonly width: number
  /** Null where the page may grow downwards, as on a phone. */
  readonly height: number | null
  readonly gap: number
}

export interface Grid {
  readonly columns: number
  readonly rows: number
  readonly tileWidth: number
  readonly tileHeight: number
  /** True when the tiles do not all fit at a readable size. */
  readonly scrolls: boolean
}

/** Below this a tile cannot be read, however near one sits. */
const SMALLEST = { width: 96, height: 92 }

/** In a wall that scrolls. */
const SCROLLING = { width: 150, height: 140 }

/** A tile is drawn in units of the lesser of its width and this share of its height: wider is wasted, taller too. */
const HEIGHT_TO_WIDTH = 1.06

/** A tile taller than this looks empty; the rows then leave room above and below. */
const TALLEST = 1.08

/** Among grids that draw about as large, the one with the fewest empty places looks best. */
const AS_GOOD = 0.95

export const gridFor = ({ count, width, height, gap }: Room): Grid => {
  const all = Math.max(1, count)
  if (height === null) return scrolling(all, width, gap)
  const fitting: Array<Grid & { readonly unit: number }> = []
  for (let columns = 1; columns <= all; columns++) {
    const rows = Math.ceil(all / columns)
    const tileWidth = Math.floor((width - gap * (columns - 1)) / columns)
    const tileHeight = Math.min(Math.floor((height - gap * (rows - 1)) / rows), Math.floor(tileWidth * TALLEST))
    if (tileWidth < SMALLEST.width || tileHeight < SMALLEST.height) continue
    const unit = Math.min(tileWidth, tileHeight * HEIGHT_TO_WIDTH)
    fitting.push({ columns, rows, tileWidth, tileHeight, scrolls: false, unit })
  }
  const largest = Math.max(...fitting.map(({ unit }) => unit))
  const empty = ({ columns, rows }: Grid) => columns * rows - all
  const [best] = fitting
    .filter(({ unit }) => unit >= largest * AS_GOOD)
    .sort((a, b) => empty(a) - empty(b) || b.unit - a.unit)
  if (best === undefined) return scrolling(all, width, gap)
  const { unit: _, ...grid } = best
  return grid
}

const scrolling = (count: number, width: number, gap: number): Grid => {
  const columns = Math.max(1, Math.min(count, Math.floor((width + gap) / (SCROLLING.width + gap))))
  return {
    columns,
    rows: Math.ceil(count / columns),
    tileWidth: Math.floor((width - gap * (columns - 1)) / columns),
    tileHeight: SCROLLING.height,
    scrolls: true,
  }
}
