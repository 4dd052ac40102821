import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Fiber, TestClock } from "effect"
import * as Timers from "./Timers.ts"

describe("Timers", () => {
  it.effect("lets fibers sleep on one wheel, driven by the test's clock", () =>
    Effect.gen(function* () {
      const timers = yield* Timers.Timers
      const woken: Array<number> = []
      const sleepers = yield* Effect.forEach([300, 100, 200], (millis) =>
        Effect.fork(Effect.tap(timers.sleep(millis), () => Effect.sync(() => woken.push(millis)))),
      )
      yield* TestClock.adjust(Duration.millis(99))
      expect(woken).toEqual([])
      expect(yield* timers.waiting).toBe(3)
      yield* TestClock.adjust(Duration.millis(101))
      expect(woken).toEqual([100, 200])
      yield* TestClock.adjust(Duration.millis(100))
      yield* Fiber.joinAll(sleepers)
      expect(woken).toEqual([100, 200, 300])
    }).pipe(Effect.provide(Timers.layer)),
  )

  it.effect("takes an interrupted sleeper off the wheel", () =>
    Effect.gen(function* () {
      const timers = yield* Timers.Timers
      const sleeper = yield* Effect.fork(timers.sleep(1_000))
      yield* Effect.yieldNow()
      expect(yield* timers.waiting).toBe(1)
      yield* Fiber.interrupt(sleeper)
      expect(yield* timers.waiting).toBe(0)
    }).pipe(Effect.provide(Timers.layer)),
  )

  it.effect("leaves no alarm behind when its scope closes", () =>
    Effect.gen(function* () {
      let ran = false
      yield* Effect.gen(function* () {
        const timers = yield* Timers.Timers
        timers.schedule(100, () => {
          ran = true
        })
      }).pipe(Effect.provide(Timers.layer))
      yield* TestClock.adjust(Duration.seconds(1))
      expect(ran).toBe(false)
      expect(yield* TestClock.sleeps()).toHaveLength(0)
    }),
  )

  it.effect("does not run what is due at once before it has been scheduled", () =>
    Effect.gen(function* () {
      const timers = yield* Timers.Timers
      timers.schedule(5_000, () => {})
      let scheduled = false
      let ranAfter: boolean | undefined
      timers.schedule(0, () => {
        ranAfter = scheduled
      })
      scheduled = true
      yield* TestClock.adjust(0)
      expect(ranAfter).toBe(true)
    }).pipe(Effect.provide(Timers.layer)),
  )

  it.live("wakes on the real clock", () =>
    Effect.gen(function* () {
      const timers = yield* Timers.Timers
      const before = performance.now()
      yield* timers.sleep(15)
      expect(performance.now() - before).toBeGreaterThanOrEqual(14)
    }).pipe(Effect.provide(Timers.layer)),
  )
})
