/**
 * Metrics as text, for Prometheus and whatever reads what it reads: OpenMetrics 1.0, or the older Prometheus format 0.0.4
 * for those that do not ask for the new one. The two differ in how a counter is announced, and in the last line.
 *
 * Names and labels are made valid, families are written together and once, and values are written exactly.
 *
 * @see https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
export type Labels = ReadonlyArray<readonly [name: string, value: string]>

type Single = { readonly labels: Labels; readonly value: number | bigint }

interface Distribution {
  readonly labels: Labels
  /** How many were at most so great, each bucket with all before it; the last one is infinite. */
  readonly buckets: ReadonlyArray<readonly [upTo: number, count: number]>
  readonly count: number
  readonly sum: number
}

interface Quantiles {
  readonly labels: Labels
  readonly quantiles: ReadonlyArray<readonly [quantile: number, value: number]>
  readonly count: number
  readonly sum: number
}

/** All series of one name. A counter's name may end in `_total` or not. */
export type Family = { readonly name: string; readonly help: string } & (
  | { readonly type: "counter" | "gauge"; readonly series: ReadonlyArray<Single> }
  | { readonly type: "histogram"; readonly series: ReadonlyArray<Distribution> }
  | { readonly type: "summary"; readonly series: ReadonlyArray<Quantiles> }
)

export type Format = "openmetrics" | "prometheus"

export const contentType: Readonly<Record<Format, string>> = {
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
}

/** What a request's `Accept` asks for. */
export const formatFor = (accept: string | null): Format =>
  accept?.includes("application/openmetrics-text") === true ? "openmetrics" : "prometheus"

const valid = (name: string): string => name.replace(/[^a-zA-Z0-9_]/g, "_").replace(/^(?=\d)/, "_")

const escaped = (text: string): string =>
  text.replace(/[\\"\n]/g, (letter) => (letter === "\n" ? "\\n" : `\\${letter}`))

const helpOf = (text: string): string => escaped(text).replaceAll('\\"', '"')

const numberOf = (value: number | bigint): string =>
  value === Number.POSITIVE_INFINITY ? "+Inf" : value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value)

const labelled = (name: string, labels: Labels): string =>
  labels.length === 0 ? name : `${name}{${labels.map(([key, value]) => `${valid(key)}="${escaped(value)}"`).join(",")}}`

const line = (name: string, labels: Labels, value: number | bigint): string =>
  `${labelled(name, labels)} ${numberOf(value)}`

const samples = (name: string, family: Family): ReadonlyArray<string> => {
  switch (family.type) {
    case "counter":
      return family.series.map(({ labels, value }) => line(`${name}_total`, labels, value))
    case "gauge":
      return family.series.map(({ labels, value }) => line(name, labels, value))
    case "histogram":
      return family.series.flatMap(({ buckets, count, labels, sum }) => [
        ...buckets
          .filter(([upTo]) => upTo !== Number.POSITIVE_INFINITY)
          .map(([upTo, below]) => line(`${name}_bucket`, [...labels, ["le", numberOf(upTo)]], below)),
        line(`${name}_bucket`, [...labels, ["le", "+Inf"]], count),
        line(`${name}_sum`, labels, sum),
        line(`${name}_count`, labels, count),
      ])
    case "summary":
      return family.series.flatMap(({ count, labels, quantiles, sum }) => [
        ...quantiles.map(([quantile, value]) => line(name, [...labels, ["quantile", numberOf(quantile)]], value)),
        line(`${name}_sum`, labels, sum),
        line(`${name}_count`, labels, count),
      ])
  }
}

/** A counter's family is named without the `_total` of its samples. */
const familyName = ({ name, type }: Family): string =>
  type === "counter" ? valid(name).replace(/_total$/, "") : valid(name)

/** All families, in the order of their names. One whose name another kind has already gets its kind behind the name. */
export const render = (families: ReadonlyArray<Family>, format: Format): string => {
  const written = new Set<string>()
  const lines: Array<string> = []
  const sorted = families.map((family) => ({ family, plain: familyName(family) }))
  for (const { family, plain } of sorted.toSorted((a, b) => (a.plain < b.plain ? -1 : a.plain > b.plain ? 1 : 0))) {
    const name = written.has(plain) ? `${plain}_${family.type}` : plain
    if (written.has(name)) continue
    written.add(name)
    const announced = format === "prometheus" && family.type === "counter" ? `${name}_total` : name
    if (family.help !== "") lines.push(`# HELP ${announced} ${helpOf(family.help)}`)
    lines.push(`# TYPE ${announced} ${family.type}`, ...samples(name, family))
  }
  if (format === "openmetrics") lines.push("# EOF")
  return `${lines.join("\n")}\n`
}
