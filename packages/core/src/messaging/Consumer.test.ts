/** What the compiler refuses of a consumer's options, and what is refused when it starts. The rest is in the adapters' suites. */

import { Effect, Schema } from "effect"
import { describe, expect, expectTypeOf, test } from "vitest"
import type { AggregateStore } from "../consistency/AggregateStore.ts"
import { Transaction, type UnitOfWork } from "../consistency/UnitOfWork.ts"
import * as Consumer from "./Consumer.ts"
import { settingsOf } from "./ConsumerOptions.ts"
import * as EventLog from "./EventLog.ts"

const Steps = EventLog.topic("steps", Schema.Struct({ n: Schema.Int }))

const base = { group: "g", topic: Steps } as const
const quiet = () => Effect.void
const inUnit = () => Effect.asVoid(Transaction)

type NeedsOf<A> = A extends Effect.Effect<unknown, unknown, infer R> ? R : never

describe("the options of a consumer", () => {
  test("a handler gets its transaction from the exactly-once consumer, and only from that one", () => {
    const exactlyOnce = Consumer.run({ ...base, handle: inUnit })
    expectTypeOf<NeedsOf<typeof exactlyOnce>>().toEqualTypeOf<EventLog.EventLog | UnitOfWork | AggregateStore>()
    const atLeastOnce = Consumer.run({ ...base, delivery: "at-least-once", handle: inUnit })
    expectTypeOf<Transaction>().toExtend<NeedsOf<typeof atLeastOnce>>()
    const atMostOnce = Consumer.run({ ...base, delivery: "at-most-once", handle: inUnit })
    expectTypeOf<Transaction>().toExtend<NeedsOf<typeof atMostOnce>>()
  })

  test("what makes no sense together does not compile", () => {
    // @ts-expect-error what was lost is not tried again
    Consumer.run({ ...base, delivery: "at-most-once", attempts: 3, handle: quiet })
    // @ts-expect-error nothing is parked that is not tried again
    Consumer.run({ ...base, delivery: "at-most-once", order: "strict", handle: quiet })
    // @ts-expect-error a batch has a size of its own
    Consumer.run({ ...base, batch: true, batchSize: 10, handle: quiet })
    // @ts-expect-error a batch has a time limit of its own
    Consumer.run({ ...base, batch: { size: 10 }, timeout: "1 second", handle: quiet })
    // @ts-expect-error there is no such guarantee
    Consumer.run({ ...base, delivery: "exactly-once", handle: quiet })
  })

  test("have the mission's defaults", () => {
    const plain = settingsOf({ ...base, handle: quiet })
    expect(plain).toMatchObject({
      order: "per-key",
      attempts: 10,
      crashes: 3,
      backoff: { baseMillis: 100, maxMillis: 10_000, factor: 2 },
      maxParked: 1_000,
      undecodable: "dead-letter",
      prefetch: 400,
      batch: { size: 1, lingerMillis: 0, maxSize: 200, timeoutMillis: 60_000 },
    })
    expect(settingsOf({ ...base, batch: true, handle: quiet })).toMatchObject({
      prefetch: 10_000,
      batch: { size: 1_000, lingerMillis: 30_000, maxSize: 5_000, timeoutMillis: 60_000, atOnce: 10 },
    })
  })

  test("numbers that cannot be are refused, with what is wrong", () => {
    expect(() => settingsOf({ ...base, attempts: 0, handle: quiet })).toThrow(
      "attempts must be a whole number from 1, not 0",
    )
    expect(() => settingsOf({ ...base, maxParked: 1.5, handle: quiet })).toThrow(RangeError)
    expect(() => settingsOf({ ...base, batch: { size: 100 }, prefetch: 50, handle: quiet })).toThrow(
      "prefetch (50) must hold a batch (100)",
    )
  })
})
