/**
 * `bun run bench NAME [--json] [--only TEXT]`: runs every suite of the folder NAME and prints its rows.
 *
 * Started under Bun it runs the same suites under Node as well, where one is found that runs TypeScript, and shows
 * both; the goals are for Bun. It exits 1 when a row does not reach its goal. `--only` takes the rows whose name
 * contains TEXT.
 */
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { loadavg } from "node:os"
import { fileURLToPath } from "node:url"
import type { Measurement, Row, Spread } from "./Harness.ts"

type Shown = Row & { readonly node?: Pick<Row, "ours" | "peer" | "ratio"> }

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  const json = args.includes("--json")
  const onlyAt = args.indexOf("--only")
  const only = onlyAt < 0 ? "" : (args[onlyAt + 1] ?? "")
  const name = args.find((arg, i) => !arg.startsWith("--") && (onlyAt < 0 || i !== onlyAt + 1))
  const names = suites()
  if (name === undefined || !names.includes(name)) {
    console.error(`Usage: bun run bench NAME [--json] [--only TEXT]. There is: ${names.join(", ")}.`)
    return 2
  }
  const rows = await measure(name, only, json ? () => {} : (row) => console.error(`  ${line(row)}`))
  const shown = "Bun" in globalThis && !NEEDS_BUN.has(name) ? beside(rows, underNode(name, only)) : rows
  console.log(json ? JSON.stringify(shown, null, 2) : table(shown))
  return shown.every((row) => row.holds) ? 0 : 1
}

const here = new URL("./", import.meta.url)

/** Suites that measure what only Bun has: the embedded store is on `bun:sqlite`. */
const NEEDS_BUN: ReadonlySet<string> = new Set(["bridge", "log"])

/** Each folder is a suite. */
const suites = (): ReadonlyArray<string> =>
  readdirSync(here, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()

const measure = async (name: string, only: string, tell: (row: Row) => void): Promise<ReadonlyArray<Row>> => {
  const files = readdirSync(new URL(`${name}/`, here)).filter((file) => file.endsWith(".ts"))
  const rows: Array<Row> = []
  for (const file of files.sort()) {
    const suite: { readonly rows: ReadonlyArray<Measurement> } = await import(new URL(`${name}/${file}`, here).href)
    for (const measurement of suite.rows) {
      if (!measurement.name.includes(only)) continue
      const row = await measurement.run()
      rows.push(row)
      tell(row)
    }
  }
  return rows
}

/** The same rows from Node, or none when there is no Node that runs TypeScript. */
const underNode = (name: string, only: string): ReadonlyArray<Row> => {
  const node = ["x64", "arm64"]
    .map((cpu) => fileURLToPath(new URL(`../../node_modules/node-linux-${cpu}/bin/node`, here)))
    .find((path) => existsSync(path))
  const script = fileURLToPath(new URL("main.ts", here))
  const run = spawnSync(node ?? "node", ["--conditions=bun", "--expose-gc", script, name, "--json", "--only", only], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  })
  const start = run.stdout?.indexOf("[") ?? -1
  if (start < 0) {
    console.error(`Node shows nothing: ${run.stderr || run.error?.message}`)
    return []
  }
  return JSON.parse(run.stdout.slice(start))
}

const beside = (rows: ReadonlyArray<Row>, others: ReadonlyArray<Row>): ReadonlyArray<Shown> =>
  rows.map((row) => {
    const other = others.find((o) => o.name === row.name)
    return other === undefined ? row : { ...row, node: { ours: other.ours, peer: other.peer, ratio: other.ratio } }
  })

const figure = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3).replace(/\.?0+$/, "")

const range = (spread: Spread | null): string =>
  spread === null
    ? "–"
    : spread.min === spread.max
      ? figure(spread.median)
      : `${figure(spread.median)} (${figure(spread.min)}–${figure(spread.max)})`

const ratio = (row: Pick<Row, "ratio">): string => (row.ratio === null ? "–" : figure(row.ratio))

const line = (row: Row): string =>
  `${row.holds ? "holds" : "MISSES"}  ${row.name}: ${ratio(row)} of ${figure(row.goal)}`

const table = (rows: ReadonlyArray<Shown>): string => {
  const withNode = rows.some((row) => row.node !== undefined)
  const cells = [
    ["what", "unit", "ours", "peer", "ratio", "goal", "holds", ...(withNode ? ["ratio, Node"] : [])],
    ...rows.map((row) => [
      row.name,
      row.unit,
      range(row.ours),
      row.peerName === null ? "–" : `${range(row.peer)} ${row.peerName}`,
      range(row.ratio === null ? null : row.ratios),
      `${row.better === "less" ? "≤" : "≥"} ${figure(row.goal)}`,
      row.holds ? "yes" : "NO",
      ...(withNode ? [row.node === undefined ? "–" : ratio(row.node)] : []),
    ]),
  ]
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? []
  const lines = cells.map((row) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`)
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`
  const notes = rows.flatMap((row) => (row.note === undefined ? [] : [`- ${row.name}: ${row.note}`]))
  const machine = `${process.platform} ${process.arch}, ${"Bun" in globalThis ? `Bun ${process.versions.bun}` : `Node ${process.versions.node}`}`
  const load = `load average ${loadavg()
    .map((value) => value.toFixed(1))
    .join(", ")} at the end`
  return [
    `${machine}; ${load}`,
    "",
    lines[0],
    rule,
    ...lines.slice(1),
    ...(notes.length === 0 ? [] : ["", ...notes]),
  ].join("\n")
}

// Said aloud: the package that brings PostgreSQL ends the process with 0 when nobody does.
process.exit(await main(process.argv.slice(2)))
