/** What an attempt's failure means to a saga, and how it is told in the timeline. */
import { Cause, Option } from "effect"
import { VersionConflict } from "../consistency/OptimisticLock.ts"
import * as Fault from "../kernel/resilience/Fault.ts"
import type * as Saga from "../kernel/workflow/Saga.ts"
import * as Failure from "../messaging/Failure.ts"

/** The longest text of an error that is kept. */
const LONGEST = 1_000

const textOf = (error: unknown): string => {
  const text =
    error instanceof Error
      ? error.message === ""
        ? error.name
        : error.message
      : typeof error === "string"
        ? error
        : (JSON.stringify(error) ?? String(error))
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`
}

export const failureOf = (cause: Cause.Cause<unknown>, random: number, nowMs: number): Saga.Failed => {
  const failure = Cause.failureOption(cause)
  const error = Option.getOrElse(failure, () => Cause.squash(cause))
  // A defect is a mistake in the program: the same attempt would fail again, and what it did is not known.
  const kind = Option.isNone(failure)
    ? "permanent"
    : error instanceof VersionConflict
      ? "transient"
      : Fault.kindOf(error)
  return {
    _tag: "Failed",
    error: textOf(error),
    kind,
    inDoubt: Option.isNone(failure) || (kind !== "permanent" && kind !== "refused"),
    retryAfterMillis: Failure.retryAfterMillis(cause, nowMs) || undefined,
    random,
  }
}
