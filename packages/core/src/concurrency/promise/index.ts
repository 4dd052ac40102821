/** Concurrency for promises, without Effect: the same kernels behind plain functions. */
export * as PromiseAdaptiveLimit from "./AdaptiveLimit.ts"
export * as PromiseAutoscaler from "./Autoscaler.ts"
export * as PromiseBulkhead from "./Bulkhead.ts"
export * as PromiseLanes from "./Lanes.ts"
export * as PromiseLoadBalancer from "./LoadBalancer.ts"
export * as PromisePermits from "./Permits.ts"
export * as PromisePriorityQueue from "./PriorityQueue.ts"
export * as PromiseWorkerPool from "./WorkerPool.ts"
