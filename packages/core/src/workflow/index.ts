/** What goes on for longer than a request: sagas, requests with timers, tasks by the clock, and tasks that wait for others. */
export * as RequestLifecycle from "./RequestLifecycle.ts"
export * as Saga from "./Saga.ts"
export * as Scheduler from "./Scheduler.ts"
export * as TaskGraph from "./TaskGraph.ts"
