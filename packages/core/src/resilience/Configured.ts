/**
 * What an operator sets of the guards: every setting by its name, such as `BREAKER_ERROR_RATE=0.3`. What is absent has
 * its default. What cannot be is a `ConfigError` that names the setting and says what is allowed.
 *
 * Lists are separated by commas: `BREAKER_STEPS=10,40,160`; empty for none.
 */
import { Config } from "effect"
import * as TimeoutKernel from "../kernel/resilience/AdaptiveTimeout.ts"
import * as BreakerSettings from "../kernel/resilience/BreakerSettings.ts"
import * as DegradationKernel from "../kernel/resilience/Degradation.ts"
import * as RetryKernel from "../kernel/resilience/Retry.ts"
import * as RetryBudget from "../kernel/resilience/RetryBudget.ts"
import type { WindowShape } from "../kernel/resilience/SlidingWindow.ts"
import type { CachedOptions } from "./FallbackOptions.ts"
import type { RetryOptions } from "./RetryOptions.ts"

const number = (name: string, least: number, standard: number, most = Number.POSITIVE_INFINITY) =>
  Config.number(name).pipe(
    Config.validate({
      message: most === Number.POSITIVE_INFINITY ? `must be from ${least}` : `must be from ${least} to ${most}`,
      validation: (value) => value >= least && value <= most,
    }),
    Config.withDefault(standard),
  )

const whole = (name: string, least: number, standard: number) =>
  Config.integer(name).pipe(
    Config.validate({
      message: `must be a whole number from ${least}`,
      validation: (value) => Number.isSafeInteger(value) && value >= least,
    }),
    Config.withDefault(standard),
  )

/** Milliseconds, above 0. */
const millis = (name: string, standard: number) => number(name, 1, standard)

const share = (name: string, standard: number) => number(name, 0, standard, 1)

/** How many keys a keyed guard keeps. */
const maxKeys = whole("MAX_KEYS", 1, 1_000)

/** What does not fit together is said by the kernel itself. */
const checked = <A>(config: Config.Config<A>, check: (settings: A) => unknown): Config.Config<A> =>
  Config.mapAttempt(config, (settings) => {
    check(settings)
    return settings
  })

const steps = Config.string("STEPS").pipe(
  Config.map((list) => list.split(",").flatMap((step) => (step.trim() === "" ? [] : [Number(step)]))),
  Config.validate({
    message: "must be whole numbers from 1, separated by commas",
    validation: (list) => list.every((step) => Number.isSafeInteger(step) && step >= 1),
  }),
  Config.withDefault(BreakerSettings.standard.steps),
)

const standard = BreakerSettings.standard

/** The last `WINDOW_CALLS` calls, where that is set; otherwise `WINDOW_MILLIS` in `WINDOW_BUCKETS`. */
const window: Config.Config<WindowShape> = Config.all({
  calls: whole("CALLS", 1, 0),
  millis: millis("MILLIS", 30_000),
  buckets: whole("BUCKETS", 1, 30),
}).pipe(
  Config.nested("WINDOW"),
  Config.map(({ calls, millis, buckets }) =>
    calls > 0 ? { kind: "count", calls } : { kind: "time", millis, buckets: Math.min(buckets, millis) },
  ),
)

const openMillis = Config.all({
  baseMillis: number("BASE_MILLIS", 0, standard.openMillis.baseMillis),
  maxMillis: number("MAX_MILLIS", 0, standard.openMillis.maxMillis),
  factor: number("FACTOR", 1, standard.openMillis.factor),
}).pipe(Config.nested("OPEN"))

/** `BREAKER_…`: all of `BreakerSettings`, and `BREAKER_MAX_KEYS`. */
export const breaker: Config.Config<BreakerSettings.BreakerSettings & { readonly maxKeys: number }> = Config.all({
  window,
  minimumCalls: whole("MINIMUM_CALLS", 1, standard.minimumCalls),
  errorRate: share("ERROR_RATE", standard.errorRate),
  slowCallMillis: millis("SLOW_CALL_MILLIS", standard.slowCallMillis),
  slowCallRate: share("SLOW_CALL_RATE", standard.slowCallRate),
  timeouts: whole("TIMEOUTS", 0, standard.timeouts),
  timeoutWindowMillis: millis("TIMEOUT_WINDOW_MILLIS", standard.timeoutWindowMillis),
  consecutiveFailures: whole("CONSECUTIVE_FAILURES", 0, standard.consecutiveFailures),
  openMillis,
  probes: whole("PROBES", 1, standard.probes),
  probeFailureRate: share("PROBE_FAILURE_RATE", standard.probeFailureRate),
  probeMaxMillis: millis("PROBE_MAX_MILLIS", standard.probeMaxMillis),
  steps,
  stepMillis: millis("STEP_MILLIS", standard.stepMillis),
  maxKeys,
}).pipe(Config.nested("BREAKER"))

/** The retries of those who wait and of those who do not, and the budget that they share. */
export interface RetriesSettings {
  readonly user: RetryKernel.RetrySettings
  readonly system: RetryKernel.RetrySettings
  readonly budget: RetryBudget.BudgetSettings
}

const retrySettings = (name: string, preset: RetryKernel.RetrySettings): Config.Config<RetryKernel.RetrySettings> =>
  Config.all({
    attempts: whole("ATTEMPTS", 1, preset.attempts),
    backoff: Config.all({
      baseMillis: number("BASE_MILLIS", 0, preset.backoff.baseMillis),
      maxMillis: number("MAX_MILLIS", 0, preset.backoff.maxMillis),
      factor: number("FACTOR", 1, preset.backoff.factor),
    }).pipe(Config.nested("BACKOFF")),
    jitter: Config.literal("full", "decorrelated")("JITTER").pipe(Config.withDefault(preset.jitter)),
    totalMillis: millis("TOTAL_MILLIS", preset.totalMillis),
    retryAfterMaxMillis: number("RETRY_AFTER_MAX_MILLIS", 0, preset.retryAfterMaxMillis),
  }).pipe(Config.nested(name))

/** `RETRY_USER_…` and `RETRY_SYSTEM_…`: all of `RetrySettings`; `RETRY_BUDGET_…`: all of `BudgetSettings`. */
export const retries: Config.Config<RetriesSettings> = Config.all({
  user: retrySettings("USER", RetryKernel.user),
  system: retrySettings("SYSTEM", RetryKernel.system),
  budget: Config.all({
    ratio: number("RATIO", 0, RetryBudget.standard.ratio),
    floor: whole("FLOOR", 0, RetryBudget.standard.floor),
    windowMillis: number("WINDOW_MILLIS", 10, RetryBudget.standard.windowMillis),
  }).pipe(Config.nested("BUDGET")),
}).pipe(Config.nested("RETRY"))

/** What of it holds for one who waits, or does not. */
export const retryOptions = ({ user, system, budget }: RetriesSettings, waits: boolean): RetryOptions => ({
  ...(waits ? user : system),
  budget,
})

/** `TIMEOUT_…`: all of `TimeoutSettings`, and `TIMEOUT_MAX_KEYS`. */
export const timeout: Config.Config<TimeoutKernel.TimeoutSettings & { readonly maxKeys: number }> = checked(
  Config.all({
    minMillis: millis("MIN_MILLIS", TimeoutKernel.standard.minMillis),
    maxMillis: millis("MAX_MILLIS", TimeoutKernel.standard.maxMillis),
    multiple: number("MULTIPLE", 1, TimeoutKernel.standard.multiple),
    quantile: number("QUANTILE", 0.01, TimeoutKernel.standard.quantile, 0.999),
    minimumCalls: whole("MINIMUM_CALLS", 1, TimeoutKernel.standard.minimumCalls),
    windowMillis: millis("WINDOW_MILLIS", TimeoutKernel.standard.windowMillis),
    maxKeys,
  }),
  TimeoutKernel.make,
).pipe(Config.nested("TIMEOUT"))

/** `FALLBACK_MAX_AGE_MILLIS` and `FALLBACK_MAX_KEYS`. */
export const fallback: Config.Config<Required<Pick<CachedOptions, "maxAgeMillis" | "maxKeys">>> = Config.all({
  maxAgeMillis: number("MAX_AGE_MILLIS", 0, 3_600_000),
  maxKeys,
}).pipe(Config.nested("FALLBACK"))

/** `DEGRADATION_…`: all of `DegradationSettings`. Pressures are parts of all that can be done. */
export const degradation: Config.Config<DegradationKernel.DegradationSettings> = checked(
  Config.all({
    degradeAt: number("DEGRADE_AT", 0, DegradationKernel.standard.degradeAt),
    recoverAt: number("RECOVER_AT", 0, DegradationKernel.standard.recoverAt),
    degradeAfterMillis: number("DEGRADE_AFTER_MILLIS", 0, DegradationKernel.standard.degradeAfterMillis),
    recoverAfterMillis: number("RECOVER_AFTER_MILLIS", 0, DegradationKernel.standard.recoverAfterMillis),
  }),
  DegradationKernel.make,
).pipe(Config.nested("DEGRADATION"))

/** `POLICY_MAX_KEYS`: for how many dependencies policies are kept. */
export const policy: Config.Config<{ readonly maxKeys: number }> = Config.all({ maxKeys }).pipe(Config.nested("POLICY"))

/** `RATE_LIMIT_MAX_KEYS`: how many keys are kept in this process for each limit. */
export const rateLimit: Config.Config<{ readonly maxKeys: number }> = Config.all({
  maxKeys: whole("MAX_KEYS", 1, 100_000),
}).pipe(Config.nested("RATE_LIMIT"))
