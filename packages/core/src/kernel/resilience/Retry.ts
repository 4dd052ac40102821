/**
 * Decides whether a failed call is tried again, and after how long.
 *
 * Asked after every failure, it answers with a delay or with the reason to give up. Errors that will not pass
 * (validation, permission, logic) are never tried again; nor is anything while a breaker is open, nor inside a call
 * that somebody further out retries already, so that nested retries do not multiply.
 *
 * @example
 * Retry.decide(Retry.user, { attempt: 1, kind: "transient", elapsedMillis: 40, previousMillis: 0 }, Math.random())
 */
import * as Backoff from "./Backoff.ts"
import * as Fault from "./Fault.ts"

export interface RetrySettings {
  /** Attempts in all, the first one included: N retries are N + 1 attempts. */
  readonly attempts: number
  readonly backoff: Backoff.Backoff
  readonly jitter: "full" | "decorrelated"
  /** No answer later than this after the first attempt began, in milliseconds. */
  readonly totalMillis: number
  /** The server's Retry-After is followed up to this many milliseconds. */
  readonly retryAfterMaxMillis: number
}

/** A user waits: 5 attempts, 100 ms doubling to 10 s, full jitter, 30 s in all. */
export const user: RetrySettings = {
  attempts: 5,
  backoff: Backoff.standard,
  jitter: "full",
  totalMillis: 30_000,
  retryAfterMaxMillis: 10_000,
}

/** Nobody waits: 10 attempts, the same backoff, 5 min in all. */
export const system: RetrySettings = { ...user, attempts: 10, totalMillis: 300_000, retryAfterMaxMillis: 60_000 }

export interface Failure {
  /** Which attempt failed, from 1. */
  readonly attempt: number
  readonly kind: Fault.FaultKind
  /** Since the first attempt began. */
  readonly elapsedMillis: number
  /** The delay before this attempt; 0 for the first. */
  readonly previousMillis: number
  /** What the other side asked for. */
  readonly retryAfterMillis?: number | undefined
  readonly breakerOpen?: boolean
  /** Somebody further out retries this call. */
  readonly nested?: boolean
}

/** Why a call is not tried again. */
export type StopReason =
  | "permanent"
  | "cancelled"
  | "attempts"
  | "total-time"
  | "budget"
  | "breaker-open"
  | "refused"
  | "nested"

export type Decision =
  | { readonly _tag: "Again"; readonly delayMillis: number }
  | { readonly _tag: "Stop"; readonly reason: StopReason }

const stop = (reason: StopReason): Decision => ({ _tag: "Stop", reason })

/**
 * @param random a number in [0, 1), drawn by the caller
 * @param budget asked last, and only when everything else speaks for another attempt
 */
export const decide = (
  settings: RetrySettings,
  failure: Failure,
  random: number,
  budget: () => boolean = () => true,
): Decision => {
  if (failure.kind === "cancelled") return stop("cancelled")
  if (failure.breakerOpen === true) return stop("breaker-open")
  if (failure.kind === "refused") return stop("refused")
  if (!Fault.mayPass(failure.kind)) return stop("permanent")
  if (failure.nested === true) return stop("nested")
  if (failure.attempt >= settings.attempts) return stop("attempts")
  const delayMillis = delayAfter(settings, failure, random)
  if (failure.elapsedMillis + delayMillis >= settings.totalMillis) return stop("total-time")
  return budget() ? { _tag: "Again", delayMillis } : stop("budget")
}

const delayAfter = (settings: RetrySettings, failure: Failure, random: number): number => {
  if (failure.retryAfterMillis !== undefined) {
    return Math.max(0, Math.min(failure.retryAfterMillis, settings.retryAfterMaxMillis))
  }
  return settings.jitter === "full"
    ? Backoff.delayMillis(settings.backoff, failure.attempt - 1, random)
    : Backoff.decorrelatedMillis(settings.backoff, failure.previousMillis, random)
}
