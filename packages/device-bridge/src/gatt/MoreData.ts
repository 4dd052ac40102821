/**
 * Joins the packets of a fitness machine's data record. A record that does not fit into one packet comes in parts,
 * of which all but the last set More Data (Fitness Machine Service 1.0, section 4.19).
 *
 *     let unfinished: MeasurementOf<"2AD2"> | undefined
 *     const joined = joinMoreData(unfinished, packet)
 *     unfinished = joined.unfinished
 *     if (joined.record) show(joined.record)       // speed of one packet, power of another
 *
 * A part that brings a field again, other than the elapsed time, belongs to a new record: the end of the one before
 * was lost, and its values must not pass for present ones. On a lost connection, start again from undefined.
 */
import type { MeasurementOf } from "./Characteristic.ts"

/** What a fitness machine sends. */
export type MachineData = MeasurementOf<"2ACD"> | MeasurementOf<"2ACE"> | MeasurementOf<"2AD1"> | MeasurementOf<"2AD2">

export interface Joined<M extends MachineData> {
  /** The whole record, when this part was its last. */
  readonly record: M | undefined
  /** What to hand in with the next part. */
  readonly unfinished: M | undefined
  /** Whether `unfinished` as handed in was given up, because this part begins another record. */
  readonly lost: boolean
}

/** One more part of the machine whose parts so far are `unfinished`. */
export const joinMoreData = <M extends MachineData>(unfinished: M | undefined, part: M): Joined<M> => {
  const lost = unfinished !== undefined && repeats(unfinished, part)
  const joined: M = unfinished === undefined || lost ? part : { ...unfinished, ...part }
  return part.moreData
    ? { record: undefined, unfinished: joined, lost }
    : { record: joined, unfinished: undefined, lost }
}

/** What each part says about itself, or may repeat: time-sensitive parts carry the time they were taken at. */
const IN_EVERY_PART: ReadonlySet<string> = new Set(["_tag", "moreData", "direction", "elapsedSeconds"])

const repeats = (unfinished: MachineData, part: MachineData): boolean =>
  Object.keys(part).some((name) => !IN_EVERY_PART.has(name) && Object.hasOwn(unfinished, name))
