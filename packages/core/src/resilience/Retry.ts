/**
 * Tries again what may pass, and only that: jittered backoff, within a budget, and never twice over.
 *
 * Typed errors are sorted by `Fault`; defects and interruptions are never tried again. An effect that runs inside
 * another retry makes one attempt: the outermost retries, and fibers carry the knowledge. The error of a call that
 * was given up is the last attempt's own; `explained` says why as well. The total time holds for the attempt under way
 * too: it is interrupted, and the call fails with the error before, or with `TimeoutExceeded`.
 *
 * @example
 * const retry = yield* Retry.forUser()
 * yield* retry.run(saveProfile)
 */
import { Cause, Config, type ConfigError, Context, Effect, Exit, FiberRef, Layer, Metric, Random } from "effect"
import * as Kernel from "../kernel/resilience/Retry.ts"
import * as RetryBudget from "../kernel/resilience/RetryBudget.ts"
import { TimeoutExceeded } from "./Errors.ts"
import * as FiberClock from "./FiberClock.ts"
import { decide, plan, type RetryEvent, type RetryFailure, type RetryOptions, type RetryPlan } from "./RetryOptions.ts"
import { within } from "./Within.ts"

export interface Retry {
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TimeoutExceeded, R>
  /** As `run`, with the reason beside the original error. */
  readonly explained: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
  ) => Effect.Effect<A, RetryFailure<E | TimeoutExceeded>, R>
  readonly budget: RetryBudget.RetryBudget
}

/** True in a fiber that runs inside a retry. */
const retried = FiberRef.unsafeMake(false)

const outcomes = Metric.counter("paceline_retries_total", {
  description: "Retries granted, and calls given up by reason",
  incremental: true,
})

const count = (event: RetryEvent): void =>
  Metric.tagged(outcomes, "outcome", event._tag === "Retrying" ? "again" : event.reason).unsafeUpdate(1, [])

export const make = (options: RetryOptions = {}): Effect.Effect<Retry> => Effect.sync(() => fromPlan(plan(options)))

/** 5 attempts within 30 s: somebody waits. */
export const forUser = (options: RetryOptions = {}): Effect.Effect<Retry> => make({ ...Kernel.user, ...options })

/** 10 attempts within 5 min: nobody waits. */
export const forSystem = (options: RetryOptions = {}): Effect.Effect<Retry> => make({ ...Kernel.system, ...options })

/** The retry of a plan that exists already. */
export const fromPlan = (given: RetryPlan): Retry => {
  const counted: RetryPlan = {
    ...given,
    onEvent: (event) => {
      count(event)
      given.onEvent?.(event)
    },
  }
  const explained: Retry["explained"] = (effect) => attempts(counted, effect)
  return {
    explained,
    run: (effect) => Effect.catchAll(explained(effect), (failure) => Effect.fail(failure.error)),
    budget: given.budget,
  }
}

const failureOf = <E>(error: E, reason: Kernel.StopReason, made: number): RetryFailure<E> => ({
  _tag: "RetryFailure",
  error,
  reason,
  attempts: made,
})

const attempts = <A, E, R>(
  plan: RetryPlan,
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, RetryFailure<E | TimeoutExceeded>, R> =>
  Effect.withFiberRuntime((fiber) => {
    if (fiber.getFiberRef(retried)) return Effect.mapError(effect, (error) => failureOf(error, "nested", 1))
    const startedAtMillis = FiberClock.nowMillis(fiber)
    RetryBudget.call(plan.budget, startedAtMillis)
    let last: RetryFailure<E> | undefined

    const attempt = (number: number, previousMillis: number): Effect.Effect<A, RetryFailure<E>, R> =>
      Effect.matchCauseEffect(effect, {
        onSuccess: Exit.succeed,
        onFailure: (cause) => {
          const failure = Cause.failureOrCause(cause)
          if (failure._tag === "Right") return Exit.failCause(failure.right)
          const error = failure.left
          last = failureOf(error, "total-time", number)
          return Effect.flatMap(Random.next, (random) => {
            const nowMillis = FiberClock.nowMillis(fiber)
            const decision = decide(
              plan,
              { error, attempt: number, startedAtMillis, nowMillis, previousMillis },
              random,
            )
            return decision._tag === "Stop"
              ? Effect.fail(failureOf(error, decision.reason, number))
              : Effect.zipRight(Effect.sleep(decision.delayMillis), attempt(number + 1, decision.delayMillis))
          })
        },
      })

    const late = (): RetryFailure<E | TimeoutExceeded> => {
      const failure = last ?? failureOf(new TimeoutExceeded(plan.settings.totalMillis), "total-time", 1)
      plan.onEvent?.({ _tag: "GaveUp", attempts: failure.attempts, reason: "total-time", error: failure.error })
      return failure
    }
    return within(Effect.locally(attempt(1, 0), retried, true), plan.settings.totalMillis, late)
  })

/** The retries of a program, by who waits. They share one budget. */
export class Retries extends Context.Tag("@paceline/core/resilience/Retries")<
  Retries,
  { readonly user: Retry; readonly system: Retry }
>() {}

export const layer = (options: RetryOptions = {}): Layer.Layer<Retries> =>
  Layer.sync(Retries, () => {
    const { budget } = plan(options)
    return {
      user: fromPlan(plan({ ...Kernel.user, ...options, budget })),
      system: fromPlan(plan({ ...Kernel.system, ...options, budget })),
    }
  })

/** `RETRY_BUDGET_RATIO`, `RETRY_BUDGET_FLOOR` and `RETRY_RETRY_AFTER_MAX_MILLIS`. */
export const config: Config.Config<RetryOptions> = Config.all({
  ratio: Config.number("BUDGET_RATIO").pipe(Config.withDefault(RetryBudget.standard.ratio)),
  floor: Config.integer("BUDGET_FLOOR").pipe(Config.withDefault(RetryBudget.standard.floor)),
  retryAfterMaxMillis: Config.number("RETRY_AFTER_MAX_MILLIS").pipe(
    Config.withDefault(Kernel.user.retryAfterMaxMillis),
  ),
}).pipe(
  Config.nested("RETRY"),
  Config.map(({ ratio, floor, retryAfterMaxMillis }) => ({
    retryAfterMaxMillis,
    budget: { ...RetryBudget.standard, ratio, floor },
  })),
)

export const layerConfig = (
  read: Config.Config<RetryOptions> = config,
): Layer.Layer<Retries, ConfigError.ConfigError> => Layer.unwrapEffect(Effect.map(read, layer))
