/** The guards for promises, without Effect. */
export { Call, type Operation, type Parent } from "./Call.ts"
export { circuitBreaker, circuitBreakerOf, type PromiseCircuitBreaker } from "./CircuitBreaker.ts"
export { cachedFallback, type PromiseCachedFallback, withSubstitute } from "./Fallback.ts"
export { keyed, type PromiseKeyed } from "./Keyed.ts"
export {
  type PromiseBulkheadLike,
  type PromisePolicy,
  type PromisePolicyOptions,
  policy,
  policyForSystem,
  policyForUser,
} from "./Policy.ts"
export { type PromiseRateLimiter, rateLimiter } from "./RateLimiter.ts"
export { type PromiseRetry, retry, retryForSystem, retryForUser } from "./Retry.ts"
export { adaptiveTimeout, fixedTimeout, type PromiseTimeout } from "./Timeout.ts"
