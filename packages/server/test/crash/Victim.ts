/**
 * A process that the crash tests start and kill. It works on a real store until it is killed, or its time is over.
 *
 * `bun Victim.ts '{"store":"sqlite","folder":…,"life":3,…}'`: see `Orders`. Each answer that it got is told twice: as a
 * line on stdout, and as a mark in the record of writes when there is one. A line `ready` comes first; `full` when the
 * store said that the disk is full.
 */
import { mkdirSync, writeSync } from "node:fs"
import { type AggregateStore, type Answers, StorageError, type UnitOfWork } from "@paceline/core/consistency"
import type { EventLog } from "@paceline/core/messaging"
import { Effect, type Layer, Redacted, Schema } from "effect"
import * as PostgresStore from "../../src/adapters/postgres/PostgresStore.ts"
import * as SqliteStore from "../../src/adapters/sqlite/SqliteStore.ts"
import * as Bank from "./Bank.ts"
import { record } from "./power/Recorder.ts"

export type Orders = typeof Orders.Type
export const Orders = Schema.Struct({
  store: Schema.Union(
    Schema.Struct({
      engine: Schema.Literal("sqlite"),
      folder: Schema.String,
      /** Where to record writes, outside of the folder. */
      record: Schema.optional(Schema.String),
      /** The disk is full at so many pages of 4096 bytes. */
      maxPageCount: Schema.optional(Schema.Int),
    }),
    Schema.Struct({ engine: Schema.Literal("postgres"), url: Schema.String }),
  ),
  /** Numbers of a life follow on those of the life before. */
  life: Schema.Int,
  /** Numbers that may have been answered or not: sent again first. */
  again: Schema.Array(Schema.Int),
  /** Ends by itself after so long. */
  millis: Schema.Int,
})

/** So many numbers belong to one life. */
export const NUMBERS_A_LIFE = 100_000

const CALLERS = 12

type Store = UnitOfWork | EventLog.EventLog | AggregateStore.AggregateStore | Answers

const storeOf = (store: Orders["store"]): Layer.Layer<Store, unknown> =>
  store.engine === "postgres"
    ? // What a stopped process has locked is free again after a second, so that a round takes seconds.
      PostgresStore.layer({ url: Redacted.make(store.url), topics: Bank.TOPICS, abandonedAfterMillis: 1_000 })
    : SqliteStore.layer({
        folder: store.folder,
        topics: Bank.TOPICS,
        ...(store.maxPageCount === undefined ? {} : { database: { maxPageCount: store.maxPageCount } }),
      })

const live = ({ again, life, millis, store }: Orders) => {
  const print = (line: string): void => void writeSync(1, `${line}\n`)
  const recorder = (() => {
    if (store.engine !== "sqlite" || store.record === undefined) return undefined
    mkdirSync(store.folder, { recursive: true })
    return record(store.folder, store.record)
  })()
  const answered = (number: number): void => {
    recorder?.mark(number)
    print(`${number}`)
  }

  const waiting = [...again]
  let next = life * NUMBERS_A_LIFE
  const batchOf = (number: number): boolean => number % 3 === 0
  /** Waits a little now and then, so that commits hold one unit or many. */
  const breath = Effect.suspend(() => (Math.random() < 0.2 ? Effect.sleep(Math.random() * 8) : Effect.void))
  const one = Effect.gen(function* () {
    const number = waiting.shift() ?? next++
    const done = batchOf(number)
      ? Effect.as(Bank.publish(number), Bank.BATCH_MARK + number)
      : Effect.as(Bank.transfer(number), number)
    yield* Effect.matchEffect(done, {
      onSuccess: (mark) =>
        Effect.zipRight(
          Effect.sync(() => answered(mark)),
          breath,
        ),
      onFailure: (error) => {
        if (!(error instanceof StorageError)) return Effect.die(error)
        // Whether it was done nobody can tell: it is asked for again, as a client would.
        waiting.push(number)
        if (error.reason === "full") print("full")
        return Effect.sleep("50 millis")
      },
    })
  })
  const callers = Effect.all(
    Array.from({ length: CALLERS }, () => Effect.forever(one)),
    { concurrency: "unbounded", discard: true },
  )
  return Effect.zipRight(
    Effect.sync(() => print("ready")),
    Effect.raceFirst(Effect.all([callers, Bank.keepLedger], { concurrency: 2, discard: true }), Effect.sleep(millis)),
  ).pipe(Effect.provide(storeOf(store)))
}

if (import.meta.main) {
  const orders = Schema.decodeUnknownSync(Schema.parseJson(Orders))(process.argv[2])
  await Effect.runPromise(live(orders))
}
