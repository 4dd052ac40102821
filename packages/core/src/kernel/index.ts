/**
 * Kernels: every decision as plain synchronous TypeScript, `(state, input, now) → state and outcome`.
 * No Effect, no I/O, no clock; nothing here imports from outside this folder.
 */
export * as Backoff from "./Backoff.ts"
export * as BoundedMap from "./BoundedMap.ts"
export type { BreakerEvent, OpenReason } from "./BreakerEvent.ts"
export * as BreakerSettings from "./BreakerSettings.ts"
export * as BreakerSnapshot from "./BreakerSnapshot.ts"
export * as CircuitBreaker from "./CircuitBreaker.ts"
export * as Contact from "./Contact.ts"
export * as EffortPoints from "./EffortPoints.ts"
export * as Fault from "./Fault.ts"
export * as HeartRateZone from "./HeartRateZone.ts"
export * as HighWaterMark from "./HighWaterMark.ts"
export * as Permits from "./Permits.ts"
export * as PriorityQueue from "./PriorityQueue.ts"
export * as RecentEvents from "./RecentEvents.ts"
export * as Retry from "./Retry.ts"
export * as RetryBudget from "./RetryBudget.ts"
export * as SlidingWindow from "./SlidingWindow.ts"
export * as Timers from "./Timers.ts"
export * as TimerWheel from "./TimerWheel.ts"
