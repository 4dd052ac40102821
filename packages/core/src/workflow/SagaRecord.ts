/** What is stored of a saga, and under which names. */
import { Schema } from "effect"
import type { SagaState } from "../kernel/workflow/SagaState.ts"

const Done = Schema.Struct({
  step: Schema.String,
  certain: Schema.Boolean,
  result: Schema.Unknown,
  undone: Schema.Boolean,
})

const Trying = Schema.Struct({
  attempts: Schema.Int,
  firstAtMs: Schema.NullOr(Schema.Number),
  begunAtMs: Schema.NullOr(Schema.Number),
  previousMillis: Schema.Number,
  inDoubt: Schema.Boolean,
  atMs: Schema.Number,
})

const Reason = Schema.Union(
  Schema.TaggedStruct("StepFailed", { step: Schema.String, error: Schema.String }),
  Schema.TaggedStruct("Cancelled", { why: Schema.String }),
)

const Parked = Schema.Struct({
  why: Schema.Literal("compensation-failed", "definition-changed"),
  message: Schema.String,
  from: Schema.Literal("forward", "backward"),
})

const Entry = Schema.Struct({
  step: Schema.NullOr(Schema.String),
  action: Schema.NullOr(Schema.Literal("run", "compensate")),
  attempt: Schema.Int,
  atMs: Schema.Number,
  endedAtMs: Schema.Number,
  outcome: Schema.Literal(
    "succeeded",
    "failed",
    "interrupted",
    "started",
    "cancelled",
    "parked",
    "retried",
    "settled",
    "completed",
    "compensated",
  ),
  note: Schema.NullOr(Schema.String),
})

const Stored: Schema.Schema<SagaState> = Schema.Struct({
  version: Schema.Int,
  input: Schema.Unknown,
  startedAtMs: Schema.Number,
  phase: Schema.Literal("forward", "backward", "parked", "completed", "compensated", "settled"),
  done: Schema.Array(Done),
  trying: Trying,
  reason: Schema.NullOr(Reason),
  parked: Schema.NullOr(Parked),
  claims: Schema.Int,
  timeline: Schema.Array(Entry),
})

const decode = Schema.decodeUnknownSync(Stored)

/** States that this process has just made, and stored as they are. */
const own = new WeakSet<object>()
const isOwn = (state: unknown): state is SagaState => typeof state === "object" && state !== null && own.has(state)

/** It is read as it is, without a look at its form. */
export const asOwn = (state: SagaState): SagaState => {
  own.add(state)
  return state
}

/** @throws what this library wrote itself, and cannot read, is a defect. */
export const read = (state: unknown): SagaState => (isOwn(state) ? state : decode(state))

/**
 * What a schema has encoded, as it will be read from the store: a saga that goes on in the process that stored it must
 * not see anything else than one that is taken up after a crash.
 *
 * @throws TypeError when it is no JSON data.
 */
export const asRead = (encoded: unknown): unknown =>
  typeof encoded === "object" && encoded !== null ? (flatCopy(encoded) ?? JSON.parse(JSON.stringify(encoded))) : encoded

/** The same for an object of plain values, without the text; undefined where JSON has more to say. */
const flatCopy = (encoded: object): object | undefined => {
  if (Object.getPrototypeOf(encoded) !== Object.prototype) return undefined
  const copy: { [key: string]: unknown } = {}
  for (const [key, value] of Object.entries(encoded)) {
    if (key === "__proto__" || !isAsRead(value)) return undefined
    copy[key] = value
  }
  return copy
}

/** A plain value that JSON gives back as it is. */
const isAsRead = (value: unknown): boolean =>
  value === null ||
  typeof value === "string" ||
  typeof value === "boolean" ||
  (typeof value === "number" && Number.isFinite(value) && !Object.is(value, -0))

/** Neither parked nor over, as it is stored. */
export const goesOn = (state: unknown): boolean => {
  const phase: unknown = Reflect.get(Object(state), "phase")
  return phase === "forward" || phase === "backward"
}

/** Taken in hand: what a claim marks a saga with. */
export const taken = (state: unknown): unknown => {
  const claims: unknown = Reflect.get(Object(state), "claims")
  return { ...Object(state), claims: (typeof claims === "number" ? claims : 0) + 1 }
}

/** In nobody's hands. */
export const putDown = (state: SagaState): SagaState => (state.claims === 0 ? state : { ...state, claims: 0 })

export const kindOf = (saga: string): string => `saga/${saga}`
/** One entry for each saga that waits for a person. */
export const parkedKindOf = (saga: string): string => `saga-parked/${saga}`
/** Wishes to cancel what is in somebody's hands. */
export const cancelKindOf = (saga: string): string => `saga-cancel/${saga}`

const Wish = Schema.Struct({ why: Schema.String })
/** @throws when it is none: a defect. */
export const readWish = Schema.decodeUnknownSync(Wish)
