/**
 * Which records of a log have been taken, by the log's own numbers: a set that is as long as it has holes.
 *
 *     const taken = RecordRanges.parse(cursor)            // "0-511,600-712"
 *     if (!RecordRanges.has(taken, record.index)) store(record, RecordRanges.add(taken, record.index))
 *
 * Records may come in any order, in pages that overlap, newest first. At most `MAX_RANGES` are kept: beyond, the
 * lowest hole is closed, so that a log whose numbers have gaps everywhere cannot grow its cursor for ever. Pure.
 */

/** Ascending, apart from each other by at least one number that is missing. */
export type RecordRanges = ReadonlyArray<readonly [first: number, last: number]>

export const MAX_RANGES = 512

export const empty: RecordRanges = []

export const has = (ranges: RecordRanges, index: number): boolean => {
  const [first, last] = ranges[before(ranges, index)] ?? [0, -1]
  return first <= index && index <= last
}

/** The set with `index` in it: a whole number from 0. @throws RangeError for any other */
export const add = (ranges: RecordRanges, index: number): RecordRanges => {
  if (!Number.isSafeInteger(index) || index < 0) throw new RangeError(`a record's index is ${index}`)
  if (has(ranges, index)) return ranges
  const at = before(ranges, index)
  const lower = ranges[at]
  const upper = ranges[at + 1]
  const joinsLower = lower !== undefined && lower[1] === index - 1
  const joinsUpper = upper !== undefined && upper[0] === index + 1
  const joined = [joinsLower ? lower[0] : index, joinsUpper ? upper[1] : index] as const
  const all = [...ranges.slice(0, joinsLower ? at : at + 1), joined, ...ranges.slice(joinsUpper ? at + 2 : at + 1)]
  const [first, second, ...rest] = all
  if (all.length <= MAX_RANGES || first === undefined || second === undefined) return all
  return [[first[0], second[1]], ...rest]
}

export const format = (ranges: RecordRanges): string => ranges.map(([first, last]) => `${first}-${last}`).join(",")

/** What `format` gave; undefined for any other text. */
export const parse = (text: string): RecordRanges | undefined => {
  if (text === "") return empty
  const ranges: Array<readonly [number, number]> = []
  for (const part of text.split(",")) {
    const [, first, last] = /^(\d{1,16})-(\d{1,16})$/.exec(part) ?? []
    if (first === undefined || last === undefined) return undefined
    const range = [Number(first), Number(last)] as const
    const lowest = (ranges.at(-1)?.[1] ?? -2) + 2
    if (!Number.isSafeInteger(range[1]) || range[0] > range[1] || range[0] < lowest) return undefined
    ranges.push(range)
  }
  return ranges
}

/** The place of the last range that begins at or below `index`; -1 when none does. */
const before = (ranges: RecordRanges, index: number): number => {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ranges[middle]?.[0] ?? 0) <= index) low = middle + 1
    else high = middle
  }
  return low - 1
}
