/**
 * Compares what the bridge accepted with what the server stored, and with what the straps really said:
 * sample by sample, as multisets. Nothing here reads a file or a clock.
 *
 * A sample's identity is its chunk `(incarnation, n)`, its sensor, kind, time and value. So a sample that came
 * twice, never, or with another value is found, and so is one that moved into another chunk.
 *
 * @example
 * Ledger.compare(recorded, stored) // { samplesRecorded: 21600, samplesStored: 21600, lost: 0, duplicated: 0, … }
 */
import { type Bundle, SensorKind } from "@paceline/core/wire"

/** A chunk as it lies in a buffer or a store, decoded. */
export interface LedgerChunk {
  readonly incarnation: string
  readonly n: number
  readonly bundle: Bundle.Bundle
}

/** `atMillis` is milliseconds since the epoch, `value` in the kind's unit. */
export interface Sample {
  readonly sensor: string
  readonly kind: Bundle.Block["kind"]
  readonly atMillis: number
  readonly value: number
}

export interface Comparison {
  readonly samplesRecorded: number
  readonly samplesStored: number
  /** Recorded, but not stored. */
  readonly lost: number
  /** Stored more often than recorded. */
  readonly duplicated: number
  /** Stored, but never recorded in any chunk. */
  readonly altered: number
  /** The first few of them, in words. */
  readonly findings: ReadonlyArray<string>
}

/** So many findings are told in words; the rest are only counted. */
const TOLD = 10

export function* samplesOf(bundle: Bundle.Bundle): Generator<Sample> {
  for (const { sensor, kind, atMillis, values } of bundle) {
    for (const [i, at] of atMillis.entries()) {
      yield { sensor, kind, atMillis: at, value: values[i] ?? Number.NaN }
    }
  }
}

const keyOf = ({ sensor, kind, atMillis, value }: Sample): string =>
  `${sensor}|${kind}|${atMillis}|${Object.is(value, -0) ? "-0" : value}`

const add = (counts: Map<string, number>, key: string, by: number) => counts.set(key, (counts.get(key) ?? 0) + by)

export const compare = (recorded: Iterable<LedgerChunk>, stored: Iterable<LedgerChunk>): Comparison => {
  /** For each identity: how often it was recorded, less how often it was stored. */
  const balance = new Map<string, number>()
  const everRecorded = new Set<string>()
  let samplesRecorded = 0
  let samplesStored = 0
  for (const { incarnation, n, bundle } of recorded) {
    for (const sample of samplesOf(bundle)) {
      samplesRecorded++
      const key = keyOf(sample)
      everRecorded.add(key)
      add(balance, `${incarnation}/${n} ${key}`, 1)
    }
  }
  for (const { incarnation, n, bundle } of stored) {
    for (const sample of samplesOf(bundle)) {
      samplesStored++
      add(balance, `${incarnation}/${n} ${keyOf(sample)}`, -1)
    }
  }

  let [lost, duplicated, altered] = [0, 0, 0]
  const findings: Array<string> = []
  for (const [identity, count] of balance) {
    if (count === 0) continue
    const known = everRecorded.has(identity.slice(identity.indexOf(" ") + 1))
    if (count > 0) lost += count
    else if (known) duplicated -= count
    else altered -= count
    if (findings.length < TOLD) {
      findings.push(`${count > 0 ? "lost" : known ? "stored twice" : "never recorded, but stored"}: ${identity}`)
    }
  }
  return { samplesRecorded, samplesStored, lost, duplicated, altered, findings }
}

export interface SourceCheck {
  /** Recorded, but no strap ever said it (or not so often). */
  readonly invented: number
  /** Said by a strap while the bridge was recording, but not recorded. */
  readonly skipped: number
  /** Said by a strap while the bridge was dead: nobody could hear it. */
  readonly unheard: number
  readonly findings: ReadonlyArray<string>
}

/**
 * Checks the bridge against its source: `said` is all that the straps say from the first moment to the last.
 *
 * A bridge hears nothing before it has started, and one that is killed misses what is said until it is back,
 * and what it had not made durable. Apart from that it must have recorded everything: within one incarnation
 * nothing of a stream may be missing between the first and the last sample recorded, and each stream's last
 * sample must be there. The mark that an activity begins is the bridge's own word, and not looked at.
 */
export const checkSource = (recorded: ReadonlyArray<LedgerChunk>, said: Iterable<Sample>): SourceCheck => {
  const balance = new Map<string, number>()
  /** For each stream, the spans of time that an incarnation covers. */
  const spans = new Map<string, Map<string, { from: number; to: number }>>()
  for (const { incarnation, bundle } of recorded) {
    for (const sample of samplesOf(bundle)) {
      if (isStart(sample)) continue
      add(balance, keyOf(sample), 1)
      const stream = streamOf(sample)
      const byIncarnation = spans.get(stream) ?? new Map<string, { from: number; to: number }>()
      spans.set(stream, byIncarnation)
      const span = byIncarnation.get(incarnation)
      if (span === undefined) byIncarnation.set(incarnation, { from: sample.atMillis, to: sample.atMillis })
      else {
        span.from = Math.min(span.from, sample.atMillis)
        span.to = Math.max(span.to, sample.atMillis)
      }
    }
  }

  const findings: Array<string> = []
  const tell = (finding: string) => {
    if (findings.length < TOLD) findings.push(finding)
  }
  /** The last sample of each stream that was said. */
  const ends = new Map<string, { readonly sample: Sample; readonly heard: boolean }>()
  let [invented, skipped, unheard] = [0, 0, 0]
  for (const sample of said) {
    const key = keyOf(sample)
    const stream = streamOf(sample)
    const heard = (balance.get(key) ?? 0) > 0
    if (heard) add(balance, key, -1)
    else {
      const inside = [...(spans.get(stream)?.values() ?? [])].some(
        ({ from, to }) => from < sample.atMillis && sample.atMillis < to,
      )
      if (inside) {
        skipped++
        tell(`said while the bridge was recording, but not recorded: ${key}`)
      } else unheard++
    }
    ends.set(stream, { sample, heard })
  }
  for (const { sample, heard } of ends.values()) {
    if (heard) continue
    skipped++
    unheard--
    tell(`the end of a stream was not recorded: ${keyOf(sample)}`)
  }
  for (const [key, count] of balance) {
    if (count === 0) continue
    invented += count
    tell(`recorded, but never said: ${key}`)
  }
  return { invented, skipped, unheard, findings }
}

const isStart = ({ kind, value }: Sample): boolean => kind === "activity" && value === SensorKind.ACTIVITY_STARTED

const streamOf = ({ sensor, kind }: Sample): string => `${sensor}|${kind}`
