/** What a tile shows, decided once: every part of it follows from its look. */
import type { Tile } from "@paceline/client-sdk"

export type TileLook =
  /** A fresh heart rate in its zone. */
  | "zone"
  /** A heart rate that is some seconds old. */
  | "stale"
  /** Nothing heard for so long that a number would mislead. */
  | "lost"
  /** Paired, but no reading came yet. */
  | "waiting"
  /** The athlete does not show the heart rate. */
  | "private"
  /** The workout is over; the points are final. */
  | "finished"

export const lookOf = (tile: Tile): TileLook => {
  if (tile.contact === "finished") return "finished"
  if (tile.sensedAtMs === null) return "waiting"
  if (tile.contact === "lost") return "lost"
  if (!tile.heartRateVisible) return "private"
  if (tile.zone === null || tile.heartRateBpm === null) return "waiting"
  return tile.contact === "stale" ? "stale" : "zone"
}

/** An alias is set as large as its letters allow; a long one stands in two lines before it is ever cut. */
export const aliasFit = (alias: string): { readonly letters: number; readonly lines: 1 | 2 } => {
  const letters = Math.max(1, [...alias].length)
  return letters <= LONGEST_LINE ? { letters, lines: 1 } : { letters: Math.ceil(letters * 0.62), lines: 2 }
}

const LONGEST_LINE = 12
