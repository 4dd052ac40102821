/** How state changes: one unit of work, with optimistic locks. */

export * as AggregateStore from "./AggregateStore.ts"
export { Answers, IdempotencyKeyReused } from "./Answers.ts"
export * as Fencing from "./Fencing.ts"
export { VersionConflict } from "./OptimisticLock.ts"
export { afterCommit, StorageError, Transaction, UnitOfWork } from "./UnitOfWork.ts"
