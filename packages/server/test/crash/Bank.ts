/**
 * What the victims of the crash tests do: move money between accounts, so that anything lost or done twice shows.
 *
 * A transfer is one unit of work: two aggregates, an event, and the answer under its idempotency key. A consumer group
 * writes down each transfer that it sees, in the unit that moves its offset. Batches of beats are published beside it,
 * as they come from sensors. A transfer follows from its number alone, so that a later life can send again what an
 * earlier one got no answer to, exactly as a client would.
 */
import { AggregateStore, Idempotency, VersionConflict } from "@paceline/core/consistency"
import { Consumer, EventLog } from "@paceline/core/messaging"
import { Effect, Option, Schema } from "effect"

export const ACCOUNTS = 12
export const OPENING_BALANCE = 1_000
export const BATCH = 7
export const GROUP = "ledger"

export type Transfer = typeof Transfer.Type
export const Transfer = Schema.Struct({ n: Schema.Int, from: Schema.Int, to: Schema.Int, amount: Schema.Int })
export const Transfers = EventLog.topic("transfers", Transfer)

export type Beat = typeof Beat.Type
export const Beat = Schema.Struct({ batch: Schema.Int, i: Schema.Int })
export const Beats = EventLog.topic("beats", Beat)

/** Transfers of one account share a key, and so a partition. */
export const TOPICS = { [Transfers.name]: { partitions: 3 }, [Beats.name]: { partitions: 1 } }

/** What the group wrote down: the transfers of an account in the order in which it saw them. */
export const Seen = Schema.Struct({ transfers: Schema.Array(Schema.Int) })

export const Balance = Schema.Struct({ balance: Schema.Int })

/** A number's own transfer; the same in each life. */
export const transferOf = (n: number): Transfer => {
  const hash = Math.imul(n + 1, 0x9e3779b1) >>> 0
  const from = hash % ACCOUNTS
  return { n, from, to: (from + 1 + ((hash >>> 8) % (ACCOUNTS - 1))) % ACCOUNTS, amount: 1 + ((hash >>> 16) % 50) }
}

export const accountId = (account: number): string => `account-${account}`

/** The number under which a published batch is marked as answered; transfers have those below. */
export const BATCH_MARK = 1_000_000_000

const add = (account: number, amount: number) =>
  Effect.gen(function* () {
    const store = yield* AggregateStore.AggregateStore
    const found = yield* store.get("account", accountId(account))
    if (Option.isNone(found)) {
      const state = Balance.make({ balance: OPENING_BALANCE + amount })
      return yield* store.insert("account", accountId(account), { state, dueAtMs: null })
    }
    const { balance } = yield* Schema.decodeUnknown(Balance)(found.value.state).pipe(Effect.orDie)
    const state = Balance.make({ balance: balance + amount })
    yield* store.update("account", accountId(account), found.value.version, { state, dueAtMs: null })
  })

/** Done once, however often it is asked for. Who met another on the same account tries again. */
export const transfer = (n: number) => {
  const { amount, from, to } = transferOf(n)
  return Idempotency.once(
    { key: `transfer-${n}`, request: transferOf(n), answer: Schema.Literal("done") },
    Effect.gen(function* () {
      // In one order for all, so that two transfers on PostgreSQL do not wait for each other.
      for (const [account, change] of from < to
        ? ([
            [from, -amount],
            [to, amount],
          ] as const)
        : ([
            [to, amount],
            [from, -amount],
          ] as const)) {
        yield* add(account, change)
      }
      yield* EventLog.append(Transfers, [{ key: accountId(from), event: transferOf(n), id: `transfer-${n}` }])
      return "done" as const
    }),
  ).pipe(Effect.retry({ while: (error) => error instanceof VersionConflict }))
}

export const publish = (batch: number) =>
  EventLog.publish(
    Beats,
    Array.from({ length: BATCH }, (_, i) => ({ key: "strap", event: { batch, i }, id: `beat-${batch}-${i}` })),
  )

/** Writes down each transfer under the account that paid. */
export const keepLedger = Consumer.run({
  group: GROUP,
  topic: Transfers,
  // Short, so that within a round another node takes over from one that is gone or stopped.
  lease: "1 second",
  handle: (batch) =>
    Effect.gen(function* () {
      const store = yield* AggregateStore.AggregateStore
      for (const [id, delivered] of Map.groupBy(batch, ({ record }) => record.key)) {
        const found = yield* store.get("seen", id)
        const before = Option.isNone(found)
          ? []
          : (yield* Schema.decodeUnknown(Seen)(found.value.state).pipe(Effect.orDie)).transfers
        const state = Seen.make({ transfers: [...before, ...delivered.map(({ event }) => event.n)] })
        const next = { state, dueAtMs: null }
        yield* Option.isNone(found)
          ? store.insert("seen", id, next)
          : store.update("seen", id, found.value.version, next)
      }
    }),
})
