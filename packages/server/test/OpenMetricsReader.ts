/**
 * Reads OpenMetrics text strictly, for tests: what the specification forbids is an error that names the line.
 *
 * Checked: families are announced once, before their samples, and stand together; a counter's samples end in `_total`;
 * a histogram's buckets rise, and the infinite one is its count; no series comes twice; the last line is `# EOF`.
 */
interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface ReadFamily {
  readonly name: string
  readonly type: string
  readonly samples: Array<Sample>
}

const SUFFIXES: Readonly<Record<string, ReadonlyArray<string>>> = {
  counter: ["_total"],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
  summary: ["", "_sum", "_count"],
}

const numberOf = (text: string): number => {
  if (text === "+Inf") return Number.POSITIVE_INFINITY
  if (text === "-Inf") return Number.NEGATIVE_INFINITY
  const value = Number(text)
  if (Number.isNaN(value)) throw new Error(`"${text}" is no number`)
  return value
}

const unescaped = (text: string): string => text.replace(/\\(.)/g, (_, letter) => (letter === "n" ? "\n" : letter))

const sampleOf = (line: string): Sample => {
  const [, name, labelled = "", value] = /^([a-zA-Z_][a-zA-Z0-9_]*)(?:\{(.*)\})? (\S+)$/s.exec(line) ?? []
  if (name === undefined || value === undefined) throw new Error(`no sample: ${line}`)
  const labels: Record<string, string> = {}
  const rest = labelled.replace(/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?/gs, (_, key, text) => {
    labels[key] = unescaped(text)
    return ""
  })
  if (rest !== "") throw new Error(`no labels: ${line}`)
  return { name, labels, value: numberOf(value) }
}

const checkHistogram = ({ name, samples }: ReadFamily): void => {
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels))
  for (const [labels, own] of groups) {
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`)
    const limits = buckets.map((sample) => numberOf(sample.labels["le"] ?? ""))
    const counts = buckets.map(({ value }) => value)
    const rises = (list: ReadonlyArray<number>) => list.every((value, i) => i === 0 || value >= (list[i - 1] ?? 0))
    const count = own.find((sample) => sample.name === `${name}_count`)?.value
    if (!rises(limits) || !rises(counts)) throw new Error(`the buckets of ${name} ${labels} fall`)
    if (limits.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${name} ${labels} has no infinite bucket`)
    if (counts.at(-1) !== count) throw new Error(`the infinite bucket of ${name} ${labels} is not its count`)
  }
}

/** @throws Error when the text is not OpenMetrics. */
export const readOpenMetrics = (text: string): ReadonlyArray<ReadFamily> => {
  if (!text.endsWith("# EOF\n")) throw new Error("the last line is not # EOF")
  const families = new Map<string, ReadFamily>()
  const series = new Set<string>()
  let current: ReadFamily | undefined
  for (const line of text.slice(0, -"# EOF\n".length).split("\n").slice(0, -1)) {
    const [, keyword, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/s.exec(line) ?? []
    if (keyword === "HELP") continue
    if (keyword === "TYPE") {
      if (families.has(name)) throw new Error(`the family ${name} comes twice`)
      current = { name, type: rest, samples: [] }
      families.set(name, current)
      continue
    }
    const sample = sampleOf(line)
    const suffixes = SUFFIXES[current?.type ?? ""] ?? []
    if (current === undefined || !suffixes.some((suffix) => sample.name === `${current?.name}${suffix}`)) {
      throw new Error(`no sample of the ${current?.type} ${current?.name}: ${line}`)
    }
    const id = JSON.stringify([sample.name, Object.entries(sample.labels).toSorted()])
    if (series.has(id)) throw new Error(`the series comes twice: ${line}`)
    series.add(id)
    current.samples.push(sample)
  }
  for (const family of families.values()) if (family.type === "histogram") checkHistogram(family)
  return [...families.values()]
}
