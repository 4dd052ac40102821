/** What a handler's failure means to a consumer, and how it is told. */
import { Cause, Chunk, Option } from "effect"
import { StorageError } from "../consistency/UnitOfWork.ts"
import * as Fault from "../kernel/resilience/Fault.ts"

/** A failure in words, with its stack, short enough to be kept. */
const LONGEST = 4_000

export const textOf = (cause: Cause.Cause<unknown>): string => {
  const text = Cause.pretty(cause, { renderErrorCause: true })
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`
}

/** Everything that went wrong, expected or not. */
const reasons = (cause: Cause.Cause<unknown>): ReadonlyArray<unknown> => [
  ...Chunk.toReadonlyArray(Cause.failures(cause)),
  ...Chunk.toReadonlyArray(Cause.defects(cause)),
]

/** The store was in trouble, not the record: everything that is tried now would fail. */
export const isStoreTrouble = (cause: Cause.Cause<unknown>): boolean =>
  reasons(cause).some((error) => {
    const inner = error instanceof Error && !(error instanceof StorageError) ? error.cause : error
    return inner instanceof StorageError && inner.reason !== "refused"
  })

/** A guard of ours said no before anything was tried, such as an open breaker: it is no attempt. */
export const isRefused = (cause: Cause.Cause<unknown>): boolean => {
  const all = reasons(cause)
  return all.length > 0 && all.every((error) => Fault.kindOf(error) === "refused")
}

/** The error itself says that the record will never be handled: `retryable` is false. */
export const isHopeless = (cause: Cause.Cause<unknown>): boolean =>
  reasons(cause).some(
    (error) => typeof error === "object" && error !== null && Reflect.get(error, "retryable") === false,
  )

/** When the other side asks to be tried again, milliseconds from now; 0 when it does not say. */
export const retryAfterMillis = (cause: Cause.Cause<unknown>, nowMs: number): number =>
  Option.match(Cause.failureOption(cause), {
    onNone: () => 0,
    onSome: (error) => Fault.retryAfterMillis(error, nowMs) ?? 0,
  })
