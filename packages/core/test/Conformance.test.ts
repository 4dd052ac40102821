import { readdirSync, readFileSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import { adapterOf, type Held, parseList, parseReport, parseTitle, problemsOf } from "../../../scripts/conformance.ts"

const FOLDER = new URL("../../../conformance/", import.meta.url)

const markdown = `# Title

Status: finished

## First

1. One holds.
2. Two holds.

## Second

Adapters: memory, sqlite

3. Three holds on both.

## Third

4. Four holds.
`

const held = (number: number, change: Partial<Held> = {}): Held => ({
  list: "log",
  number,
  adapter: "-",
  test: `test ${number}`,
  status: "passed",
  ...change,
})

const all = [held(1), held(2), held(3, { adapter: "memory" }), held(3, { adapter: "sqlite" }), held(4)]

describe("conformance", () => {
  it("reads a list: its status, its promises, and the adapters that a section demands", () => {
    const list = parseList("log", markdown)
    expect(list).toMatchObject({ list: "log", finished: true })
    expect(list.promises.map(({ adapters, number }) => [number, adapters])).toEqual([
      [1, []],
      [2, []],
      [3, ["memory", "sqlite"]],
      [4, []],
    ])
    expect(parseList("log", markdown.replace("finished", "in progress")).finished).toBe(false)
  })

  it("refuses a list without a status, or with a number left out", () => {
    expect(() => parseList("log", markdown.replace("Status: finished", ""))).toThrow(/Status/)
    expect(() => parseList("log", markdown.replace("Status: finished", "Status: done"))).toThrow(/Status/)
    expect(() => parseList("log", markdown.replace("2. Two holds.\n", ""))).toThrow(/2 is missing before 3/)
  })

  it("reads the project's own lists", () => {
    const count = (name: string) => parseList(name, readFileSync(new URL(`${name}.md`, FOLDER), "utf8")).promises.length
    expect(readdirSync(FOLDER).toSorted()).toEqual(["bridge.md", "log.md", "resilience.md"])
    expect([count("bridge"), count("log"), count("resilience")]).toEqual([42, 55, 77])
  })

  it("reads the promises at the start of a title, and only there", () => {
    expect(parseTitle("[log 3] it holds")).toEqual([{ list: "log", number: 3 }])
    expect(parseTitle("[log 3, 14] both")).toEqual([
      { list: "log", number: 3 },
      { list: "log", number: 14 },
    ])
    expect(parseTitle("[log 1] [resilience 44] two lists")).toEqual([
      { list: "log", number: 1 },
      { list: "resilience", number: 44 },
    ])
    expect(parseTitle("unlike [log 3] it does not")).toEqual([])
    expect(parseTitle("[log three] [log 3] nor this")).toEqual([])
  })

  it("reads the adapter from the innermost describe that names one", () => {
    expect(adapterOf(["distributed lock on postgres"])).toBe("postgres")
    expect(adapterOf(["unit of work: SQLite"])).toBe("sqlite")
    expect(adapterOf(["event log: PostgreSQL", "when it is full"])).toBe("postgres")
    expect(adapterOf(["sqlite store, killed"])).toBe("sqlite")
    expect(adapterOf(["the memory store"])).toBe("memory")
    expect(adapterOf(["on memory", "on sqlite"])).toBe("sqlite")
    expect(adapterOf(["driver on bun:sqlite"])).toBe("bun:sqlite")
    expect(adapterOf(["breaker: half-open", "a memory of failures"])).toBe("-")
    expect(adapterOf([])).toBe("-")
  })

  it("reads vitest's report; what was skipped has not passed, and what could not be loaded is told", () => {
    const report = {
      testResults: [
        {
          name: "/root/a.test.ts",
          status: "failed",
          assertionResults: [
            { ancestorTitles: ["lock on sqlite"], title: "[log 1, 2] a", status: "passed" },
            { ancestorTitles: [], title: "[log 2] b", status: "failed" },
            { ancestorTitles: [], title: "[log 2] c", status: "pending" },
            { ancestorTitles: [], title: "holds nothing", status: "failed" },
          ],
        },
        { name: "/root/broken.test.ts", status: "failed", message: "Cannot find x\nstack", assertionResults: [] },
      ],
    }
    const found = parseReport(report, "/root")
    const a = "a.test.ts > lock on sqlite > [log 1, 2] a"
    expect(found.held).toEqual([
      { list: "log", number: 1, adapter: "sqlite", test: a, status: "passed" },
      { list: "log", number: 2, adapter: "sqlite", test: a, status: "passed" },
      { list: "log", number: 2, adapter: "-", test: "a.test.ts > [log 2] b", status: "failed" },
      { list: "log", number: 2, adapter: "-", test: "a.test.ts > [log 2] c", status: "failed" },
    ])
    expect(found.problems).toEqual(["broken.test.ts could not be loaded: Cannot find x"])
    for (const empty of [{}, null, { testResults: [] }]) expect(parseReport(empty, "/root").problems).toHaveLength(1)
  })

  it("finds nothing wrong when every promise of a finished list is held on every adapter that it demands", () => {
    expect(problemsOf([parseList("log", markdown)], all)).toEqual([])
  })

  it("finds a promise that nobody holds, that one adapter lacks, and a test that did not pass", () => {
    const lists = [parseList("log", markdown)]
    const without = (index: number) => all.filter((_, i) => i !== index)
    expect(problemsOf(lists, without(0))).toEqual(["log 1: no test holds it"])
    expect(problemsOf(lists, without(2))).toEqual(["log 3: not held on memory"])
    expect(problemsOf(lists, [...all, held(2, { status: "failed", test: "t" })])).toEqual(["log 2: did not pass: t"])
  })

  it("demands nothing of a list in progress, but its numbers have to be there", () => {
    const lists = [parseList("log", markdown.replace("finished", "in progress"))]
    expect(problemsOf(lists, [held(1, { status: "failed" })])).toEqual([])
    expect(problemsOf(lists, [held(5, { test: "t" })])).toEqual(["log 5: there is no such promise: t"])
    expect(problemsOf(lists, [held(1, { list: "logs", test: "t" })])).toEqual(["logs 1: there is no such promise: t"])
  })
})
