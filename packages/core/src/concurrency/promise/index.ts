/** Concurrency for promises, without Effect: the same kernels behind plain functions. */
export * as PromisePermits from "./Permits.ts"
export { systemClock } from "./SystemClock.ts"
