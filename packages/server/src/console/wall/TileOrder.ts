/** The order of the tiles. It does not follow the rank: people look for themselves where they were. */
import type { Tile } from "@paceline/client-sdk"

export type TileOrder = "joined" | "name" | "effort"

/** Reads `?sort=`; anything unknown means the order of joining. */
export const orderOf = (asked: string | null): TileOrder => (asked === "name" || asked === "effort" ? asked : "joined")

export const ordered = (tiles: ReadonlyArray<Tile>, order: TileOrder): ReadonlyArray<Tile> => {
  switch (order) {
    case "joined":
      return tiles
    case "name":
      return [...tiles].sort((a, b) => names.compare(a.alias, b.alias))
    case "effort":
      return [...tiles].sort((a, b) => b.effortPoints - a.effortPoints)
  }
}

const names = new Intl.Collator(undefined, { sensitivity: "base", numeric: true })
