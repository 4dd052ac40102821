/**
 * How many records to try together, so that the one that cannot be handled is found quickly and the rest is handled in
 * large batches.
 *
 * After a failure half of the batch is tried, and half of what is left under suspicion after that, so the culprit among
 * n records is alone after log₂ n attempts, and all before it are done. Once the suspects are through, the size doubles
 * with each success until it is what it was.
 *
 * @example
 * let size = BatchSize.make(200)
 * size = BatchSize.failed(size, 200) // size.limit is 100
 * size = BatchSize.succeeded(size, 100) // the culprit is among the other 100: size.limit is 50
 */

export interface BatchSize {
  readonly largest: number
  /** At most so many next. */
  readonly limit: number
  /** So many of the next records hold one that failed. */
  readonly suspects: number
}

export const make = (largest: number): BatchSize => ({ largest, limit: largest, suspects: 0 })

/** A batch of `count` failed and will be read again. One record alone that failed is the culprit: it was found. */
export const failed = ({ largest }: BatchSize, count: number): BatchSize =>
  count <= 1 ? { largest, limit: 1, suspects: 0 } : { largest, limit: half(count), suspects: count }

/** A batch of `count` is done. */
export const succeeded = (size: BatchSize, count: number): BatchSize => {
  const { largest, limit } = size
  const suspects = Math.max(0, size.suspects - count)
  if (suspects > 0) return { largest, limit: half(suspects), suspects }
  return limit === largest && size.suspects === 0
    ? size
    : { largest, limit: Math.min(largest, Math.max(limit, count) * 2), suspects: 0 }
}

const half = (count: number): number => Math.max(1, Math.floor(count / 2))
