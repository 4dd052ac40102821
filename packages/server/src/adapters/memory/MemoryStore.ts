/**
 * The store that is gone with the process: unit of work, event log, aggregates and answers in memory.
 *
 * It passes the same suites as the others, so what runs on it runs on them. For tests, for trying things out, and for
 * embedding where nothing has to survive.
 *
 * @example
 * program.pipe(Effect.provide(MemoryStore.layer({ topics: { orders: { partitions: 4 } } })))
 */
import { AggregateStore, Answers, UnitOfWork, WritePosition } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Context, Effect, Layer } from "effect"
import { changeInUnit } from "../ChangeInUnit.ts"
import * as MemoryAggregateStore from "./AggregateStore.ts"
import * as MemoryAnswers from "./Answers.ts"
import * as MemoryEventLog from "./EventLog.ts"
import * as MemoryUnitOfWork from "./UnitOfWork.ts"

interface MemoryStoreOptions {
  readonly topics?: MemoryEventLog.Topics
}

type Provided = UnitOfWork | EventLog.EventLog | AggregateStore.AggregateStore | Answers | WritePosition.WritePosition

export const layer = (options: MemoryStoreOptions = {}): Layer.Layer<Provided> =>
  Layer.merge(
    Layer.effectContext(
      Effect.sync(() => {
        const work = MemoryUnitOfWork.make()
        const log = MemoryEventLog.make(options.topics ?? {})
        const store = MemoryAggregateStore.make()
        return Context.make(UnitOfWork, work).pipe(
          Context.add(EventLog.EventLog, log),
          Context.add(AggregateStore.AggregateStore, { ...store, change: changeInUnit({ store, log, work }) }),
          Context.add(Answers, MemoryAnswers.make()),
        )
      }),
    ),
    WritePosition.layerImmediate,
  )
