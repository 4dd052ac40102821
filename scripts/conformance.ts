/**
 * `bun run conformance [--json] [--from FILE] [LIST …]`: which tests hold which promise, on which adapter.
 *
 * The promises are the numbered lines of conformance/*.md. A test holds one when its title begins with the list and the
 * number, as in `[log 3] …`, `[log 1, 4] …` or `[log 1] [resilience 44] …`; its adapter is named by a `describe` around
 * it: `… on sqlite`, `…: SQLite`, `sqlite store`. Without `--from`, which takes the JSON report of an earlier run, the
 * tests are run once, all of them.
 *
 * Exits 1 when a promise of a finished list (`Status: finished`) has no test, none on an adapter that its list demands
 * (`Adapters: …`), or one that did not pass; when a test names a promise that is not there; and when a file of tests
 * could not be loaded, because nobody knows what it holds.
 */
import { readdirSync, readFileSync } from "node:fs"
import { basename, join, relative } from "node:path"
import { fileURLToPath } from "node:url"

export interface Promised {
  readonly number: number
  readonly text: string
  /** On which each of them must be held; empty when it has nothing to do with adapters. */
  readonly adapters: ReadonlyArray<string>
}

export interface List {
  readonly list: string
  readonly finished: boolean
  readonly promises: ReadonlyArray<Promised>
}

/** One test of one promise. */
export interface Held {
  readonly list: string
  readonly number: number
  /** "-" when the test has nothing to do with adapters. */
  readonly adapter: string
  readonly test: string
  readonly status: "passed" | "failed"
}

export interface Findings {
  readonly held: ReadonlyArray<Held>
  /** What is wrong, one line each; empty when all finished lists are held. */
  readonly problems: ReadonlyArray<string>
}

const NO_ADAPTER = "-"

const ADAPTERS = ["memory", "sqlite", "postgres", "better-sqlite3", "bun:sqlite"]
const ADAPTER = new RegExp(`(?:^(?:the |on )?| on |: )(${ADAPTERS.join("|")})(?:ql)?(?: store\\b.*)?$`, "i")

/** Reads one list. */
export const parseList = (list: string, markdown: string): List => {
  const status = /^Status: (finished|in progress)$/m.exec(markdown)?.[1]
  if (status === undefined)
    throw new Error(`conformance/${list}.md has no line "Status: finished" or "Status: in progress"`)
  const promises: Array<Promised> = []
  let adapters: ReadonlyArray<string> = []
  for (const line of markdown.split("\n")) {
    if (line.startsWith("#")) adapters = []
    const demanded = /^Adapters: (.+)$/.exec(line)?.[1]
    if (demanded !== undefined) adapters = demanded.split(",").map((name) => name.trim())
    const [, digits, text] = /^(\d+)\. (.+)$/.exec(line) ?? []
    if (digits === undefined || text === undefined) continue
    const number = Number(digits)
    if (number !== promises.length + 1)
      throw new Error(`conformance/${list}.md: ${promises.length + 1} is missing before ${number}`)
    promises.push({ number, text, adapters })
  }
  return { list, finished: status === "finished", promises }
}

/** The promises that a title says its test holds. */
export const parseTitle = (title: string): ReadonlyArray<{ readonly list: string; readonly number: number }> => {
  const found: Array<{ list: string; number: number }> = []
  let rest = title
  for (;;) {
    const [whole, list, numbers] = /^\s*\[([a-z]+) (\d+(?:, ?\d+)*)\]/.exec(rest) ?? []
    if (whole === undefined || list === undefined || numbers === undefined) return found
    for (const number of numbers.split(",")) found.push({ list, number: Number(number) })
    rest = rest.slice(whole.length)
  }
}

/** The adapter that the innermost `describe` around a test names. */
export const adapterOf = (describes: ReadonlyArray<string>): string => {
  for (const title of describes.toReversed()) {
    const name = ADAPTER.exec(title)?.[1]
    if (name !== undefined) return name.toLowerCase()
  }
  return NO_ADAPTER
}

const get = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined

const text = (value: unknown): string => (typeof value === "string" ? value : "")

const items = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

/** Reads vitest's JSON report. A test that was skipped has not passed. */
export const parseReport = (report: unknown, root: string): Findings => {
  const files = items(get(report, "testResults"))
  const held: Array<Held> = []
  const problems: Array<string> = []
  if (files.length === 0) problems.push("The report has no tests.")
  for (const file of files) {
    const path = relative(root, text(get(file, "name")))
    const tests = items(get(file, "assertionResults"))
    if (tests.length === 0 && get(file, "status") !== "passed") {
      problems.push(`${path} could not be loaded: ${text(get(file, "message")).split("\n")[0]}`)
    }
    for (const test of tests) {
      const title = text(get(test, "title"))
      const describes = items(get(test, "ancestorTitles")).map(text)
      const adapter = adapterOf(describes)
      const status = get(test, "status") === "passed" ? "passed" : "failed"
      const name = [path, ...describes, title].filter((part) => part !== "").join(" > ")
      for (const { list, number } of parseTitle(title)) held.push({ list, number, adapter, test: name, status })
    }
  }
  return { held, problems }
}

const adaptersOf = (held: ReadonlyArray<Held>): ReadonlyArray<string> => [
  ...new Set(held.map(({ adapter }) => adapter)),
]

const holding = (held: ReadonlyArray<Held>, list: string, number: number): ReadonlyArray<Held> =>
  held.filter((one) => one.list === list && one.number === number)

/** What the finished lists lack, and what nobody promised. */
export const problemsOf = (lists: ReadonlyArray<List>, held: ReadonlyArray<Held>): ReadonlyArray<string> => {
  const problems: Array<string> = []
  for (const { finished, list, promises } of lists) {
    if (!finished) continue
    for (const { adapters, number } of promises) {
      const tests = holding(held, list, number)
      if (tests.length === 0) problems.push(`${list} ${number}: no test holds it`)
      const missing = adapters.filter((adapter) => !adaptersOf(tests).includes(adapter))
      if (tests.length > 0 && missing.length > 0) problems.push(`${list} ${number}: not held on ${missing.join(", ")}`)
      for (const { status, test } of tests)
        if (status === "failed") problems.push(`${list} ${number}: did not pass: ${test}`)
    }
  }
  for (const { list, number, test } of held) {
    const known = lists.find((one) => one.list === list)?.promises.some((promise) => promise.number === number)
    if (known !== true) problems.push(`${list} ${number}: there is no such promise: ${test}`)
  }
  return problems
}

const describeList = ({ finished, list, promises }: List, held: ReadonlyArray<Held>): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let kept = 0
  for (const { adapters, number, text } of promises) {
    const tests = holding(held, list, number)
    const missing = adapters.filter((adapter) => !adaptersOf(tests).includes(adapter))
    if (tests.length > 0 && missing.length === 0 && tests.every(({ status }) => status === "passed")) kept++
    lines.push("", `${list} ${number}  ${text}`)
    for (const { adapter, status, test } of tests.toSorted((a, b) => a.adapter.localeCompare(b.adapter))) {
      lines.push(`  ${status === "passed" ? "ok  " : "FAIL"} ${adapter.padEnd(8)} ${test}`)
    }
    if (tests.length === 0) lines.push("  none")
    else for (const adapter of missing) lines.push(`  none ${adapter}`)
  }
  const state = finished ? "finished" : "in progress"
  return [...lines, "", `${list} (${state}): ${kept} of ${promises.length} promises held`]
}

/** Runs every test and gives vitest's report. What vitest prints goes to the error output. */
const runTests = async (root: string): Promise<string> => {
  const report = join(root, "build", "conformance-results.json")
  await Bun.file(report)
    .delete()
    .catch(() => {})
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs")
  const command = [process.execPath, "--bun", vitest, "run", "--reporter=dot", "--reporter=json"]
  const child = Bun.spawn([...command, `--outputFile.json=${report}`], { cwd: root, stdin: "ignore", stdout: "pipe" })
  for await (const bytes of child.stdout) process.stderr.write(bytes)
  await child.exited
  return report
}

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  const root = fileURLToPath(new URL("..", import.meta.url))
  const from = args.indexOf("--from")
  const given = from < 0 ? undefined : args[from + 1]
  const only = args.filter((arg, i) => !arg.startsWith("--") && (from < 0 || i !== from + 1))
  const folder = join(root, "conformance")
  const lists = readdirSync(folder)
    .filter((file) => file.endsWith(".md"))
    .toSorted()
    .map((file) => parseList(basename(file, ".md"), readFileSync(join(folder, file), "utf8")))

  const file = given ?? (await runTests(root))
  if (!(await Bun.file(file).exists())) {
    console.error(`There is no report of the tests in ${file}`)
    return 1
  }
  const report: unknown = await Bun.file(file).json()
  const { held, problems: unread } = parseReport(report, root)
  const problems = [...unread, ...problemsOf(lists, held)]
  const shown = (list: string) => only.length === 0 || only.includes(list)

  if (args.includes("--json")) {
    console.log(
      JSON.stringify(
        held.filter(({ list }) => shown(list)),
        undefined,
        2,
      ),
    )
  } else {
    for (const list of lists) if (shown(list.list)) console.log(describeList(list, held).join("\n"))
    console.log("")
  }
  for (const problem of problems) console.error(problem)
  return problems.length === 0 ? 0 : 1
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)))
