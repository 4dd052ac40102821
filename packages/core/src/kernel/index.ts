/**
 * Kernels: every decision as plain synchronous TypeScript, `(state, input, now) → state and outcome`.
 * No Effect, no I/O, no clock; nothing here imports from outside this folder.
 */
export * as Backoff from "./Backoff.ts"
export * as Contact from "./Contact.ts"
export * as EffortPoints from "./EffortPoints.ts"
export * as HeartRateZone from "./HeartRateZone.ts"
export * as HighWaterMark from "./HighWaterMark.ts"
