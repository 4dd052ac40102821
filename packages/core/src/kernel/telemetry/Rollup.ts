/**
 * What samples come to by the second, minute or hour: how many, their sum, least and greatest, the first and the last.
 *
 * Buckets are aligned to the epoch, so to UTC, and are named by their number: bucket `b` of width `w` holds the instants
 * from `b * w` to before `(b + 1) * w`. They can be made of any part of the samples and merged, in any order, and come
 * to the same as if made of all of them at once (the sum to within rounding); so late samples are no special case. The
 * same samples must not be added twice.
 *
 * A value that is not finite counts for nothing. Of several samples at the first instant the least is the first, of
 * several at the last the greatest is the last, whatever order they came in.
 *
 * @example
 * const minutes: Rollup.Buckets = new Map()
 * Rollup.add(minutes, 60_000, block.atMillis, block.values)
 * const hours = Rollup.coarser(minutes, 60)
 */

export interface Bucket {
  readonly samples: number
  readonly sum: number
  readonly min: number
  readonly max: number
  readonly firstAtMillis: number
  readonly first: number
  readonly lastAtMillis: number
  readonly last: number
}

/** By their number. */
export type Buckets = Map<number, Bucket>

type Growing = { -readonly [Field in keyof Bucket]: Bucket[Field] }

/** The bucket that an instant is in. */
export const numberOf = (atMillis: number, widthMillis: number): number => Math.floor(atMillis / widthMillis)

/** Adds samples: times and values of the same length, in any order. */
export const add = (
  into: Buckets,
  widthMillis: number,
  atMillis: ReadonlyArray<number>,
  values: ReadonlyArray<number>,
): void => {
  // Samples come in runs of one bucket, so that it is looked up once a run.
  let current: Growing | undefined
  let number = Number.NaN
  let startMillis = 0
  let endMillis = 0
  for (let i = 0; i < atMillis.length; i++) {
    const at = atMillis[i] ?? Number.NaN
    const value = values[i] ?? Number.NaN
    if (value - value !== 0) continue
    if (current === undefined || at < startMillis || at >= endMillis) {
      if (current !== undefined) settle(into, number, current)
      number = numberOf(at, widthMillis)
      startMillis = number * widthMillis
      endMillis = startMillis + widthMillis
      current = {
        samples: 0,
        sum: 0,
        min: value,
        max: value,
        firstAtMillis: at,
        first: value,
        lastAtMillis: at,
        last: value,
      }
    }
    current.samples++
    current.sum += value
    if (value < current.min) current.min = value
    if (value > current.max) current.max = value
    if (at > current.lastAtMillis || (at === current.lastAtMillis && value > current.last)) {
      current.lastAtMillis = at
      current.last = value
    }
    if (at < current.firstAtMillis || (at === current.firstAtMillis && value < current.first)) {
      current.firstAtMillis = at
      current.first = value
    }
  }
  if (current !== undefined) settle(into, number, current)
}

const settle = (into: Buckets, number: number, bucket: Growing): void => {
  bucket.sum = finite(bucket.sum)
  const before = into.get(number)
  into.set(number, before === undefined ? bucket : merge(before, bucket))
}

/** Sums of the greatest numbers there are stay numbers. */
const finite = (sum: number): number => Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, sum))

/** Two parts of one bucket, or two neighbours as one. */
export const merge = (a: Bucket, b: Bucket): Bucket => {
  const first = a.firstAtMillis < b.firstAtMillis || (a.firstAtMillis === b.firstAtMillis && a.first <= b.first) ? a : b
  const last = a.lastAtMillis > b.lastAtMillis || (a.lastAtMillis === b.lastAtMillis && a.last >= b.last) ? a : b
  return {
    samples: a.samples + b.samples,
    sum: finite(a.sum + b.sum),
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    firstAtMillis: first.firstAtMillis,
    first: first.first,
    lastAtMillis: last.lastAtMillis,
    last: last.last,
  }
}

/** The same in buckets that are `factor` times as wide. */
export const coarser = (buckets: ReadonlyMap<number, Bucket>, factor: number): Buckets => {
  const wide: Buckets = new Map()
  for (const [number, bucket] of buckets) {
    const at = Math.floor(number / factor)
    const before = wide.get(at)
    wide.set(at, before === undefined ? bucket : merge(before, bucket))
  }
  return wide
}
