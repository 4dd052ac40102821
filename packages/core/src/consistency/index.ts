/** How state changes: one unit of work, with optimistic locks. */
export * as Fencing from "./Fencing.ts"
export { VersionConflict } from "./OptimisticLock.ts"
export { afterCommit, StorageError, Transaction, UnitOfWork } from "./UnitOfWork.ts"
