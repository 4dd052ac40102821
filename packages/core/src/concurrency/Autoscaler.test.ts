import { describe, expect, it } from "@effect/vitest"
import { Cause, Clock, Duration, Effect, Fiber, TestClock } from "effect"
import type { Decision, Plan } from "../kernel/concurrency/Autoscaler.ts"
import * as Autoscaler from "./Autoscaler.ts"
import * as WorkerPool from "./WorkerPool.ts"

const HOUR = 3_600_000
const settings = { queueLength: 50, p95Millis: 1e9, coolDownMillis: 20_000, calmForMillis: 60_000 }

describe("Autoscaler", () => {
  it.scoped("[resilience 56] drives a pool 5 → 100 → 5 with its queue, without flapping, and loses no job", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ name: "imports", workers: 5 })
      const decisions: Array<Decision> = []
      const scaler = yield* Autoscaler.make({
        target: pool,
        settings,
        onDecision: (decision) => decisions.push(decision),
      })
      // A job runs until the next but one decision; the test ends those that run.
      let running: Array<() => void> = []
      let done = 0
      const job = () =>
        Effect.async<void>((resume) => {
          running.push(() => {
            done++
            resume(Effect.void)
          })
        })
      const jobs = yield* Effect.forEach(Array.from({ length: 900 }), () => Effect.forkDaemon(pool.submit(job)))
      for (let tick = 0; tick < 120; tick++) {
        yield* Effect.repeatN(Effect.yieldNow(), 10)
        if (tick % 2 === 1) {
          const ending = running
          running = []
          for (const end of ending) end()
          yield* Effect.repeatN(Effect.yieldNow(), 10)
        }
        yield* TestClock.adjust(Duration.seconds(10))
      }
      yield* Fiber.joinAll(jobs)
      expect(done).toBe(900)
      const sizes = decisions.filter((d) => d.change !== "hold").map((d) => d.target)
      expect(sizes).toEqual([10, 20, 40, 80, 100, 50, 25, 12, 6, 5])
      expect(yield* pool.stats).toMatchObject({
        workers: 5,
        retiring: 0,
        busy: 0,
        waiting: 0,
        completed: 900,
        failed: 0,
      })
      expect((yield* scaler.latest)?.change).toBe("hold")
    }),
  )

  it.scoped("[resilience 56] follows the schedule and the prediction", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ name: "seats", workers: 5 })
      const now = yield* Clock.currentTimeMillis
      const plan: Plan = {
        schedule: [{ name: "opening", fromMillis: now + HOUR, untilMillis: now + 2 * HOUR, workers: 12 }],
        events: [{ name: "spring run", startsAtMillis: now + 30 * HOUR, endsAtMillis: now + 31 * HOUR, workers: 60 }],
      }
      const scaler = yield* Autoscaler.make({
        target: pool,
        settings,
        plan: Effect.succeed(plan),
        everyMillis: 600_000,
      })
      const workersAfter = (hours: number) =>
        Effect.map(Effect.zipRight(TestClock.adjust(Duration.hours(hours)), pool.stats), (stats) => stats.workers)
      expect(yield* workersAfter(0)).toBe(5)
      expect((yield* scaler.forecast).some((floor) => floor.workers === 12)).toBe(true)
      expect(yield* workersAfter(1.2)).toBe(12)
      expect(yield* workersAfter(3)).toBe(5)
      expect(yield* workersAfter(25.8)).toBe(60)
      expect(yield* workersAfter(3)).toBe(5)
    }),
  )

  it.scoped("does not scale on errors, and says so", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ name: "p", workers: 5 })
      const scaler = yield* Autoscaler.make({ target: pool, settings })
      yield* TestClock.adjust(Duration.seconds(5))
      yield* Effect.forEach([1, 2, 3], () => Effect.either(pool.submit(() => Effect.fail("no"))))
      yield* TestClock.adjust(Duration.seconds(5))
      expect(yield* scaler.latest).toMatchObject({
        change: "hold",
        investigate: true,
        reason: "errors 100 % are above 5 %: look into them",
      })
    }),
  )

  it.scoped("brings what it scales within its bounds first", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ name: "p", workers: 1 })
      yield* Autoscaler.make({ target: pool, settings })
      expect((yield* pool.stats).workers).toBe(5)
    }),
  )

  it.scoped("goes on deciding after a look that died, and tells of it", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ name: "imports", workers: 5 })
      const heard: Array<string> = []
      let looks = 0
      const scaler = yield* Autoscaler.make({
        target: pool,
        cpu: Effect.suspend(() => (++looks === 1 ? Effect.die("no sensor") : Effect.succeed(0.1))),
        onError: (cause) => Effect.sync(() => heard.push(String(Cause.squash(cause)))),
      })
      yield* TestClock.adjust(Duration.seconds(1))
      expect([heard, yield* scaler.latest]).toEqual([["no sensor"], undefined])
      yield* TestClock.adjust(Duration.seconds(10))
      expect((yield* scaler.latest)?.change).toBe("hold")
    }),
  )
})
