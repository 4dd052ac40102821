/**
 * What a rehearsal found: the one JSON object, the table, and the verdict in a sentence.
 *
 * Promise: `passed` is true only when nothing was lost, doubled or altered and every point is right.
 */

export interface Report {
  readonly athletes: number
  /** Accepted by the bridge, over all its lives. */
  readonly samplesRecorded: number
  readonly samplesStored: number
  readonly lost: number
  readonly duplicated: number
  /** Samples that differ from what the straps said, and sessions whose time in zones differs. */
  readonly mismatched: number
  /** Said while the bridge was dead: nobody could hear it. Not a fault. */
  readonly unheard: number
  readonly chunks: number
  readonly redeliveriesSuppressed: number
  /** From the bridge to a watcher of the wall, while connected. Null when nothing could be measured. */
  readonly liveP50Ms: number | null
  readonly liveP99Ms: number | null
  readonly liveReadings: number
  readonly pointsExpected: number
  readonly pointsAwarded: number
  /** The differences of all athletes, each counted without its sign. */
  readonly pointsWrong: number
  readonly kills: number
  readonly networkCuts: number
  readonly networkCutSeconds: number
  readonly seed: number
  readonly seconds: number
  /** The first few faults in words. */
  readonly findings: ReadonlyArray<string>
}

export const passed = (report: Report): boolean =>
  report.lost === 0 &&
  report.duplicated === 0 &&
  report.mismatched === 0 &&
  report.pointsWrong === 0 &&
  report.pointsExpected === report.pointsAwarded &&
  // A rehearsal in which nothing happened has shown nothing.
  report.samplesRecorded > 0 &&
  report.samplesRecorded === report.samplesStored

export const verdict = (report: Report): string => {
  const { lost, duplicated, mismatched, pointsWrong } = report
  const through = `${plural(report.kills, "kill")} and ${report.networkCutSeconds.toFixed(1)} s without a network`
  if (passed(report)) {
    return `All ${grouped(report.samplesRecorded)} samples arrived exactly once, through ${through}, and every point is right.`
  }
  if (report.samplesRecorded === 0) return "Nothing was recorded, so nothing was shown."
  const faults = [
    ...(lost > 0 ? [`${plural(lost, "sample")} lost`] : []),
    ...(duplicated > 0 ? [`${plural(duplicated, "sample")} doubled`] : []),
    ...(mismatched > 0 ? [`${plural(mismatched, "mismatch", "mismatches")} with the source`] : []),
    ...(pointsWrong > 0 ? [`${plural(pointsWrong, "point")} wrong`] : []),
  ]
  return `Not as it should be: ${faults.length > 0 ? faults.join(", ") : "the sums differ"}, through ${through}.`
}

/** One line for each figure, names on the left, numbers on the right. */
export const table = (report: Report): string => {
  const rows: ReadonlyArray<readonly [name: string, value: string, note?: string]> = [
    ["athletes", grouped(report.athletes)],
    ["samples recorded", grouped(report.samplesRecorded), `${grouped(report.unheard)} more while no bridge listened`],
    ["samples stored", grouped(report.samplesStored), `in ${plural(report.chunks, "chunk")}`],
    ["lost", grouped(report.lost)],
    [
      "duplicated",
      grouped(report.duplicated),
      `${plural(report.redeliveriesSuppressed, "redelivery", "redeliveries")} suppressed`,
    ],
    ["mismatched", grouped(report.mismatched), "against what the straps said"],
    ["points", grouped(report.pointsAwarded), `${grouped(report.pointsExpected)} expected`],
    ["live, median", millis(report.liveP50Ms), `of ${plural(report.liveReadings, "reading")}`],
    ["live, 99 %", millis(report.liveP99Ms)],
    ["kills", grouped(report.kills), "SIGKILL, started again on the same data"],
    ["network away", `${report.networkCutSeconds.toFixed(1)} s`, `in ${plural(report.networkCuts, "cut")}`],
    ["took", `${report.seconds.toFixed(1)} s`],
  ]
  const names = Math.max(...rows.map(([name]) => name.length))
  const values = Math.max(...rows.map(([, value]) => value.length))
  return rows
    .map(
      ([name, value, note]) =>
        `  ${name.padEnd(names)}  ${value.padStart(values)}${note === undefined ? "" : `   ${note}`}`,
    )
    .join("\n")
}

/** The object that `--json` prints, on one line. */
export const json = ({ findings, ...figures }: Report): string =>
  JSON.stringify(passed({ findings, ...figures }) ? figures : { ...figures, findings })

/** 21600 as "21,600". */
const grouped = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ",")

const plural = (n: number, one: string, many = `${one}s`): string => `${grouped(n)} ${n === 1 ? one : many}`

const millis = (value: number | null): string => (value === null ? "not measured" : `${value} ms`)
