/**
 * Rendezvous hashing: which of several shards a key belongs to, so that a change of the shards moves as little as can be.
 *
 * Each shard draws a lot for each key, and the highest wins. A shard that joins takes keys only for itself, and evenly
 * from all others; those of one that leaves are spread evenly over the rest. A shard of twice the weight gets twice the
 * keys (C. Schindelhauer and G. Schomaker, "Weighted Distributed Hash Tables", 2005).
 *
 * @example
 * Rendezvous.choose("slot-17", { paris: 1, oslo: 2 })
 */
import * as Murmur3 from "./Murmur3.ts"

/** The weight of each shard: greater than 0, or 0 for one that shall get nothing more. */
export type Weights = Readonly<Record<string, number>>

/** The shard of the key; undefined when no shard has a weight. Stored data depends on it: it never changes. */
export const choose = (key: string, weights: Weights): string | undefined => {
  let chosen: string | undefined
  let highest = -1
  for (const [shard, weight] of Object.entries(weights)) {
    const score = lot(key, shard, weight)
    // Of equal lots, which 53 bits hardly draw, the first name wins, in whatever order the shards are given.
    if (score > highest || (score === highest && chosen !== undefined && shard < chosen)) {
      highest = score
      chosen = shard
    }
  }
  return chosen
}

/** -weight / ln(u), for a u in (0, 1) that the key and the shard's name draw. */
const lot = (key: string, shard: string, weight: number): number => {
  if (!(weight > 0)) return -1
  const [high, low] = Murmur3.ofText(`${key}\u0000${shard}`)
  const u = (high * 0x20_0000 + (low >>> 11) + 0.5) / 2 ** 53
  return -weight / Math.log(u)
}
