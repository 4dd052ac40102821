import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, TestClock } from "effect"
import * as fc from "fast-check"
import * as PriorityQueue from "./PriorityQueue.ts"

const quiet = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow(), { discard: true })

describe("PriorityQueue", () => {
  it.effect("gives high first, and within a priority the first first", () =>
    Effect.gen(function* () {
      const queue = yield* PriorityQueue.make<string>({ name: "notices" })
      yield* queue.offer("backup", "low")
      yield* queue.offer("post 1")
      yield* queue.offer("post 2")
      yield* queue.offer("alert", "high")
      expect(yield* queue.takeUpTo(3)).toEqual(["alert", "post 1", "post 2"])
      expect(yield* queue.take).toBe("backup")
      expect(yield* queue.size).toBe(0)
    }),
  )

  it.effect("[resilience 51] gives a low value its turn within its handicap, under a stream of high ones", () =>
    Effect.gen(function* () {
      const queue = yield* PriorityQueue.make<string>({ name: "notices" })
      yield* queue.offer("low", "low")
      const taken: Array<string> = []
      for (let second = 0; second < 8; second++) {
        yield* queue.offer(`high ${second}`, "high")
        taken.push(yield* queue.take)
        yield* TestClock.adjust(Duration.seconds(1))
      }
      expect(taken.indexOf("low")).toBe(6)
    }),
  )

  it.effect("refuses when it is full, and keeps what it accepted", () =>
    Effect.gen(function* () {
      const queue = yield* PriorityQueue.make<number>({ name: "notices", capacity: 2 })
      yield* queue.offer(1, "low")
      yield* queue.offer(2, "low")
      expect(yield* Effect.flip(queue.offer(3, "high"))).toBeInstanceOf(PriorityQueue.QueueFull)
      expect(yield* queue.takeUpTo(9)).toEqual([1, 2])
    }),
  )

  it.effect("serves takers in the order in which they came, and nobody takes what is meant for them", () =>
    Effect.gen(function* () {
      const queue = yield* PriorityQueue.make<number>({ name: "notices" })
      const first = yield* Effect.fork(queue.take)
      yield* quiet
      const second = yield* Effect.fork(queue.take)
      yield* quiet
      yield* queue.offer(1)
      yield* queue.offer(2)
      expect(yield* queue.takeUpTo(9)).toEqual([])
      const late = yield* Effect.fork(queue.take)
      expect(yield* Fiber.join(first)).toBe(1)
      expect(yield* Fiber.join(second)).toBe(2)
      yield* queue.offer(3)
      expect(yield* Fiber.join(late)).toBe(3)
    }),
  )

  it.effect("[resilience 48] loses no value when its taker is interrupted in the same moment", () =>
    Effect.gen(function* () {
      const queue = yield* PriorityQueue.make<number>({ name: "notices" })
      const first = yield* Effect.fork(queue.take)
      yield* quiet
      const second = yield* Effect.fork(queue.take)
      yield* quiet
      yield* Effect.zipRight(
        queue.offer(1),
        Effect.sync(() => first.unsafeInterruptAsFork(first.id())),
      )
      expect(yield* Fiber.join(second)).toBe(1)
      expect(Exit.isInterrupted(yield* Fiber.await(first))).toBe(true)
    }),
  )

  it("gives every value once, whoever takes and gives up", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(fc.constant("offer" as const), fc.constant("take" as const), fc.constant("interrupt" as const)),
          {
            maxLength: 60,
          },
        ),
        (steps) =>
          Effect.runPromise(
            Effect.gen(function* () {
              const queue = yield* PriorityQueue.make<number>({ name: "notices" })
              const takers: Array<Fiber.RuntimeFiber<number>> = []
              let offered = 0
              for (const step of steps) {
                if (step === "offer") yield* queue.offer(offered++)
                else if (step === "take") takers.push(yield* Effect.fork(queue.take))
                else {
                  const taker = takers[(offered * 7) % Math.max(1, takers.length)]
                  if (taker !== undefined) yield* Fiber.interruptFork(taker)
                }
              }
              yield* quiet
              yield* Effect.forEach(takers, Fiber.interrupt)
              const taken: Array<number> = []
              for (const taker of takers) {
                const exit = yield* Fiber.await(taker)
                if (Exit.isSuccess(exit)) taken.push(exit.value)
              }
              const rest = yield* queue.takeUpTo(100)
              expect([...taken, ...rest].sort((a, b) => a - b)).toEqual(Array.from({ length: offered }, (_, i) => i))
            }),
          ),
      ),
      { numRuns: 100 },
    ))
})
