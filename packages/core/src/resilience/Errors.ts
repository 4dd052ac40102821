/**
 * What the guards of this folder fail with. Plain classes with a `_tag`, the same for effects (`Effect.catchTag`)
 * and for promises (`instanceof`), so that this file needs no library.
 */

/** Why a breaker refused. `half-open` and `returning`: enough calls are on their way already. */
export type RefusalReason = "open" | "half-open" | "returning" | "isolated" | "forced-open"

/** The breaker did not let the call pass; it was not made. Built once for many refusals: do not write to it. */
export class BreakerOpen extends Error {
  readonly _tag = "BreakerOpen"
  override readonly name = "BreakerOpen"
  readonly breaker: string
  readonly reason: RefusalReason
  /** When to try again, in milliseconds of the breaker's clock (the epoch, unless a test says otherwise). */
  readonly retryAtMillis: number

  constructor(breaker: string, reason: RefusalReason, retryAtMillis: number) {
    super(`The circuit breaker "${breaker}" is ${reason}; try again ${inWords(retryAtMillis)}`)
    this.breaker = breaker
    this.reason = reason
    this.retryAtMillis = retryAtMillis
  }
}

/** The call took longer than it was given, and was interrupted. */
export class TimeoutExceeded extends Error {
  readonly _tag = "TimeoutExceeded"
  override readonly name = "TimeoutExceeded"
  readonly timeoutMillis: number

  constructor(timeoutMillis: number) {
    super(`The call took longer than ${Math.round(timeoutMillis)} ms and was interrupted`)
    this.timeoutMillis = timeoutMillis
  }
}

/** One of the limits is used up. Nothing was taken from any of them. */
export class RateLimited extends Error {
  readonly _tag = "RateLimited"
  override readonly name = "RateLimited"
  /** The name of the limit that refused. */
  readonly limit: string
  /** How long to wait, in milliseconds from the refusal; Infinity when it never passes. */
  readonly retryAfterMillis: number

  constructor(limit: string, retryAfterMillis: number) {
    super(
      Number.isFinite(retryAfterMillis)
        ? `The limit "${limit}" is used up; try again in ${Math.ceil(retryAfterMillis)} ms`
        : `The call costs more than the limit "${limit}" ever allows at once`,
    )
    this.limit = limit
    this.retryAfterMillis = retryAfterMillis
  }
}

/** The call failed, and so did what should have stood in for it. */
export class FallbackFailed<E = unknown, F = unknown> extends Error {
  readonly _tag = "FallbackFailed"
  override readonly name = "FallbackFailed"
  /** What the call failed with. */
  readonly error: E
  /** What the fallback failed with. */
  readonly fallbackError: F

  constructor(error: E, fallbackError: F) {
    super("The call failed, and its fallback failed too", { cause: fallbackError })
    this.error = error
    this.fallbackError = fallbackError
  }
}

/** A calendar ends in the year 275,760; what is later is as good as never. */
const inWords = (atMillis: number): string => {
  const at = new Date(atMillis)
  return Number.isNaN(at.getTime()) ? "when somebody lets it" : `at ${at.toISOString()}`
}
