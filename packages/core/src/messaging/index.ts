/** How contexts hear of each other: the event log, its consumers, and what is shown live. */
export * as Broadcast from "./Broadcast.ts"
export * as Consumer from "./Consumer.ts"
export * as DueWork from "./DueWork.ts"
export * as EventLog from "./EventLog.ts"
export { LiveChannels } from "./LiveChannels.ts"
export { partitionOf } from "./Partitioner.ts"
