/**
 * What keeps a system calm when a part of it is not: guards for effects, and `Promises` for promises.
 *
 * The decisions are kernels' (`@paceline/core/kernel`); `Policy` puts the guards together in the right order.
 */
export type { Answer } from "./Answer.ts"
export type { BreakerCell, BreakerOptions, BreakerView } from "./BreakerCell.ts"
export * as CircuitBreaker from "./CircuitBreaker.ts"
export type { RetriesSettings } from "./Configured.ts"
export * as Degradation from "./Degradation.ts"
export { BreakerOpen, FallbackFailed, RateLimited, type RefusalReason, TimeoutExceeded } from "./Errors.ts"
export * as Fallback from "./Fallback.ts"
export type { CachedOptions, FallbackOptions } from "./FallbackOptions.ts"
export { type Ask, type MemoryLimits, memoryLimits } from "./MemoryLimits.ts"
export * as Policy from "./Policy.ts"
export * as Promises from "./promise/index.ts"
export * as RateLimiter from "./RateLimiter.ts"
export * as RateLimitStore from "./RateLimitStore.ts"
export * as RateLimitStoreSuite from "./RateLimitStoreSuite.ts"
export * as Retry from "./Retry.ts"
export type { RetryEvent, RetryFailure, RetryOptions } from "./RetryOptions.ts"
export * as Timeout from "./Timeout.ts"
