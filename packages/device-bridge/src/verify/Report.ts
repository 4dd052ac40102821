/** What a run of the kit found: for programs as it is, for people as Markdown or a page. */

export interface CheckResult {
  readonly name: string
  readonly promise: string
  readonly passed: boolean
  /** What was seen: the figures of a check that passed, or what broke the promise. */
  readonly seen: string
  readonly millis: number
}

export interface Report {
  /** What was tried: `@paceline/device-bridge 0.1.0`, or what its maker calls it. */
  readonly subject: string
  readonly kitVersion: string
  readonly runtime: string
  readonly sqlite: string
  readonly platform: string
  /** When the run began, ISO 8601. */
  readonly date: string
  readonly seed: number
  readonly millis: number
  readonly passed: number
  readonly failed: number
  readonly checks: ReadonlyArray<CheckResult>
}

export const isVerified = (report: Report): boolean => report.failed === 0 && report.passed > 0

/** What is said of the whole, in a sentence. */
export const verdict = ({ checks, failed, passed }: Report): string =>
  failed === 0
    ? `All ${passed} checks passed.`
    : `${failed} of ${checks.length} checks failed: ${checks
        .filter((check) => !check.passed)
        .map(({ name }) => name)
        .join(", ")}.`

/** The checks of each group, in order. */
export const groupsOf = (report: Report): ReadonlyMap<string, ReadonlyArray<CheckResult>> =>
  Map.groupBy(report.checks, ({ name }) => name.split("/")[0] ?? name)

export const duration = (millis: number): string =>
  millis < 1_000 ? `${Math.round(millis)} ms` : `${(millis / 1_000).toFixed(1)} s`

/** The facts that a reader needs to do the same again. */
export const factsOf = (report: Report): ReadonlyArray<readonly [string, string]> => [
  ["Tried", report.subject],
  ["Kit", `@paceline/device-bridge ${report.kitVersion}`],
  ["Runtime", report.runtime],
  ["SQLite", report.sqlite],
  ["Platform", report.platform],
  ["Date", `${report.date.slice(0, 16).replace("T", " ")} UTC`],
  ["Seed", String(report.seed)],
  ["Took", duration(report.millis)],
]

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ")

/** A page of Markdown that stands on its own. */
export const markdownOf = (report: Report): string => {
  const lines = ["# Verification report", "", `**${verdict(report)}**`, "", "| | |", "| --- | --- |"]
  for (const [name, value] of factsOf(report)) lines.push(`| ${name} | ${cell(value)} |`)
  for (const [group, checks] of groupsOf(report)) {
    lines.push("", `## ${group}`, "", "| check | promise | | what was seen | took |", "| --- | --- | --- | --- | --- |")
    for (const { millis, name, passed, promise, seen } of checks) {
      const result = passed ? "passed" : "**failed**"
      lines.push(`| \`${name}\` | ${cell(promise)} | ${result} | ${cell(seen)} | ${duration(millis)} |`)
    }
  }
  return `${lines.join("\n")}\n`
}
