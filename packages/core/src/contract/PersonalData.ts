/**
 * What a server keeps of an athlete, to be handed to them and to be erased.
 *
 * Each context that keeps something of athletes has a section. Together they are all there is: whoever adds a table with
 * an athlete in it adds it to its context's section.
 */
import { Context, type Effect, type Stream } from "effect"
import type { Unavailable } from "./Errors.ts"
import type { AthleteId } from "./Ids.ts"

/** A line of an export: plain JSON data, named by its `type`. */
export interface PersonalRecord {
  readonly type: string
  readonly [field: string]: unknown
}

export interface PersonalDataSection {
  readonly name: string
  /** All that the context keeps of the athlete, page by page: it never has more than a page of it in memory. */
  readonly export: (athleteId: AthleteId) => Stream.Stream<PersonalRecord, Unavailable>
  /** Shuts the door, in the unit of work of the decision to erase: nothing new of the athlete comes in from then on. */
  readonly close: (athleteId: AthleteId) => Effect.Effect<void, Unavailable>
  /**
   * Erases one page, from `place` on (null: the first), as a unit of work. Answers where to go on, null when there is
   * nothing left. May be asked again for the same place.
   */
  readonly forget: (athleteId: AthleteId, place: string | null) => Effect.Effect<string | null, Unavailable>
}

/** Port: the sections of all contexts. */
export class PersonalData extends Context.Tag("@paceline/core/contract/PersonalData")<
  PersonalData,
  ReadonlyArray<PersonalDataSection>
>() {}

/**
 * Port: whether an athlete was erased, or is being erased. What arrives late of them is to be passed over. Asked inside a
 * unit of work, the answer holds for that unit.
 */
export class ErasedAthletes extends Context.Tag("@paceline/core/contract/ErasedAthletes")<
  ErasedAthletes,
  { readonly has: (athleteId: AthleteId) => Effect.Effect<boolean, Unavailable> }
>() {}
