import { describe, expect, it } from "@effect/vitest"
import { Chunk, ConfigProvider, Effect, Fiber, Ref, Stream, TestClock } from "effect"
import * as Degradation from "./Degradation.ts"

describe("Degradation as a service", () => {
  it.scoped("[resilience 71] samples pressure, goes in order, comes back in reverse, and what is off is visible", () =>
    Effect.gen(function* () {
      const pressure = yield* Ref.make(1)
      const degradation = yield* Degradation.make()
      yield* Degradation.sample(degradation, { pressure: Ref.get(pressure) })
      const changes = yield* Effect.fork(Stream.runCollect(Stream.take(degradation.changes, 4)))
      yield* Effect.yieldNow()
      yield* TestClock.adjust("10 seconds")
      expect(yield* degradation.view).toEqual({ level: 2, off: ["recommendations", "analytics"], forced: false })
      expect(degradation.isOn("gamification")).toBe(true)
      yield* Ref.set(pressure, 0)
      yield* TestClock.adjust("90 seconds")
      expect((yield* degradation.view).level).toBe(0)
      const told = Chunk.toReadonlyArray(yield* Fiber.join(changes))
      expect(told.map(({ direction, features }) => [direction, ...features])).toEqual([
        ["off", "recommendations"],
        ["off", "analytics"],
        ["on", "analytics"],
        ["on", "recommendations"],
      ])
    }),
  )

  it.effect("[resilience 71] security never degrades, even when an operator switches everything off", () =>
    Effect.gen(function* () {
      const degradation = yield* Degradation.Degradation
      yield* degradation.force(100)
      expect(degradation.isOn("security") && degradation.isOn("privacy")).toBe(true)
      expect(degradation.isOn("training")).toBe(false)
      expect((yield* degradation.view).forced).toBe(true)
    }).pipe(Effect.provide(Degradation.layer())),
  )

  it.effect("runs what stands in while a feature is off", () =>
    Effect.gen(function* () {
      const degradation = yield* Degradation.make()
      const suggestions = degradation.whenOn("recommendations", Effect.succeed(["a ride"]), () => Effect.succeed([]))
      expect(yield* suggestions).toEqual(["a ride"])
      yield* degradation.force(1)
      expect(yield* suggestions).toEqual([])
    }),
  )

  it.effect("a layer reads its thresholds from the configuration", () =>
    Effect.gen(function* () {
      const degradation = yield* Degradation.Degradation
      yield* degradation.observe(0.6)
      yield* TestClock.adjust("5 seconds")
      expect(yield* degradation.observe(0.6)).toMatchObject({ direction: "off" })
    }).pipe(
      Effect.provide(Degradation.layerConfig()),
      Effect.withConfigProvider(
        ConfigProvider.fromMap(
          new Map([
            ["DEGRADATION.DEGRADE_AT", "0.5"],
            ["DEGRADATION.RECOVER_AT", "0.4"],
          ]),
        ),
      ),
    ),
  )
})
