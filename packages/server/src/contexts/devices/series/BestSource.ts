/**
 * One series of several sources: each minute is that of the best source that has samples in it.
 *
 * By the minute, and not by the sample, so that a series does not flicker between a strap and a watch whose beats come
 * in turns; and at every resolution by the same minutes, so that an hour is what its minutes are.
 */
import { Rollup } from "@paceline/core/kernel"
import type { Part } from "./Figures.ts"

/** Buckets of several sources, the best source first. */
export type Ranked = ReadonlyArray<{ readonly source: number; readonly buckets: ReadonlyMap<number, Rollup.Bucket> }>

/** Of each bucket the part of the best source that has it, in the order of time. */
export const bestParts = (ranked: Ranked): ReadonlyArray<Part> => {
  const parts = new Map<number, Part>()
  for (const { buckets, source } of ranked) {
    for (const [number, bucket] of buckets) if (!parts.has(number)) parts.set(number, { source, number, bucket })
  }
  return Array.from(parts.values()).sort((a, b) => a.number - b.number)
}

/** The numbers of the buckets that more than one source has. */
const contestedNumbers = (ranked: Ranked): ReadonlySet<number> => {
  const seen = new Set<number>()
  const contested = new Set<number>()
  for (const { buckets } of ranked) {
    for (const number of buckets.keys()) (seen.has(number) ? contested : seen).add(number)
  }
  return contested
}

/** The buckets that more than one source has, as few ranges from a number to another, in order. */
export const contested = (ranked: Ranked): ReadonlyArray<{ readonly first: number; readonly last: number }> => {
  const ranges: Array<{ first: number; last: number }> = []
  for (const number of Array.from(contestedNumbers(ranked)).sort((a, b) => a - b)) {
    const range = ranges.at(-1)
    if (range !== undefined && range.last === number - 1) range.last = number
    else ranges.push({ first: number, last: number })
  }
  return ranges
}

/**
 * The parts of wide buckets: whole where one source alone has the bucket, and else of those minutes that are each
 * source's.
 *
 * @param factor how many minutes make a bucket
 * @param minutes of the contested buckets, the buckets of a minute, the best source first
 */
export const widePartsOf = (ranked: Ranked, factor: number, minutes: Ranked): ReadonlyArray<Part> => {
  const shared = contestedNumbers(ranked)
  const whole = bestParts(ranked).filter(({ number }) => !shared.has(number))
  const cut = bestParts(minutes)
    .map((part) => ({ ...part, number: Math.floor(part.number / factor) }))
    .filter(({ number }) => shared.has(number))
  return [...whole, ...cut].sort((a, b) => a.number - b.number || a.bucket.firstAtMillis - b.bucket.firstAtMillis)
}

/** Whose each minute is. */
export const ownersOf = (minutes: Ranked): ReadonlyMap<number, number> =>
  new Map(bestParts(minutes).map(({ number, source }) => [number, source]))

const MINUTE = 60_000

/** Whether a sample is one of the best: of the source that its minute is of. */
export const isOwn = (owners: ReadonlyMap<number, number>, source: number, atMs: number): boolean =>
  owners.get(Rollup.numberOf(atMs, MINUTE)) === source
