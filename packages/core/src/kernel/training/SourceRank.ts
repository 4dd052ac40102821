/**
 * Which source to believe where several measured the same: a strap and a watch worn at once, a ride that the phone and
 * the bike both recorded.
 *
 * The order is that of how directly each measures. A chest strap reads the heart's electricity; a pod or power meter is
 * made for its one quantity; a machine knows its own belt and flywheel; a watch sees blood through skin, and GPS; a
 * phone is carried, not worn; a file may be anything, and came later. What nobody has named comes last. An order can be
 * set for all kinds, and for some of them.
 *
 * @example
 * SourceRank.best(SourceRank.standard, "heartRate", [{ source: "watch" }, { source: "strap" }], ({ source }) => source)
 * SourceRank.fromName("strap-07")   // "strap"
 */

export const SOURCES = ["strap", "sensor", "machine", "watch", "phone", "file", "unknown"] as const

/**
 * What measured: a heart-rate strap or armband of its own, another sensor made for one quantity (a foot pod, a power
 * meter), a fitness machine, a watch, a phone, or what a file says.
 */
export type Source = (typeof SOURCES)[number]

export interface Ranking {
  /** The best first. A source that is not named comes behind those that are. */
  readonly order: ReadonlyArray<Source>
  /** For some kinds of sensor, such as `steps`, another order. */
  readonly byKind: Readonly<Record<string, ReadonlyArray<Source>>>
}

/** Steps are what the wrist counts best: a treadmill counts its own only, and a phone lies on the table. */
export const standard: Ranking = {
  order: SOURCES,
  byKind: { steps: ["sensor", "watch", "phone", "machine", "strap", "file", "unknown"] },
}

/** The place of a source in the order, 0 for the best. */
export const rankOf = (ranking: Ranking, kind: string, source: Source): number => {
  const own = Object.hasOwn(ranking.byKind, kind) ? ranking.byKind[kind] : undefined
  const order = own ?? ranking.order
  const place = order.indexOf(source)
  return place < 0 ? order.length + SOURCES.indexOf(source) : place
}

/** A copy with the best first; those of the same rank keep their order. */
export const sorted = <A>(
  ranking: Ranking,
  kind: string,
  items: ReadonlyArray<A>,
  sourceOf: (item: A) => Source,
): ReadonlyArray<A> => items.toSorted((a, b) => rankOf(ranking, kind, sourceOf(a)) - rankOf(ranking, kind, sourceOf(b)))

/** The best of them, the first of several that are as good; undefined of none. */
export const best = <A>(
  ranking: Ranking,
  kind: string,
  items: ReadonlyArray<A>,
  sourceOf: (item: A) => Source,
): A | undefined => sorted(ranking, kind, items, sourceOf)[0]

const WORDS: Readonly<Record<string, Source>> = {
  strap: "strap",
  hrm: "strap",
  armband: "strap",
  sensor: "sensor",
  pod: "sensor",
  footpod: "sensor",
  powermeter: "sensor",
  machine: "machine",
  treadmill: "machine",
  bike: "machine",
  rower: "machine",
  crosstrainer: "machine",
  trainer: "machine",
  watch: "watch",
  phone: "phone",
  gps: "phone",
  file: "file",
  files: "file",
  fit: "file",
  gpx: "file",
  tcx: "file",
}

/**
 * What a sensor's name says it is, by its first word: `strap-07`, `Treadmill 3`, `watch`. For sensors of which nobody
 * said it otherwise.
 */
export const fromName = (sensor: string): Source => {
  const word = /^[a-z]+/i.exec(sensor)?.[0].toLowerCase() ?? ""
  return (Object.hasOwn(WORDS, word) ? WORDS[word] : undefined) ?? "unknown"
}
