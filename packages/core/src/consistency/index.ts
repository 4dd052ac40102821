/**
 * How state changes: in one unit of work, with optimistic locks, and the same answer for the same request.
 *
 * Strategies for conflicts, logical time and shard maps are kernels (`@paceline/core/kernel`).
 */

export * as Aggregate from "./Aggregate.ts"
export * as AggregateStore from "./AggregateStore.ts"
export { Answers, IdempotencyKeyReused } from "./Answers.ts"
export * as CausalThreads from "./CausalThreads.ts"
export * as Command from "./Command.ts"
export { ConflictUnresolved, FieldConflict, Superseded } from "./ConflictErrors.ts"
export * as Fencing from "./Fencing.ts"
export * as Idempotency from "./Idempotency.ts"
export { VersionConflict } from "./OptimisticLock.ts"
export * as ReadYourWrites from "./ReadYourWrites.ts"
export { Scrubber } from "./Scrubber.ts"
export * as Shards from "./Shards.ts"
export { isTraced } from "./SpanIfTraced.ts"
export { afterCommit, StorageError, Transaction, UnitOfWork } from "./UnitOfWork.ts"
export * as WritePosition from "./WritePosition.ts"
