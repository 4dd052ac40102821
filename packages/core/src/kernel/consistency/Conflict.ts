/**
 * What becomes of a write that was decided on an older version than the one that is stored: by the type of data.
 *
 * | data | strategy |
 * | --- | --- |
 * | money, seats: what the writer saw is why it wrote | `reject` |
 * | counters, queues: the command means the same on any state | `retry` |
 * | switches, presence, drafts: the newest wish counts | `lastWriteWins`, by a logical time in the state |
 * | profiles, settings: people edit different fields | `merge`, field by field, and asking about the rest |
 * | texts that somebody wrote | `ask` |
 *
 * @example
 * Conflict.resolve(Conflict.merge({ km: "sum" }), { base, mine, theirs })
 */
import * as CanonicalJson from "./CanonicalJson.ts"
import * as LogicalTime from "./LogicalTime.ts"
import * as Merge from "./Merge.ts"

/** @typeParam Field the names of the state's fields. */
export type Strategy<Field extends string = string> =
  | { readonly _tag: "Reject" }
  | { readonly _tag: "Retry" }
  /** The field in which the state carries the `LogicalTime` of its last write, as text. */
  | { readonly _tag: "LastWriteWins"; readonly timeField: Field }
  | { readonly _tag: "Merge"; readonly rules: { readonly [F in Field]?: Merge.Rule } }
  | { readonly _tag: "Ask" }

/** The writer is refused, and reads again. */
export const reject: Strategy<never> = { _tag: "Reject" }
/** The command is decided again, on what is stored now. */
export const retry: Strategy<never> = { _tag: "Retry" }
/** Both values go to the user, with the fields that differ. */
export const ask: Strategy<never> = { _tag: "Ask" }

export const lastWriteWins = <Field extends string>(timeField: Field): Strategy<Field> => ({
  _tag: "LastWriteWins",
  timeField,
})

/** Merges field by field; what cannot be merged goes to the user. */
export const merge = <Field extends string = never>(
  rules: { readonly [F in Field]?: Merge.Rule } = {},
): Strategy<Field> => ({
  _tag: "Merge",
  rules,
})

/** JSON data: what the writer saw (undefined when nobody knows), what it would write, and what is stored. */
export interface Values {
  readonly base: unknown
  readonly mine: unknown
  readonly theirs: unknown
}

export type Resolution =
  | { readonly _tag: "Rejected" }
  | { readonly _tag: "DecideAgain" }
  /** This is to be written. */
  | { readonly _tag: "Write"; readonly value: unknown }
  /** What is stored was written later, and stays. */
  | { readonly _tag: "Superseded" }
  /** The user decides. With `path` empty the values differ as wholes. */
  | { readonly _tag: "Ask"; readonly fields: ReadonlyArray<Merge.FieldConflict> }

export const resolve = (strategy: Strategy, values: Values): Resolution => {
  switch (strategy._tag) {
    case "Reject":
      return { _tag: "Rejected" }
    case "Retry":
      return { _tag: "DecideAgain" }
    case "LastWriteWins":
      return lastOf(strategy.timeField, values)
    case "Merge":
      return mergeOf(rulesOf(strategy.rules), values)
    case "Ask":
      return { _tag: "Ask", fields: differing(values) }
  }
}

/** What differs between mine and theirs: fields, or the values as wholes when they have none. */
export const differing = ({ base, mine, theirs }: Values): ReadonlyArray<Merge.FieldConflict> => {
  if (Merge.isFields(mine) && Merge.isFields(theirs)) {
    return Merge.differences(Merge.isFields(base) ? base : undefined, mine, theirs)
  }
  return CanonicalJson.equal(mine, theirs) ? [] : [{ path: [], base, mine, theirs }]
}

const lastOf = (timeField: string, { mine, theirs }: Values): Resolution => {
  const myTime = timeOf(mine, timeField)
  // Without a time of its own a write cannot claim to be later.
  if (myTime === undefined) return { _tag: "Rejected" }
  const theirTime = timeOf(theirs, timeField)
  return theirTime === undefined || LogicalTime.isLater(myTime, theirTime)
    ? { _tag: "Write", value: mine }
    : { _tag: "Superseded" }
}

const timeOf = (value: unknown, field: string): LogicalTime.LogicalTime | undefined =>
  Merge.isFields(value) && Object.hasOwn(value, field) ? LogicalTime.parse(value[field]) : undefined

/** Without a base nobody knows who changed what: then all that differs is asked about. */
const mergeOf = (rules: Merge.Rules, values: Values): Resolution => {
  const { base, mine, theirs } = values
  if (!Merge.isFields(base) || !Merge.isFields(mine) || !Merge.isFields(theirs)) {
    const fields = differing(values)
    return fields.length === 0 ? { _tag: "Write", value: theirs } : { _tag: "Ask", fields }
  }
  const { conflicts, value } = Merge.threeWay(base, mine, theirs, rules)
  return conflicts.length === 0 ? { _tag: "Write", value } : { _tag: "Ask", fields: conflicts }
}

const rulesOf = (rules: { readonly [field: string]: Merge.Rule | undefined }): Merge.Rules =>
  Object.fromEntries(Object.entries(rules).flatMap(([field, rule]) => (rule === undefined ? [] : [[field, rule]])))
