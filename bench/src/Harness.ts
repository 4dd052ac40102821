/**
 * Measures ours beside a peer, in alternating rounds of one run, so that a noisy machine is noisy to both.
 *
 * A measurement returns one number, smaller is better, in the row's unit. A row's ratio is the median, over the
 * rounds, of ours divided by the peer's number of the same round; the row holds when the ratio reaches its goal.
 * Where there are several peers, the one with the least median counts.
 *
 * @example
 * export const rows = [
 *   compare({
 *     name: "permit, uncontended",
 *     unit: "ns/job",
 *     goal: 0.25,
 *     ours: () => nanosecondsPerJob(withOurs),
 *     peers: { "Effect 3": () => nanosecondsPerJob(withTheirs) },
 *   }),
 * ]
 */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"

/** One number in the row's unit; smaller is better. */
type Measure = () => number | Promise<number>

export interface Comparison {
  readonly name: string
  readonly unit: string
  /** The greatest ratio that is good enough. */
  readonly goal: number
  readonly ours: Measure
  /** By name. At least one. */
  readonly peers: Readonly<Record<string, Measure>>
  /** Default 7, at least 5. */
  readonly rounds?: number
  /** One more round goes before them and is not counted. Default true; needless where each round is a new process. */
  readonly warmUp?: boolean
  /** Measured in the same rounds and shown in the note, by name: what puts the figures in proportion. */
  readonly beside?: Readonly<Record<string, Measure>>
  /** What is not like for like. */
  readonly note?: string
}

/** An exact count, measured once, against a bound. */
export interface Count {
  readonly name: string
  readonly unit: string
  /** The greatest count that is good enough. */
  readonly bound: number
  readonly ours: Measure
  /** What a peer counts in the same situation, to be seen beside it. */
  readonly peers?: Readonly<Record<string, Measure>>
  readonly note?: string
}

export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
}

export interface Row {
  readonly name: string
  readonly unit: string
  readonly ours: Spread
  /** Null where there is nothing to compare with. */
  readonly peer: Spread | null
  readonly peerName: string | null
  /** Ours / peer's; of a count, ours / bound. */
  readonly ratio: number
  readonly goal: number
  readonly holds: boolean
  readonly note?: string
}

export interface Measurement {
  readonly name: string
  readonly run: () => Promise<Row>
}

export const compare = (comparison: Comparison): Measurement => ({
  name: comparison.name,
  run: () => alternate(comparison),
})

export const count = (counted: Count): Measurement => ({ name: counted.name, run: () => once(counted) })

/** Nanoseconds for each of `jobs` jobs that `run` does. */
export const nanosecondsEach = async (jobs: number, run: () => unknown): Promise<number> => {
  const before = performance.now()
  await run()
  return ((performance.now() - before) * 1e6) / jobs
}

/** So that one measurement does not pay for what another left behind. Needs `--expose-gc` under Node. */
export const collectGarbage = (): void => {
  if ("Bun" in globalThis) Bun.gc(true)
  else globalThis.gc?.()
}

/** The mean of so many measurements: for one that is too short to be exact. */
export const meanOf = async (times: number, measure: Measure): Promise<number> => {
  let sum = 0
  for (let i = 0; i < times; i++) sum += await measure()
  return sum / times
}

/**
 * Runs a script in a process of its own, with the same runtime, and returns the JSON that it prints last. For memory,
 * where what ran before in a process would count too.
 */
export const inFreshProcess = (script: URL, ...args: ReadonlyArray<string>): unknown => {
  const flags = "Bun" in globalThis ? [] : ["--conditions=bun", "--max-old-space-size=12000"]
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, fileURLToPath(script), ...args], {
    encoding: "utf8",
  })
  const printed = stdout.trim().split("\n").at(-1)
  if (status !== 0 || !printed) throw new Error(`${script.pathname} failed: ${stderr || stdout}`)
  return JSON.parse(printed)
}

const alternate = async (comparison: Comparison): Promise<Row> => {
  const rounds = Math.max(5, comparison.rounds ?? 7)
  const ours: Array<number> = []
  const peers = series(comparison.peers)
  const beside = series(comparison.beside ?? {})
  for (let round = comparison.warmUp === false ? 1 : 0; round <= rounds; round++) {
    // Who goes first changes from round to round.
    const turn = [
      async () => keep(ours, round, await comparison.ours()),
      ...[...peers, ...beside].map((peer) => async () => keep(peer.values, round, await peer.measure())),
    ]
    for (let i = 0; i < turn.length; i++) await turn[(i + round) % turn.length]?.()
  }
  const best = peers.reduce((least, peer) => (median(peer.values) < median(least.values) ? peer : least))
  const note = [comparison.note, ...beside.map(({ name, values }) => proportion(name, values, comparison.unit))]
    .filter((part) => part !== undefined)
    .join("; ")
  const ratio = median(ours.map((value, round) => value / (best.values[round] ?? Number.NaN)))
  return {
    name: comparison.name,
    unit: comparison.unit,
    ours: spread(ours),
    peer: spread(best.values),
    peerName: best.name,
    ratio,
    goal: comparison.goal,
    holds: ratio <= comparison.goal,
    ...(note === "" ? {} : { note }),
  }
}

const series = (measures: Readonly<Record<string, Measure>>) =>
  Object.entries(measures).map(([name, measure]) => ({ name, measure, values: [] as number[] }))

const proportion = (name: string, values: ReadonlyArray<number>, unit: string): string =>
  `${name}: ${Math.round(median(values)).toLocaleString("en")} ${unit}`

const once = async (counted: Count): Promise<Row> => {
  const ours = await counted.ours()
  const peer = Object.entries(counted.peers ?? {})[0]
  const theirs = peer === undefined ? null : spread([await peer[1]()])
  return {
    name: counted.name,
    unit: counted.unit,
    ours: spread([ours]),
    peer: theirs,
    peerName: peer?.[0] ?? null,
    ratio: ours / counted.bound,
    goal: 1,
    holds: ours <= counted.bound,
    ...(counted.note === undefined ? {} : { note: counted.note }),
  }
}

const keep = (values: Array<number>, round: number, value: number): void => {
  if (round > 0) values.push(value)
}

const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

const spread = (values: ReadonlyArray<number>): Spread => ({
  min: Math.min(...values),
  median: median(values),
  max: Math.max(...values),
})
