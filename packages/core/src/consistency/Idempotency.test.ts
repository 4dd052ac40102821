import { describe, expect, it } from "@effect/vitest"
import { type Context, Effect, Layer, Option, TestClock } from "effect"
import { Answers } from "./Answers.ts"
import * as Idempotency from "./Idempotency.ts"
import { StorageError, Transaction, UnitOfWork } from "./UnitOfWork.ts"

/** A store with so many expired answers, that can be out of order. */
const storeWith = (expired: number) => {
  const at = { expired, broken: false, units: 0 }
  const answers: Context.Tag.Service<typeof Answers> = {
    take: () => Effect.succeed(Option.none()),
    put: () => Effect.void,
    removeExpired: (_, limit) =>
      Effect.suspend(() => {
        if (at.broken) return Effect.fail(new StorageError({ reason: "busy", message: "busy" }))
        const removed = Math.min(limit, at.expired)
        at.expired -= removed
        at.units++
        return Effect.succeed(removed)
      }),
  }
  const work = Layer.succeed(UnitOfWork, {
    run: (unit) => Effect.provideService(unit, Transaction, { afterCommit: () => {} }),
  })
  return { at, layer: Layer.merge(Layer.succeed(Answers, answers), work) }
}

describe("Idempotency, cleanup", () => {
  it.scoped("forgets what is over every minute, in units that are not too long", () => {
    const { at, layer } = storeWith(1700)
    return Effect.gen(function* () {
      yield* Layer.build(Layer.provide(Idempotency.layerCleanup(), layer))
      yield* TestClock.adjust("59 seconds")
      expect(at.expired).toBe(1700)
      yield* TestClock.adjust("1 second")
      expect(at.expired).toBe(0)
      expect(at.units).toBe(4)
      at.expired = 5
      yield* TestClock.adjust("1 minute")
      expect(at.expired).toBe(0)
    })
  })

  it.scoped("goes on after trouble with the store", () => {
    const { at, layer } = storeWith(3)
    return Effect.gen(function* () {
      yield* Layer.build(Layer.provide(Idempotency.layerCleanup("1 second"), layer))
      at.broken = true
      yield* TestClock.adjust("5 seconds")
      expect(at.expired).toBe(3)
      at.broken = false
      yield* TestClock.adjust("1 second")
      expect(at.expired).toBe(0)
    })
  })
})
