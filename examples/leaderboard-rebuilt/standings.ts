/** Standings: how they look on the terminal, and when two are the same. */

export interface Standing {
  readonly rider: string
  readonly points: number
  readonly metres: number
  readonly laps: number
}

const SHOWN = 5

export const show = (standings: ReadonlyArray<Standing>): void => {
  for (const [i, { laps, metres, points, rider }] of standings.slice(0, SHOWN).entries()) {
    const bar = "█".repeat(Math.round((20 * points) / (standings[0]?.points ?? 1)))
    console.log(
      `  ${i + 1}. ${rider} ${String(points).padStart(5)} points ${String(laps).padStart(4)} laps ${(metres / 1_000).toFixed(1).padStart(6)} km ${bar}`,
    )
  }
  console.log(`  … and ${Math.max(0, standings.length - SHOWN)} more`)
}

/** Equal to the last lap. */
export const same = (a: ReadonlyArray<Standing>, b: ReadonlyArray<Standing>): boolean =>
  a.length === b.length &&
  a.every((standing, i) => {
    const other = b[i]
    return (
      other !== undefined &&
      standing.rider === other.rider &&
      standing.points === other.points &&
      standing.metres === other.metres &&
      standing.laps === other.laps
    )
  })
