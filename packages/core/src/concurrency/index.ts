/** Who runs when: permits, queues, lanes, workers and one wheel for all that waits. */
export * as Bulkhead from "./Bulkhead.ts"
export * as Lanes from "./Lanes.ts"
export * as Permits from "./Permits.ts"
export * from "./promise/index.ts"
export * as Timers from "./Timers.ts"
