/**
 * Measures ours beside a peer, in alternating rounds of one run, so that a noisy machine is noisy to both.
 *
 * A measurement returns one number in the row's unit: a cost, or where `better` is "more", a rate. A row's ratio is the
 * median, over the rounds, of ours divided by the peer's number of the same round; the row holds when the ratio reaches
 * its goal. Where there are several peers, the one with the best median counts. A row that cannot be measured says why,
 * and does not hold.
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

/** One number in the row's unit. */
export type Measure = () => number | Promise<number>

/** Whether a smaller number is better, as of a cost, or a larger one, as of a rate. */
type Better = "less" | "more"

/** Who competes. */
export interface Contest {
  readonly ours: Measure
  /** By name. At least one. */
  readonly peers: Readonly<Record<string, Measure>>
  /** Measured in the same rounds and shown in the note, by name: what puts the figures in proportion. */
  readonly beside?: Readonly<Record<string, Measure>>
}

export interface Terms {
  readonly name: string
  readonly unit: string
  /** Default "less". */
  readonly better?: Better
  /** The greatest ratio that is good enough; where more is better, the least. */
  readonly goal: number
  /** Default 7, at least 5. */
  readonly rounds?: number
  /** One more round goes before them and is not counted. Default true; needless where each round is a new process. */
  readonly warmUp?: boolean
  /** What is not like for like. */
  readonly note?: string
}

export interface Comparison extends Terms, Contest {}

/** Registers what is to be ended after the row, the last first, also when it fails. */
export type AtEnd = (end: () => unknown) => void

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
  readonly better: Better
  /** Null where it could not be measured. */
  readonly ours: Spread | null
  /** Null where there is nothing to compare with. */
  readonly peer: Spread | null
  readonly peerName: string | null
  /** Ours / peer's; of a count, ours / bound. Null where it could not be measured. */
  readonly ratio: number | null
  /** Of the rounds' ratios. */
  readonly ratios: Spread | null
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
  run: () => orWhyNot(comparison, () => alternate(comparison, comparison)),
})

/** As `compare`, with what has to be started first: stores, servers. */
export const stage = (terms: Terms, prepare: (atEnd: AtEnd) => Promise<Contest>): Measurement => ({
  name: terms.name,
  run: () =>
    orWhyNot(terms, async () => {
      const ends: Array<() => unknown> = []
      try {
        return await alternate(terms, await prepare((end) => ends.unshift(end)))
      } finally {
        for (const end of ends) await end()
      }
    }),
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

/** A row that could not be measured is never left out. */
const orWhyNot = async (terms: Terms, measure: () => Promise<Row>): Promise<Row> => {
  const { better = "less", goal, name, unit } = terms
  try {
    return await measure()
  } catch (cause) {
    console.error(cause)
    const note = `could not be measured: ${cause instanceof Error ? cause.message : String(cause)}`
    return {
      name,
      unit,
      better,
      ours: null,
      peer: null,
      peerName: null,
      ratio: null,
      ratios: null,
      goal,
      holds: false,
      note,
    }
  }
}

const alternate = async (terms: Terms, contest: Contest): Promise<Row> => {
  const { better = "less", goal, name, unit } = terms
  const rounds = Math.max(5, terms.rounds ?? 7)
  const ours: Array<number> = []
  const peers = series(contest.peers)
  const beside = series(contest.beside ?? {})
  for (let round = terms.warmUp === false ? 1 : 0; round <= rounds; round++) {
    // Who goes first changes from round to round.
    const turn = [
      async () => keep(ours, round, await contest.ours()),
      ...[...peers, ...beside].map((peer) => async () => keep(peer.values, round, await peer.measure())),
    ]
    for (let i = 0; i < turn.length; i++) await turn[(i + round) % turn.length]?.()
  }
  const best = peers.reduce((leader, peer) =>
    isBetter(better, median(peer.values), median(leader.values)) ? peer : leader,
  )
  const others = [...peers.filter((peer) => peer !== best), ...beside]
  const note = [terms.note, ...others.map((other) => proportion(other.name, other.values, unit))]
    .filter((part) => part !== undefined)
    .join("; ")
  const ratios = ours.map((value, round) => value / (best.values[round] ?? Number.NaN))
  const ratio = median(ratios)
  return {
    name,
    unit,
    better,
    ours: spread(ours),
    peer: spread(best.values),
    peerName: best.name,
    ratio,
    ratios: spread(ratios),
    goal,
    holds: ratio === goal || isBetter(better, ratio, goal),
    ...(note === "" ? {} : { note }),
  }
}

const isBetter = (better: Better, a: number, b: number): boolean => (better === "less" ? a < b : a > b)

const series = (measures: Readonly<Record<string, Measure>>) =>
  Object.entries(measures).map(([name, measure]) => ({ name, measure, values: [] as number[] }))

const proportion = (name: string, values: ReadonlyArray<number>, unit: string): string =>
  `${name}: ${Math.round(median(values)).toLocaleString("en")} ${unit}`

const once = async (counted: Count): Promise<Row> => {
  const ours = await counted.ours()
  const peer = Object.entries(counted.peers ?? {})[0]
  const theirs = peer === undefined ? null : spread([await peer[1]()])
  // Where nothing at all is allowed, nothing is nothing of it.
  const ratio = ours === 0 ? 0 : ours / counted.bound
  return {
    name: counted.name,
    unit: counted.unit,
    better: "less",
    ours: spread([ours]),
    peer: theirs,
    peerName: peer?.[0] ?? null,
    ratio,
    ratios: spread([ratio]),
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
