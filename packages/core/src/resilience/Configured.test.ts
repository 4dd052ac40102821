import { describe, expect, it } from "@effect/vitest"
import { type Config, ConfigError, ConfigProvider, Context, Effect, Layer } from "effect"
import * as TimeoutKernel from "../kernel/resilience/AdaptiveTimeout.ts"
import * as BreakerSettings from "../kernel/resilience/BreakerSettings.ts"
import * as DegradationKernel from "../kernel/resilience/Degradation.ts"
import * as RetryKernel from "../kernel/resilience/Retry.ts"
import * as RetryBudget from "../kernel/resilience/RetryBudget.ts"
import * as CircuitBreaker from "./CircuitBreaker.ts"
import * as Configured from "./Configured.ts"
import * as Degradation from "./Degradation.ts"
import * as Fallback from "./Fallback.ts"
import * as Policy from "./Policy.ts"
import * as RateLimiter from "./RateLimiter.ts"
import * as Retry from "./Retry.ts"
import * as Timeout from "./Timeout.ts"

/** As the environment gives them: `BREAKER_ERROR_RATE`. */
const environment = (values: Readonly<Record<string, string>>) =>
  ConfigProvider.fromMap(new Map(Object.entries(values)), { pathDelim: "_" })

const read = <A>(config: Config.Config<A>, values: Readonly<Record<string, string>>) =>
  Effect.withConfigProvider(config, environment(values))

/** Each key, a value, and where it must come to stand; all values differ from the defaults. */
const breakerKeys: ReadonlyArray<readonly [key: string, value: string, changed: object]> = [
  ["BREAKER_MINIMUM_CALLS", "7", { minimumCalls: 7 }],
  ["BREAKER_ERROR_RATE", "0.3", { errorRate: 0.3 }],
  ["BREAKER_SLOW_CALL_MILLIS", "700", { slowCallMillis: 700 }],
  ["BREAKER_SLOW_CALL_RATE", "0.2", { slowCallRate: 0.2 }],
  ["BREAKER_TIMEOUTS", "3", { timeouts: 3 }],
  ["BREAKER_TIMEOUT_WINDOW_MILLIS", "500", { timeoutWindowMillis: 500 }],
  ["BREAKER_CONSECUTIVE_FAILURES", "4", { consecutiveFailures: 4 }],
  ["BREAKER_PROBES", "2", { probes: 2 }],
  ["BREAKER_PROBE_FAILURE_RATE", "0.1", { probeFailureRate: 0.1 }],
  ["BREAKER_PROBE_MAX_MILLIS", "900", { probeMaxMillis: 900 }],
  ["BREAKER_STEPS", "2, 8", { steps: [2, 8] }],
  ["BREAKER_STEPS", "", { steps: [] }],
  ["BREAKER_STEP_MILLIS", "800", { stepMillis: 800 }],
  ["BREAKER_MAX_KEYS", "9", { maxKeys: 9 }],
  ["BREAKER_WINDOW_CALLS", "50", { window: { kind: "count", calls: 50 } }],
  ["BREAKER_WINDOW_MILLIS", "9000", { window: { kind: "time", millis: 9_000, buckets: 30 } }],
  ["BREAKER_WINDOW_BUCKETS", "10", { window: { kind: "time", millis: 30_000, buckets: 10 } }],
  ["BREAKER_OPEN_BASE_MILLIS", "1", { openMillis: { baseMillis: 1, maxMillis: 120_000, factor: 2 } }],
  ["BREAKER_OPEN_MAX_MILLIS", "2", { openMillis: { baseMillis: 5_000, maxMillis: 2, factor: 2 } }],
  ["BREAKER_OPEN_FACTOR", "3", { openMillis: { baseMillis: 5_000, maxMillis: 120_000, factor: 3 } }],
]
const timeoutKeys: typeof breakerKeys = [
  ["TIMEOUT_MIN_MILLIS", "10", { minMillis: 10 }],
  ["TIMEOUT_MAX_MILLIS", "700", { maxMillis: 700 }],
  ["TIMEOUT_MULTIPLE", "3", { multiple: 3 }],
  ["TIMEOUT_QUANTILE", "0.5", { quantile: 0.5 }],
  ["TIMEOUT_MINIMUM_CALLS", "2", { minimumCalls: 2 }],
  ["TIMEOUT_WINDOW_MILLIS", "100", { windowMillis: 100 }],
  ["TIMEOUT_MAX_KEYS", "5", { maxKeys: 5 }],
]
const degradationKeys: typeof breakerKeys = [
  ["DEGRADATION_DEGRADE_AT", "0.8", { degradeAt: 0.8 }],
  ["DEGRADATION_RECOVER_AT", "0.2", { recoverAt: 0.2 }],
  ["DEGRADATION_DEGRADE_AFTER_MILLIS", "100", { degradeAfterMillis: 100 }],
  ["DEGRADATION_RECOVER_AFTER_MILLIS", "200", { recoverAfterMillis: 200 }],
]
const retryKeys: ReadonlyArray<readonly [key: string, value: string, changed: Partial<RetryKernel.RetrySettings>]> = [
  ["ATTEMPTS", "3", { attempts: 3 }],
  ["BACKOFF_BASE_MILLIS", "7", { backoff: { ...RetryKernel.user.backoff, baseMillis: 7 } }],
  ["BACKOFF_MAX_MILLIS", "70", { backoff: { ...RetryKernel.user.backoff, maxMillis: 70 } }],
  ["BACKOFF_FACTOR", "3", { backoff: { ...RetryKernel.user.backoff, factor: 3 } }],
  ["JITTER", "decorrelated", { jitter: "decorrelated" }],
  ["TOTAL_MILLIS", "500", { totalMillis: 500 }],
  ["RETRY_AFTER_MAX_MILLIS", "0", { retryAfterMaxMillis: 0 }],
]

describe("each setting is read from the configuration, and nothing else changes", () => {
  it.effect("with nothing set, all have the defaults", () =>
    Effect.gen(function* () {
      expect(yield* read(Configured.breaker, {})).toEqual({ ...BreakerSettings.standard, maxKeys: 1_000 })
      expect(yield* read(Configured.timeout, {})).toEqual({ ...TimeoutKernel.standard, maxKeys: 1_000 })
      expect(yield* read(Configured.degradation, {})).toEqual(DegradationKernel.standard)
      expect(yield* read(Configured.retries, {})).toEqual({
        user: RetryKernel.user,
        system: RetryKernel.system,
        budget: RetryBudget.standard,
      })
    }),
  )

  it.effect.each([...breakerKeys])("%s=%s", ([key, value, changed]) =>
    Effect.gen(function* () {
      const settings = yield* read(Configured.breaker, { [key]: value })
      expect(settings).toEqual({ ...BreakerSettings.standard, maxKeys: 1_000, ...changed })
    }),
  )

  it.effect.each([...timeoutKeys])("%s=%s", ([key, value, changed]) =>
    Effect.gen(function* () {
      const settings = yield* read(Configured.timeout, { [key]: value })
      expect(settings).toEqual({ ...TimeoutKernel.standard, maxKeys: 1_000, ...changed })
    }),
  )

  it.effect.each([...degradationKeys])("%s=%s", ([key, value, changed]) =>
    Effect.gen(function* () {
      const settings = yield* read(Configured.degradation, { [key]: value })
      expect(settings).toEqual({ ...DegradationKernel.standard, ...changed })
    }),
  )

  it.effect.each([...retryKeys])("RETRY_USER_%s=%s and RETRY_SYSTEM_%s, apart", ([key, value, changed]) =>
    Effect.gen(function* () {
      const user = yield* read(Configured.retries, { [`RETRY_USER_${key}`]: value })
      expect(user).toEqual({
        user: { ...RetryKernel.user, ...changed },
        system: RetryKernel.system,
        budget: RetryBudget.standard,
      })
      const system = yield* read(Configured.retries, { [`RETRY_SYSTEM_${key}`]: value })
      expect(system.system).toEqual({ ...RetryKernel.system, ...changed })
    }),
  )

  it.effect("the budget of retries, fallbacks, limits and policies", () =>
    Effect.gen(function* () {
      const budget = { RETRY_BUDGET_RATIO: "0.5", RETRY_BUDGET_FLOOR: "1", RETRY_BUDGET_WINDOW_MILLIS: "99" }
      expect((yield* read(Configured.retries, budget)).budget).toEqual({ ratio: 0.5, floor: 1, windowMillis: 99 })
      const fallback = { FALLBACK_MAX_AGE_MILLIS: "5", FALLBACK_MAX_KEYS: "6" }
      expect(yield* read(Configured.fallback, fallback)).toEqual({ maxAgeMillis: 5, maxKeys: 6 })
      expect(yield* read(Configured.rateLimit, { RATE_LIMIT_MAX_KEYS: "7" })).toEqual({ maxKeys: 7 })
      expect(yield* read(Configured.policy, { POLICY_MAX_KEYS: "8" })).toEqual({ maxKeys: 8 })
    }),
  )
})

class Weather extends Context.Tag("test/Weather")<Weather, Fallback.CachedFallback<string>>() {}

describe("a value that cannot be is an error that names it, not a defect", () => {
  it.scoped.each([
    ["BREAKER_ERROR_RATE", "1.5", "must be from 0 to 1", CircuitBreaker.layerConfig()],
    ["BREAKER_PROBES", "0", "must be a whole number from 1", CircuitBreaker.layerConfig()],
    ["BREAKER_STEPS", "10,many", "whole numbers from 1, separated by commas", CircuitBreaker.layerConfig()],
    ["BREAKER_OPEN_FACTOR", "0.5", "must be from 1", Policy.layerConfig()],
    ["RETRY_USER_ATTEMPTS", "0", "must be a whole number from 1", Retry.layerConfig()],
    ["RETRY_SYSTEM_JITTER", "some", "decorrelated", Retry.layerConfig()],
    ["RETRY_BUDGET_RATIO", "-1", "must be from 0", Retry.layerConfig()],
    ["TIMEOUT_MIN_MILLIS", "20000", "must be above 0 and in order, not 20000 and 10000", Timeout.layerConfig()],
    ["TIMEOUT_QUANTILE", "95", "must be from 0.01 to 0.999", Timeout.layerConfig()],
    ["TIMEOUT_MAX_MILLIS", "soon", "Expected a number", Timeout.layerConfig()],
    ["FALLBACK_MAX_KEYS", "0", "must be a whole number from 1", Fallback.layerConfig(Weather, "weather")],
    ["DEGRADATION_RECOVER_AT", "0.95", "recoverAt (0.95) must be below degradeAt (0.9)", Degradation.layerConfig()],
    ["RATE_LIMIT_MAX_KEYS", "-3", "must be a whole number from 1", RateLimiter.layerConfig()],
    ["POLICY_MAX_KEYS", "0", "must be a whole number from 1", Policy.layerConfig()],
  ] as const)("%s=%s: %s", ([key, value, message, layer]) =>
    Effect.gen(function* () {
      const built: Effect.Effect<unknown, ConfigError.ConfigError, never> = Effect.scoped(
        Layer.build<never, ConfigError.ConfigError, never>(layer),
      )
      const error = yield* Effect.flip(Effect.withConfigProvider(built, environment({ [key]: value })))
      expect(ConfigError.isConfigError(error)).toBe(true)
      expect(error.toString()).toContain(message)
      expect(error.toString()).toContain(key.split("_")[0])
    }),
  )
})

describe("layers use what was read", () => {
  it.effect("retries: who waits and who does not have their own", () =>
    Effect.gen(function* () {
      const { user, system } = yield* Retry.Retries
      const attemptsOf = (retry: Retry.Retry) =>
        Effect.gen(function* () {
          let made = 0
          const failing = Effect.suspend(() => Effect.fail(made++))
          yield* Effect.exit(retry.run(failing))
          return made
        })
      expect([yield* attemptsOf(user), yield* attemptsOf(system)]).toEqual([2, 3])
      expect(user.budget).toBe(system.budget)
    }).pipe(
      Effect.provide(Retry.layerConfig()),
      Effect.withConfigProvider(
        environment({
          RETRY_USER_ATTEMPTS: "2",
          RETRY_SYSTEM_ATTEMPTS: "3",
          RETRY_USER_BACKOFF_MAX_MILLIS: "0",
          RETRY_SYSTEM_BACKOFF_MAX_MILLIS: "0",
        }),
      ),
    ),
  )

  it.effect("timeouts: bounds, and how many keys are kept", () =>
    Effect.gen(function* () {
      const timeouts = yield* Timeout.Timeouts
      const first = timeouts.get("a")
      expect(yield* first.timeoutMillis).toBe(700)
      timeouts.get("b")
      expect(timeouts.get("a")).not.toBe(first)
    }).pipe(
      Effect.provide(Timeout.layerConfig()),
      Effect.withConfigProvider(environment({ TIMEOUT_MAX_MILLIS: "700", TIMEOUT_MAX_KEYS: "1" })),
    ),
  )
})
