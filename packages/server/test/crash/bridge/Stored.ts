/** What a server must hold of a bridge at the end, read from the server's own file: each promise, once and in order. */
import { Database } from "bun:sqlite"
import { join } from "node:path"
import { ofServer } from "../../../src/commands/rehearse/Audit.ts"
import type { Life } from "./BridgeProcess.ts"
import { streamOf, VALUES_A_CHUNK } from "./BridgeVictim.ts"

interface Gap {
  readonly incarnation: string
  readonly first: number
  readonly last: number
}

export interface Expectation {
  /** The server's data folder. */
  readonly data: string
  readonly deviceId: string
  /** All lives of the bridge. What was flushed in them must be there, but for those in `mayMiss`. */
  readonly lives: ReadonlyArray<Life>
  /** Lives whose promises went with a file that was taken back, or with the server's own. */
  readonly mayMiss?: ReadonlySet<Life>
  /** Whether the values of all incarnations follow on each other: they do while nothing is restored. */
  readonly inOneLine: boolean
  /** Whether chunks may be declared missing. */
  readonly gapsAllowed?: boolean
}

export interface Found {
  /** How many values were promised, and are there. */
  readonly acknowledged: number
  readonly gaps: number
  /** Empty when all is well; else what is wrong, in words. */
  readonly problems: ReadonlyArray<string>
}

/** Holds what the server stored of one device against what its bridge was promised. */
export const holds = (expected: Expectation): Found => {
  const file = join(expected.data, "paceline.db")
  const { chunks, unreadable } = ofServer(file, expected.deviceId)
  const { gaps, quarantined } = exceptions(file, expected.deviceId)
  const problems = [...unreadable]
  if (quarantined > 0) problems.push(`${quarantined} chunks were set aside`)
  if (gaps.length > 0 && expected.gapsAllowed !== true) {
    problems.push(`chunks were declared missing: ${gaps.map((gap) => `${gap.incarnation}/${gap.first}-${gap.last}`)}`)
  }

  const times = new Map<number, number>()
  let before = Number.NEGATIVE_INFINITY
  for (const { bundle, incarnation, n } of chunks) {
    const values = bundle.flatMap((block) => Array.from(block.values)).toSorted((a, b) => a - b)
    const [least = Number.NaN] = values
    const whole = values.length === VALUES_A_CHUNK && values.every((value, i) => value === least + i)
    const right = bundle.every((block) =>
      block.values.every((value, i) => {
        const stream = streamOf(value)
        return block.sensor === stream.sensor && block.kind === stream.kind && block.atMillis[i] === value
      }),
    )
    if (!whole || !right) problems.push(`${incarnation}/${n} does not hold what was flushed: ${values}`)
    if (expected.inOneLine && least <= before) problems.push(`${incarnation}/${n}: ${least} came after ${before}`)
    before = least
    for (const value of values) times.set(value, (times.get(value) ?? 0) + 1)
  }
  for (const [value, count] of times) {
    if (count !== 1) problems.push(`${value} is stored ${count} times`)
    if (!expected.lives.some(({ first, recorded }) => first <= value && value <= recorded)) {
      problems.push(`${value} was never recorded`)
    }
  }
  for (const [incarnation, own] of Map.groupBy(chunks, (chunk) => chunk.incarnation)) {
    const missing = gaps.filter((gap) => gap.incarnation === incarnation)
    const order = own.map(({ n }) => n)
    if (order.some((n, i) => i > 0 && n <= (order[i - 1] ?? 0)))
      problems.push(`${incarnation} is out of order: ${order}`)
    problems.push(...holes(incarnation, order, missing))
  }

  let acknowledged = 0
  for (const life of expected.lives) {
    if (expected.mayMiss?.has(life)) continue
    for (let value = life.first; value <= life.flushed; value++) {
      if (times.has(value)) acknowledged++
      else problems.push(`${value} was acknowledged to its caller and is lost`)
    }
  }
  return { acknowledged, gaps: gaps.length, problems }
}

/** Each number from 1 on is stored or declared missing, and not both. */
const holes = (incarnation: string, order: ReadonlyArray<number>, gaps: ReadonlyArray<Gap>): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const stored = new Set(order)
  const last = Math.max(...order, ...gaps.map((gap) => gap.last))
  for (let n = 1; n <= last; n++) {
    const declared = gaps.some((gap) => gap.first <= n && n <= gap.last)
    if (stored.has(n) === declared) {
      problems.push(`${incarnation}/${n} is ${declared ? "there and declared missing" : "missing in silence"}`)
    }
  }
  return problems
}

const exceptions = (
  file: string,
  deviceId: string,
): { readonly gaps: ReadonlyArray<Gap>; readonly quarantined: number } => {
  const database = new Database(file, { readonly: true, strict: true })
  try {
    const gaps = database.query<Gap, [string]>(
      "select incarnation, first_missing as first, last_missing as last from gap where device_id = ?",
    )
    const setAside = database.query<{ rows: number }, [string]>(
      "select count(*) as rows from quarantine where device_id = ?",
    )
    return { gaps: gaps.all(deviceId), quarantined: setAside.get(deviceId)?.rows ?? 0 }
  } finally {
    database.close()
  }
}
