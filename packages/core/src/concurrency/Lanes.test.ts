import { describe, expect, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber } from "effect"
import * as fc from "fast-check"
import * as Lanes from "./Lanes.ts"

const quiet = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow(), { discard: true })

describe("Lanes", () => {
  it.effect("[resilience 57] keeps the order of one key and lets other keys pass", () =>
    Effect.gen(function* () {
      const lanes = yield* Lanes.make<string>()
      const log: Array<string> = []
      const gate = yield* Deferred.make<void>()
      const note = (text: string) => Effect.sync(() => log.push(text))
      const slow = yield* Effect.fork(lanes.run("a", Effect.zipRight(note("a1"), Deferred.await(gate))))
      yield* quiet
      const behind = yield* Effect.fork(lanes.run("a", Effect.asVoid(note("a2"))))
      yield* quiet
      yield* lanes.run("b", note("b1"))
      expect(log).toEqual(["a1", "b1"])
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.joinAll([slow, behind])
      expect(log).toEqual(["a1", "b1", "a2"])
      expect(yield* lanes.stats).toEqual({ keys: 0, running: 0, waiting: 0 })
    }),
  )

  it.effect("goes on after a failure, a defect and an interruption, and skips who left", () =>
    Effect.gen(function* () {
      const lanes = yield* Lanes.make<string>()
      expect(yield* Effect.exit(lanes.run("a", Effect.fail("no")))).toEqual(Exit.fail("no"))
      expect(yield* Effect.exit(lanes.run("a", Effect.die("bug")))).toEqual(Exit.die("bug"))
      const running = yield* Effect.fork(lanes.run("a", Effect.never))
      yield* quiet
      const left = yield* Effect.fork(lanes.run("a", Effect.die("never runs")))
      const behind = yield* Effect.fork(lanes.run("a", Effect.succeed("ran")))
      yield* quiet
      yield* Fiber.interrupt(left)
      yield* Fiber.interrupt(running)
      expect(yield* Fiber.join(behind)).toBe("ran")
      expect(yield* lanes.stats).toEqual({ keys: 0, running: 0, waiting: 0 })
    }),
  )

  it.effect("is provided under one's own tag, as wide as wanted", () => {
    class PerUser extends Context.Tag("test/PerUser")<PerUser, Lanes.Lanes<string>>() {}
    return Effect.gen(function* () {
      const lanes = yield* PerUser
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.fork(lanes.run("u", Effect.never)))
      yield* quiet
      expect(yield* lanes.stats).toEqual({ keys: 1, running: 2, waiting: 1 })
      yield* Fiber.interruptAll(fibers)
    }).pipe(Effect.provide(Lanes.layer(PerUser, { width: 2 })))
  })

  it("[resilience 57] never runs two of one key at once, nor out of order, under random interruption", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ key: fc.constantFrom("a", "b", "c"), yields: fc.nat(4), interruptAfter: fc.option(fc.nat(12)) }),
          { maxLength: 30 },
        ),
        (jobs) =>
          Effect.runPromise(
            Effect.gen(function* () {
              const lanes = yield* Lanes.make<string>()
              const running = new Set<string>()
              const started: Array<{ key: string; i: number }> = []
              const fibers = yield* Effect.forEach(jobs, (job, i) =>
                Effect.fork(
                  lanes.run(
                    job.key,
                    Effect.acquireUseRelease(
                      Effect.sync(() => {
                        expect(running.has(job.key)).toBe(false)
                        running.add(job.key)
                        started.push({ key: job.key, i })
                      }),
                      () => Effect.repeatN(Effect.yieldNow(), job.yields),
                      () => Effect.sync(() => running.delete(job.key)),
                    ),
                  ),
                ),
              )
              yield* Effect.forEach(
                jobs,
                (job, i) =>
                  job.interruptAfter === null
                    ? Effect.void
                    : Effect.zipRight(
                        Effect.repeatN(Effect.yieldNow(), job.interruptAfter),
                        Fiber.interrupt(fibers[i]!),
                      ),
                { concurrency: "unbounded", discard: true },
              )
              const exits = yield* Effect.forEach(fibers, Fiber.await)
              for (const key of ["a", "b", "c"]) {
                const order = started.filter((s) => s.key === key).map((s) => s.i)
                expect(order).toEqual([...order].sort((a, b) => a - b))
              }
              jobs.forEach((job, i) => {
                if (job.interruptAfter === null) expect(Exit.isSuccess(exits[i]!)).toBe(true)
              })
              expect(yield* lanes.stats).toEqual({ keys: 0, running: 0, waiting: 0 })
            }),
          ),
      ),
      { numRuns: 100 },
    ))
})
