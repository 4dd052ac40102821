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
import { Cause, type Config, type ConfigError, Context, Effect, Exit, FiberRef, Layer, Random } from "effect"
import * as BoundedMap from "../kernel/resilience/BoundedMap.ts"
import * as Kernel from "../kernel/resilience/Retry.ts"
import * as RetryBudget from "../kernel/resilience/RetryBudget.ts"
import * as Configured from "./Configured.ts"
import { countedBy } from "./Counted.ts"
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

const countOutcome = countedBy(
  { name: "paceline_retries_total", description: "Retries granted, and calls given up by reason" },
  "outcome",
)

const count = (event: RetryEvent): void => countOutcome(event._tag === "Retrying" ? "again" : event.reason)

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
    let last: { readonly error: E } | undefined
    let begun = 1

    const attempt = (number: number, previousMillis: number): Effect.Effect<A, RetryFailure<E>, R> => {
      begun = number
      return Effect.matchCauseEffect(effect, {
        onSuccess: Exit.succeed,
        onFailure: (cause) => {
          const failure = Cause.failureOrCause(cause)
          if (failure._tag === "Right") return Exit.failCause(failure.right)
          const error = failure.left
          last = { error }
          return Effect.flatMap(Random.next, (random) => {
            const nowMillis = FiberClock.nowMillis(fiber)
            const decision = decide(
              plan,
              { error, attempt: number, startedAtMillis, nowMillis, previousMillis },
              random,
            )
            return decision._tag === "Stop"
              ? Effect.fail(failureOf(error, decision.reason, number))
              : Effect.flatMap(Effect.sleep(decision.delayMillis), () => attempt(number + 1, decision.delayMillis))
          })
        },
      })
    }

    const late = (): RetryFailure<E | TimeoutExceeded> => {
      const error = last === undefined ? new TimeoutExceeded(plan.settings.totalMillis) : last.error
      plan.onEvent?.({ _tag: "GaveUp", attempts: begun, reason: "total-time", error })
      return failureOf(error, "total-time", begun)
    }
    return within(Effect.locally(attempt(1, 0), retried, true), plan.settings.totalMillis, late)
  })

/** One retry a key, such as a dependency, each with a budget of its own. */
export interface KeyedRetry {
  readonly get: (key: string) => Retry
  readonly run: (key: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TimeoutExceeded, R>
}

export interface KeyedOptions extends Omit<RetryOptions, "budget" | "breaker"> {
  readonly budget?: RetryBudget.BudgetSettings
  /** What was not used lately goes first. Default 1,000. */
  readonly maxKeys?: number
}

export const makeKeyed = (options: KeyedOptions = {}): Effect.Effect<KeyedRetry> =>
  Effect.sync(() => {
    const { maxKeys = 1_000, ...retry } = options
    const map = BoundedMap.make<string, Retry>(maxKeys)
    const get = (key: string): Retry => BoundedMap.getOrMake(map, key, () => fromPlan(plan(retry)))
    return { get, run: (key) => (effect) => get(key).run(effect) }
  })

/** The retries of a program, by who waits. They share one budget. */
export class Retries extends Context.Tag("@paceline/core/resilience/Retries")<
  Retries,
  { readonly user: Retry; readonly system: Retry }
>() {}

const layerOf = (user: RetryOptions, system: RetryOptions, budget: RetryOptions["budget"]): Layer.Layer<Retries> =>
  Layer.sync(Retries, () => {
    const shared = plan(budget === undefined ? {} : { budget }).budget
    return {
      user: fromPlan(plan({ ...user, budget: shared })),
      system: fromPlan(plan({ ...system, budget: shared })),
    }
  })

export const layer = (options: RetryOptions = {}): Layer.Layer<Retries> =>
  layerOf({ ...Kernel.user, ...options }, { ...Kernel.system, ...options }, options.budget)

/** What of retries an operator sets: `RETRY_USER_ATTEMPTS`, `RETRY_SYSTEM_TOTAL_MILLIS`, `RETRY_BUDGET_RATIO` and so on. */
export const config = Configured.retries

/** Settings read from the configuration; what is absent has the default of who waits, or of who does not. */
export const layerConfig = (
  read: Config.Config<Configured.RetriesSettings> = config,
): Layer.Layer<Retries, ConfigError.ConfigError> =>
  Layer.unwrapEffect(Effect.map(read, ({ user, system, budget }) => layerOf(user, system, budget)))
