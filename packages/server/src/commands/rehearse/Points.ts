/**
 * Computes every point a second time, from the heart rates that the bridge accepted, and compares with what the
 * server awarded: by athlete and by session, to the millisecond in each zone.
 */
import type { AthleteId, PointsAward, Standing } from "@paceline/core/contract"
import { EffortPoints } from "@paceline/core/kernel"
import { SensorKind } from "@paceline/core/wire"
import { type LedgerChunk, samplesOf } from "./Ledger.ts"

export interface Wearer {
  readonly athleteId: AthleteId
  readonly alias: string
  readonly sensor: string
  readonly maxHeartRateBpm: number
}

export interface PointsComparison {
  readonly expected: number
  readonly awarded: number
  /** The differences of all athletes, each without its sign. */
  readonly wrong: number
  /** Sessions that were not awarded, or awarded with other times in zones. */
  readonly sessionsWrong: number
  readonly findings: ReadonlyArray<string>
}

/** @param awardsOf every award of an athlete, in any order */
export const compare = (
  recordedInOrder: Iterable<LedgerChunk>,
  wearers: ReadonlyArray<Wearer>,
  standings: ReadonlyArray<Standing>,
  awardsOf: (athleteId: AthleteId) => ReadonlyArray<PointsAward>,
): PointsComparison => {
  const maxHeartRates = new Map(wearers.map(({ sensor, maxHeartRateBpm }) => [sensor, maxHeartRateBpm]))
  const sessionsOf = effort(recordedInOrder, (sensor) => maxHeartRates.get(sensor) ?? 0)
  const findings: Array<string> = []
  let [expected, wrong, sessionsWrong] = [0, 0, 0]
  for (const { athleteId, alias, sensor } of wearers) {
    const sessions = sessionsOf.get(sensor) ?? []
    const due = sessions.reduce((sum, zoneMillis) => sum + EffortPoints.points(zoneMillis), 0)
    const given = standings.find((standing) => standing.athleteId === athleteId)?.points ?? 0
    expected += due
    wrong += Math.abs(due - given)
    if (due !== given) findings.push(`${alias} should have ${due} points and has ${given}`)

    const wanted = sessions.map((zoneMillis) => zoneMillis.join(" ")).sort()
    const awarded = awardsOf(athleteId)
      .map(({ zoneMillis }) => zoneMillis.join(" "))
      .sort()
    const differences = Math.max(wanted.length, awarded.length) - common(wanted, awarded)
    sessionsWrong += differences
    if (differences > 0) {
      findings.push(`${alias}'s times in zones should be [${wanted.join("; ")}] ms and are [${awarded.join("; ")}]`)
    }
  }
  const awarded = standings.reduce((sum, { points }) => sum + points, 0)
  return { expected, awarded, wrong, sessionsWrong, findings }
}

/** How many elements two lists share, each counted as often as both have it. */
const common = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): number => {
  const rest = [...b]
  return a.filter((element) => {
    const at = rest.indexOf(element)
    if (at >= 0) rest.splice(at, 1)
    return at >= 0
  }).length
}

/**
 * What each strap's sessions are worth: the milliseconds in each zone of every session that ended, computed
 * from the heart rates recorded, in the order in which they are delivered.
 *
 * @param maxHeartRateBpm the wearer's greatest heart rate, by sensor
 */
export const effort = (
  recordedInOrder: Iterable<LedgerChunk>,
  maxHeartRateBpm: (sensor: string) => number,
): ReadonlyMap<string, ReadonlyArray<EffortPoints.ZoneMillis>> => {
  const open = new Map<string, EffortPoints.Effort>()
  const ended = new Map<string, Array<EffortPoints.ZoneMillis>>()
  for (const { bundle } of recordedInOrder) {
    const finished = new Set<string>()
    for (const { sensor, kind, atMillis, value } of samplesOf(bundle)) {
      if (kind === "activity" && value === SensorKind.ACTIVITY_ENDED) finished.add(sensor)
      if (kind !== "heartRate") continue
      open.set(
        sensor,
        EffortPoints.add(open.get(sensor) ?? EffortPoints.empty, atMillis, value, maxHeartRateBpm(sensor)),
      )
    }
    // The mark ends a session after the samples of its own chunk, wherever it stands among the blocks.
    for (const sensor of finished) {
      const session = open.get(sensor)
      // Whoever ends without a single heartbeat has not begun.
      if (session === undefined) continue
      const sessions = ended.get(sensor) ?? []
      ended.set(sensor, sessions)
      sessions.push(session.zoneMillis)
      open.delete(sensor)
    }
  }
  return ended
}
