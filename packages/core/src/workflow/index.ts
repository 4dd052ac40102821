/** What goes on for longer than a request: tasks by the clock, and tasks that wait for others. */
export * as Scheduler from "./Scheduler.ts"
export * as TaskGraph from "./TaskGraph.ts"
