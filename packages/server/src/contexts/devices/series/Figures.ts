/**
 * What is told of a bucket of each kind, and how it is worked out of what the bucket holds.
 *
 * Of most kinds the mean says what there was. Of what only stands somewhere (a position, an altitude) the last counts;
 * of what runs up (steps, distance) it is how much more there is than before; of intervals between beats the sum is the
 * time that they fill.
 */
import type { BucketColumns } from "@paceline/core/contract"
import type { Rollup } from "@paceline/core/kernel"

type Figure = "mean" | "sum" | "last" | "increase"

const FIGURES: Readonly<Record<string, ReadonlyArray<Figure>>> = {
  rrInterval: ["mean", "sum"],
  // A mean of longitudes would lie on the other side of the world where they pass 180 degrees.
  latitude: ["last"],
  longitude: ["last"],
  altitude: ["mean", "last"],
  distance: ["last", "increase"],
  steps: ["last", "increase"],
  activity: ["last"],
}

/** What is told of a kind, beside how many samples there are, the least and the greatest. */
export const figuresOf = (kind: string): ReadonlyArray<Figure> => {
  if (kind.startsWith("custom:")) return ["mean", "last"]
  return (Object.hasOwn(FIGURES, kind) ? FIGURES[kind] : undefined) ?? ["mean"]
}

/** A part of a bucket, or all of it, that one source gave. Parts come in the order of time. */
export interface Part {
  /** Which source gave it. */
  readonly source: number
  /** The number of the bucket that it belongs to. */
  readonly number: number
  readonly bucket: Rollup.Bucket
}

/**
 * How much a counter rose within a bucket. A counter that is greater than at its last was set back to 0 once: then what
 * it rose before and after counts.
 */
const riseWithin = ({ first, last, max }: Rollup.Bucket): number => (max > last ? max - first + last : last - first)

/**
 * From one part to the next. One that is less was set back to 0 between; what another source counted meanwhile is not
 * counted again.
 */
const riseBetween = (before: Part | undefined, { bucket: { first }, source }: Part): number => {
  if (before === undefined || before.source !== source) return 0
  return first >= before.bucket.last ? first - before.bucket.last : first
}

interface Column {
  readonly number: number
  readonly samples: number
  readonly sum: number
  readonly min: number
  readonly max: number
  readonly last: number
  readonly increase: number
  readonly from: number
  /** How many samples the source that gave most of it gave. */
  readonly most: number
}

/** The buckets of one series, from parts of them in the order of time. */
const gather = (parts: ReadonlyArray<Part>): ReadonlyArray<Column> => {
  const columns: Array<Column> = []
  let counts = new Map<number, number>()
  for (const [i, part] of parts.entries()) {
    const { bucket, number, source } = part
    const rise = riseWithin(bucket) + riseBetween(parts[i - 1], part)
    const before = columns.at(-1)
    if (before === undefined || before.number !== number) {
      counts = new Map([[source, bucket.samples]])
      const { last, max, min, samples, sum } = bucket
      columns.push({ number, samples, sum, min, max, last, increase: rise, from: source, most: samples })
      continue
    }
    const own = (counts.get(source) ?? 0) + bucket.samples
    counts.set(source, own)
    columns[columns.length - 1] = {
      number,
      samples: before.samples + bucket.samples,
      sum: before.sum + bucket.sum,
      min: Math.min(before.min, bucket.min),
      max: Math.max(before.max, bucket.max),
      last: bucket.last,
      increase: before.increase + rise,
      from: own > before.most ? source : before.from,
      most: Math.max(before.most, own),
    }
  }
  return columns
}

/** The columns of a series; `source` is null where it was merged of several. */
export const columnsOf = (
  kind: string,
  unit: string,
  source: number | null,
  widthMillis: number,
  parts: ReadonlyArray<Part>,
): BucketColumns => {
  const columns = gather(parts)
  const figures = figuresOf(kind)
  const of = (figure: Figure): Partial<Record<Figure, ReadonlyArray<number>>> =>
    figures.includes(figure)
      ? { [figure]: columns.map((column) => (figure === "mean" ? column.sum / column.samples : column[figure])) }
      : {}
  return {
    source,
    unit,
    atMs: columns.map(({ number }) => number * widthMillis),
    samples: columns.map(({ samples }) => samples),
    min: columns.map(({ min }) => min),
    max: columns.map(({ max }) => max),
    ...of("mean"),
    ...of("sum"),
    ...of("last"),
    ...of("increase"),
    ...(source === null ? { from: columns.map(({ from }) => from) } : {}),
  }
}
