/**
 * For how long nothing was heard of each athlete.
 *
 * A tile says when its reading was sensed, on the bridge's clock, which may be wrong. So the age of a reading that
 * this screen saw arrive is measured from its arrival; only a reading that was there before the screen looked is
 * dated by what it says itself.
 *
 * @example
 * silence = heard(silence, tiles, Date.now())
 * const sinceMs = silence.get(athleteId)?.sinceMs
 */
import type { Tile } from "@paceline/client-sdk"

interface Heard {
  /** The reading's own time, as sent. */
  readonly sensedAtMs: number | null
  /** Since when nothing newer came, on this screen's clock; null when there never was a reading. */
  readonly sinceMs: number | null
}

export type Silence = ReadonlyMap<string, Heard>

export const none: Silence = new Map()

/** What is known after these tiles were seen at `now`. Unchanged athletes keep their entry. */
export const heard = (before: Silence, tiles: ReadonlyArray<Tile>, now: number): Silence => {
  const after = new Map<string, Heard>()
  for (const tile of tiles) {
    const known = before.get(tile.athleteId)
    const same = known !== undefined && known.sensedAtMs === tile.sensedAtMs
    after.set(tile.athleteId, same ? known : { sensedAtMs: tile.sensedAtMs, sinceMs: since(known, tile, now) })
  }
  return after
}

const since = (known: Heard | undefined, { sensedAtMs, contact }: Tile, now: number): number | null => {
  if (sensedAtMs === null) return null
  // Seen to change and fresh: it arrived now. Otherwise it says its own age; but nothing is from the future.
  return known !== undefined && contact === "live" ? now : Math.min(sensedAtMs, now)
}
