import { expect, it } from "@effect/vitest"
import { RateLimiter, RateLimitStore } from "@paceline/core/resilience"
import { Effect, Layer, Logger } from "effect"
import { describe } from "vitest"
import * as DoorLimits from "./DoorLimits.ts"

const nobody: DoorLimits.Caller = { address: "203.0.113.9", actor: null }

const over = (store: Layer.Layer<RateLimitStore.RateLimitStore>) =>
  DoorLimits.layer(DoorLimits.standard).pipe(Layer.provide(RateLimiter.layer), Layer.provide(store))

const failing = Layer.succeed(RateLimitStore.RateLimitStore, {
  take: () => Effect.fail(new RateLimitStore.RateLimitStoreError({ message: "gone" })),
  refund: () => Effect.fail(new RateLimitStore.RateLimitStoreError({ message: "gone" })),
})

describe("DoorLimits", () => {
  it.effect("let requests pass, and say so in the log, when the store of limits cannot answer", () =>
    Effect.gen(function* () {
      const limits = yield* DoorLimits.DoorLimits
      const lines: Array<string> = []
      const log = Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ message }) => lines.push(String(message))),
      )
      yield* Effect.zipRight(limits.admit(nobody), limits.ended(nobody, 404)).pipe(Effect.provide(log))
      expect(lines).toHaveLength(2)
      expect(lines[0]).toContain("The rate limits could not be looked up")
    }).pipe(Effect.provide(over(failing))),
  )

  it.effect("take nothing for scanning from a request that finds something", () =>
    Effect.gen(function* () {
      const limits = yield* DoorLimits.DoorLimits
      for (let i = 0; i < 100; i++) {
        yield* limits.admit(nobody)
        yield* limits.ended(nobody, 200)
      }
      const refused = yield* Effect.flip(limits.admit(nobody))
      expect(refused).toMatchObject({ limit: "address-unauthenticated" })
    }).pipe(Effect.provide(over(RateLimitStore.layerMemory()))),
  )

  it.effect("keep the admin out of every address's count", () =>
    Effect.gen(function* () {
      const limits = yield* DoorLimits.DoorLimits
      const admin: DoorLimits.Caller = { address: nobody.address, actor: { _tag: "Admin" } }
      for (let i = 0; i < 200; i++) yield* Effect.zipRight(limits.admit(admin), limits.ended(admin, 404))
      expect(yield* Effect.flip(limits.admit(admin))).toMatchObject({ limit: "admin", retryAfterSeconds: 1 })
      yield* limits.admit(nobody)
    }).pipe(Effect.provide(over(RateLimitStore.layerMemory()))),
  )
})
