/**
 * One series out of several that measured the same: the best source counts, and the others fill its gaps.
 *
 * A gap is where the best has said nothing for longer than a sample holds; there the next best speaks, and what it leaves
 * open is for the one after it. No moment is counted twice. Which source each stretch came from is told beside it.
 *
 * @example
 * FilledSeries.of([{ source: "strap", … }, { source: "watch", … }], 5_000).parts
 * // [{ source: "strap", fromMs, toMs, samples: 1200 }, { source: "watch", … the two minutes that the strap missed }]
 */

export interface SourceSeries {
  readonly source: string
  /** Milliseconds since the epoch, already moved to the common clock; in any order. */
  readonly atMillis: ReadonlyArray<number>
  readonly values: ReadonlyArray<number>
}

/** A stretch that one source gave. */
export interface Part {
  readonly source: string
  /** Its first and its last sample, milliseconds since the epoch. */
  readonly fromMs: number
  readonly toMs: number
  readonly samples: number
}

export interface FilledSeries {
  /** Growing. */
  readonly atMillis: ReadonlyArray<number>
  readonly values: ReadonlyArray<number>
  /** Who gave what, in the order of time: without overlap, and without gaps but those that nobody filled. */
  readonly parts: ReadonlyArray<Part>
}

interface Sample {
  readonly atMs: number
  readonly value: number
  readonly source: string
}

/** @param best first. @param holdMillis how long a sample speaks for when no other follows */
export const of = (best: ReadonlyArray<SourceSeries>, holdMillis: number): FilledSeries => {
  let filled: ReadonlyArray<Sample> = []
  for (const series of best) filled = fill(filled, inOrder(series), holdMillis)
  return {
    atMillis: filled.map(({ atMs }) => atMs),
    values: filled.map(({ value }) => value),
    parts: partsOf(filled),
  }
}

/** By time; of several at one moment the first, as `EffortPoints` has it. */
const inOrder = ({ atMillis, source, values }: SourceSeries): ReadonlyArray<Sample> => {
  const samples = atMillis
    .flatMap((atMs, i): ReadonlyArray<Sample> => {
      const value = values[i]
      return value === undefined ? [] : [{ atMs, value, source }]
    })
    .toSorted((a, b) => a.atMs - b.atMs)
  return samples.filter(({ atMs }, i) => i === 0 || samples[i - 1]?.atMs !== atMs)
}

const fill = (
  better: ReadonlyArray<Sample>,
  worse: ReadonlyArray<Sample>,
  holdMillis: number,
): ReadonlyArray<Sample> => {
  const filled: Array<Sample> = []
  let next = 0
  for (const sample of worse) {
    for (let one = better[next]; one !== undefined && one.atMs <= sample.atMs; one = better[++next]) filled.push(one)
    const before = better[next - 1]
    const after = better[next]
    const startsGap = before === undefined || sample.atMs - before.atMs > holdMillis
    const inGap = before === undefined || after === undefined || after.atMs - before.atMs > holdMillis
    if (startsGap && inGap) filled.push(sample)
  }
  filled.push(...better.slice(next))
  return filled
}

const partsOf = (samples: ReadonlyArray<Sample>): ReadonlyArray<Part> => {
  const parts: Array<{ source: string; fromMs: number; toMs: number; samples: number }> = []
  for (const { atMs, source } of samples) {
    const last = parts.at(-1)
    if (last?.source === source) {
      last.toMs = atMs
      last.samples++
    } else {
      parts.push({ source, fromMs: atMs, toMs: atMs, samples: 1 })
    }
  }
  return parts
}
