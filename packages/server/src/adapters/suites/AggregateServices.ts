/** What the parts of the aggregate store's suite share: how a test asks the store. */
import { AggregateStore, type StorageError, type Transaction, UnitOfWork } from "@paceline/core/consistency"
import type { EventLog } from "@paceline/core/messaging"
import { type Context, Effect, Option, type Runtime } from "effect"

export type AggregateServices = UnitOfWork | AggregateStore.AggregateStore | EventLog.EventLog

export type AggregateTest = <A, E>(title: string, body: Effect.Effect<A, E, AggregateServices>) => void

type Service = Context.Tag.Service<typeof AggregateStore.AggregateStore>

export const NOW = 1_800_000_000_000

let kinds = 0

/** A kind that no other test uses, so that adapters may share one database among tests. */
export const freshKind = (name: string): string => `${name}${++kinds}`

/** Asks the store, outside a unit or inside the one that is running. */
export const ask = <A, E, R>(
  question: (store: Service) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R | AggregateStore.AggregateStore> => Effect.flatMap(AggregateStore.AggregateStore, question)

/** One change, as a unit of work of its own. */
export const change = <A, E>(
  write: (store: Service) => Effect.Effect<A, E, Transaction>,
): Effect.Effect<A, E | StorageError, AggregateServices> => UnitOfWork.run(ask(write))

/** Many changes in one unit, one after the other. */
export const insertAll = (
  kind: string,
  ids: ReadonlyArray<string>,
  next: (i: number) => AggregateStore.NewState = (i) => ({ state: i, dueAtMs: null }),
) => change((store) => Effect.forEach(ids, (id, i) => store.insert(kind, id, next(i)), { discard: true }))

/** Only what is committed: asks as somebody who is not in the unit that is running. */
export const outside = <A, E>(
  runtime: Runtime.Runtime<AggregateServices>,
  effect: Effect.Effect<A, E, AggregateServices>,
): Effect.Effect<A, E> => Effect.mapInputContext(effect, (_: Context.Context<never>) => runtime.context)

export const stateOf = (stored: Option.Option<AggregateStore.Stored>): unknown =>
  Option.getOrUndefined(Option.map(stored, ({ state }) => state))
