/** Shows a machine: as a Mermaid state diagram, and as a table. */
import type { Machine, StateSpec } from "./RequestLifecycle.ts"

/** One way from a state to another, and what leads there. */
interface Edge {
  readonly from: string
  readonly label: string
  readonly to: string
}

const edgesOf = (from: string, { cancel, on = {}, timer }: StateSpec): ReadonlyArray<Edge> => {
  if (timer === undefined) return []
  return [
    ...Object.entries(on).flatMap(([label, targets]) => targets.map((to) => ({ from, label, to }))),
    { from, label: `after ${duration(timer.afterMillis)}`, to: timer.to },
    ...(cancel === undefined ? [] : [{ from, label: "cancel", to: cancel }]),
  ]
}

/** Mermaid `stateDiagram-v2`. States are named by number and shown by name, so any name will do. */
export const mermaid = (machine: Machine): string => {
  const names = Object.keys(machine.states)
  const alias = new Map(names.map((name, i) => [name, `s${i}`]))
  const of = (name: string): string => alias.get(name) ?? "unknown"
  const lines = names.map((name) => `state "${escaped(name)}" as ${of(name)}`)
  lines.push(`[*] --> ${of(machine.initial)}`)
  for (const name of names) {
    const spec = machine.states[name] ?? {}
    for (const { label, to } of edgesOf(name, spec)) lines.push(`${of(name)} --> ${of(to)} : ${escaped(label)}`)
    if (spec.timer === undefined) lines.push(`${of(name)} --> [*]`)
  }
  return ["stateDiagram-v2", ...lines.map((line) => `    ${line}`)].join("\n")
}

/** What Mermaid could read as its own is written as an entity, by its code point. */
const escaped = (text: string): string =>
  text.replace(/[^\p{L}\p{N} _.,()/+-]/gu, (character) => `#${character.codePointAt(0)};`)

/** State, what happens, next state: a Markdown table. */
export const table = (machine: Machine): string => {
  const rows = Object.entries(machine.states).flatMap(([name, spec]) =>
    spec.timer === undefined
      ? [[name, "(final)", ""]]
      : edgesOf(name, spec).map(({ from, label, to }) => [from, label, to]),
  )
  const all = [["state", "when", "then"], ...rows].map((row) => row.map(cell))
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  const line = (row: ReadonlyArray<string>): string =>
    `| ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join(" | ")} |`
  const [head = [], ...body] = all
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...body.map(line)].join("\n")
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ")

const UNITS = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
  [1, "ms"],
] as const

const duration = (millis: number): string => {
  const [size, unit] = UNITS.find(([size]) => millis >= size && millis % size === 0) ?? ([1, "ms"] as const)
  return `${millis / size} ${unit}`
}
