/**
 * What must be true of a store after anything: nothing acknowledged is lost, nothing happened twice, keys are in order,
 * offsets are dense, state and events tell the same.
 */
import { AggregateStore } from "@paceline/core/consistency"
import { EventLog, Progress } from "@paceline/core/messaging"
import { Effect, Option, Schema } from "effect"
import * as Bank from "./Bank.ts"

export interface Findings {
  readonly transfers: number
  readonly batches: number
  /** Empty when all is well; else what is wrong, in words. */
  readonly problems: ReadonlyArray<string>
}

const PAGE = 100_000

/** All records of a topic, and what is wrong with their offsets. */
const recordsOf = <A, I>(topic: EventLog.Topic<A, I>, problems: Array<string>) =>
  Effect.gen(function* () {
    const log = yield* EventLog.EventLog
    const all: Array<{ readonly record: EventLog.LogRecord; readonly event: A }> = []
    for (const partition of yield* log.partitions(topic.name)) {
      const records = yield* log.read(topic.name, partition, 0, PAGE)
      const { end, start } = yield* log.bounds(topic.name, partition)
      if (start !== 0 || end !== records.length) {
        problems.push(`${topic.name}/${partition} says ${start} to ${end} and holds ${records.length} records`)
      }
      records.forEach(({ offset }, i) => {
        if (offset !== i) problems.push(`${topic.name}/${partition} has offset ${offset} in place ${i}`)
      })
      for (const record of records) {
        all.push({ record, event: yield* EventLog.decode(topic, record).pipe(Effect.orDie) })
      }
    }
    return all
  })

const stateOf = <A, I>(kind: string, id: string, schema: Schema.Schema<A, I>) =>
  Effect.gen(function* () {
    const store = yield* AggregateStore.AggregateStore
    const found = yield* store.get(kind, id)
    return Option.isNone(found) ? undefined : yield* Schema.decodeUnknown(schema)(found.value.state).pipe(Effect.orDie)
  })

/** @param acknowledged the numbers that a victim was answered */
export const check = (acknowledged: ReadonlySet<number>) =>
  Effect.gen(function* () {
    const problems: Array<string> = []
    const log = yield* EventLog.EventLog
    const transfers = yield* recordsOf(Bank.Transfers, problems)
    const beats = yield* recordsOf(Bank.Beats, problems)

    const times = new Map<number, number>()
    const balances = new Map<number, number>()
    for (const { event } of transfers) {
      times.set(event.n, (times.get(event.n) ?? 0) + 1)
      balances.set(event.from, (balances.get(event.from) ?? Bank.OPENING_BALANCE) - event.amount)
      balances.set(event.to, (balances.get(event.to) ?? Bank.OPENING_BALANCE) + event.amount)
    }
    for (const [n, count] of times) if (count !== 1) problems.push(`transfer ${n} happened ${count} times`)

    const batches = Map.groupBy(beats, ({ event }) => event.batch)
    for (const [batch, events] of batches) {
      const order = events.map(({ event }) => event.i)
      if (order.join() !== Array.from({ length: Bank.BATCH }, (_, i) => i).join()) {
        problems.push(`batch ${batch} is there as ${order.join()}`)
      }
    }

    for (const number of acknowledged) {
      const isThere = number >= Bank.BATCH_MARK ? batches.has(number - Bank.BATCH_MARK) : times.has(number)
      if (!isThere) problems.push(`${number} was acknowledged and is lost`)
    }

    for (let account = 0; account < Bank.ACCOUNTS; account++) {
      const expected = balances.get(account) ?? Bank.OPENING_BALANCE
      const stored = (yield* stateOf("account", Bank.accountId(account), Bank.Balance))?.balance
      if ((stored ?? Bank.OPENING_BALANCE) !== expected) {
        problems.push(`account ${account} holds ${stored}; its events say ${expected}`)
      }
    }

    // No record was held to blame for what the store or its process met.
    const { failed, parked } = yield* Progress.of({ group: Bank.GROUP, topic: Bank.Transfers.name })
    if (failed + parked > 0) problems.push(`${parked} transfers are parked and ${failed} are dead letters`)

    // The group has seen exactly what lies before its offsets, each once, in the order of the key.
    const committed = new Map<number, number>()
    for (const partition of yield* log.partitions(Bank.Transfers.name)) {
      committed.set(partition, yield* log.committed(Bank.GROUP, Bank.Transfers.name, partition))
    }
    for (const [id, own] of Map.groupBy(transfers, ({ record }) => record.key)) {
      const expected = own
        .filter(({ record }) => record.offset < (committed.get(record.partition) ?? 0))
        .map(({ event }) => event.n)
      const seen = (yield* stateOf("seen", id, Bank.Seen))?.transfers ?? []
      if (seen.join() !== expected.join()) {
        problems.push(`the group saw ${seen.length} transfers of ${id}; ${expected.length} lie before its offset`)
      }
    }
    return { transfers: times.size, batches: batches.size, problems } satisfies Findings
  })
