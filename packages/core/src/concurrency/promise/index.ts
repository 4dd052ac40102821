/** Concurrency for promises, without Effect: the same kernels behind plain functions. */
export * as PromiseBulkhead from "./Bulkhead.ts"
export * as PromiseLanes from "./Lanes.ts"
export * as PromisePermits from "./Permits.ts"
