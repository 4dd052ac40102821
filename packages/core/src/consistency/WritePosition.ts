/**
 * How far the store has written, and how far its readers see: what read-your-writes waits by.
 *
 * Positions only grow. On an engine whose readers see whatever was committed both are 0 for ever; with replicas `written`
 * is the primary's position in its write-ahead log, and `visible` that of the replica that answers reads.
 */
import { Context, Effect, Layer } from "effect"
import type { StorageError } from "./UnitOfWork.ts"

export class WritePosition extends Context.Tag("@paceline/core/consistency/WritePosition")<
  WritePosition,
  {
    /** A position at or after everything that was committed before this was asked for. At most 20 digits. */
    readonly written: Effect.Effect<bigint, StorageError>
    /** Whoever reads from now on sees everything that was committed up to here. */
    readonly visible: Effect.Effect<bigint, StorageError>
  }
>() {}

/** For engines without replicas: who reads sees what was committed. */
export const layerImmediate: Layer.Layer<WritePosition> = Layer.succeed(WritePosition, {
  written: Effect.succeed(0n),
  visible: Effect.succeed(0n),
})
