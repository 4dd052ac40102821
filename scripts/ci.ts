/**
 * The gates of CI after `npm test`: it reads what the tests left in build/test-results.json, runs each gate,
 * and counts. A gate that could not run has failed; nothing is skipped.
 */
import { existsSync } from "node:fs"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const bun = process.execPath
const samples = process.env["PACELINE_SAMPLES"] ?? resolve(root, "../shared/samples")
const recordings = ["fr935-run.fit", "hrv-activity.fit"].map((name) => join(samples, "fit", name))

interface Gate {
  readonly name: string
  readonly command: ReadonlyArray<string>
}

const paceline = join(root, "build", "paceline-linux-x64")
const main = "packages/server/src/main.ts"
const withRecordings = recordings.flatMap((file) => ["--file", file])

const gates: ReadonlyArray<Gate> = [
  { name: "types, lint, import rules, unused code", command: [bun, "scripts/check.ts"] },
  {
    name: "every promise of a finished list is held, on every adapter",
    command: [bun, "scripts/conformance.ts", "--from", "build/test-results.json"],
  },
  { name: "packages build, pass publint, and load under Node", command: [bun, "scripts/build-packages.ts"] },
  {
    name: "200 kills, 200 power cuts, full disks, two nodes on PostgreSQL: nothing lost, doubled or out of order",
    command: [
      bun,
      "packages/server/test/crash/main.ts",
      ...["--cuts", "200", "--nodes", "5", "--bridge-kills", "0", "--bridge-cuts", "0", "--bridge-restores", "0"],
    ],
  },
  {
    name: "bridges: 200 kills of either side, 1,000 power cuts, old backups restored: nothing lost, nothing stored twice",
    command: [
      bun,
      "packages/server/test/crash/main.ts",
      ...["--kills", "0", "--cuts", "0", "--full", "0", "--nodes", "0"],
      ...["--bridge-kills", "200", "--bridge-cuts", "1000", "--bridge-restores", "2"],
    ],
  },
  { name: "examples run", command: [bun, "scripts/run-examples.ts"] },
  { name: "the binary compiles for every platform", command: [bun, "scripts/build.ts"] },
  { name: "the binary works alone in an empty folder", command: [bun, "scripts/check-binary.ts", paceline] },
  {
    name: "the pages work in a real browser",
    command: ["bash", "scripts/with-chromium.sh", bun, "scripts/check-pages.ts"],
  },
  {
    name: "rehearsal on two real recordings, bridge under Bun",
    command: [bun, main, "rehearse", "--json", "--athletes", "10", ...withRecordings],
  },
  {
    name: "rehearsal on two real recordings, bridge under Node",
    command: [bun, main, "rehearse", "--json", "--athletes", "10", "--bridge-runtime", "node", ...withRecordings],
  },
]

const tests = async (): Promise<{ passed: number; failed: number }> => {
  const file = Bun.file(join(root, "build/test-results.json"))
  if (!(await file.exists())) {
    console.log("FAIL npm test left no results in build/test-results.json")
    return { passed: 0, failed: 1 }
  }
  const report: unknown = await file.json()
  const count = (key: string): number => {
    const value = typeof report === "object" && report !== null ? Reflect.get(report, key) : undefined
    return typeof value === "number" ? value : 0
  }
  const passed = count("numPassedTests")
  // A suite that could not load has no tests, and has failed all the same. So has a test that was skipped.
  const failed = count("numFailedTests") + count("numPendingTests") + count("numTodoTests")
  const failedSuites = failed === 0 && passed > 0 ? count("numFailedTestSuites") : 0
  return { passed, failed: failed + failedSuites + (passed === 0 ? 1 : 0) }
}

const total = await tests()
console.log(`\nnpm test: ${total.passed} passed, ${total.failed} failed`)

for (const file of recordings.filter((path) => !existsSync(path))) {
  console.log(`FAIL a recording that CI rehearses with is missing: ${file}`)
  total.failed++
}

for (const gate of gates) {
  console.log(`\n── ${gate.name}`)
  const started = performance.now()
  const child = Bun.spawn([...gate.command], { cwd: root, stdin: "ignore", stdout: "inherit", stderr: "inherit" })
  const code = await child.exited
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${code === 0 ? "ok  " : "FAIL"} ${gate.name} (${seconds} s)`)
  if (code === 0) total.passed++
  else total.failed++
}

console.log(`\n${total.passed} passed, ${total.failed} failed`)
process.exit(total.failed === 0 ? 0 : 1)
