/**
 * Kernels: every decision as plain synchronous TypeScript, `(state, input, now) → state and outcome`.
 * No Effect, no I/O, no clock; nothing here imports from outside this folder.
 */
export * as Backoff from "./Backoff.ts"
export * as BreakerSettings from "./BreakerSettings.ts"
export * as BreakerSnapshot from "./BreakerSnapshot.ts"
export * as CircuitBreaker from "./CircuitBreaker.ts"
export * as Contact from "./Contact.ts"
export * as EffortPoints from "./EffortPoints.ts"
export * as HeartRateZone from "./HeartRateZone.ts"
export * as HighWaterMark from "./HighWaterMark.ts"
export * as Permits from "./Permits.ts"
export * as PriorityQueue from "./PriorityQueue.ts"
export * as RecentEvents from "./RecentEvents.ts"
export * as SlidingWindow from "./SlidingWindow.ts"
export * as TimerWheel from "./TimerWheel.ts"
export * as Timers from "./Timers.ts"
export type { BreakerEvent, OpenReason } from "./BreakerEvent.ts"
