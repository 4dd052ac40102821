import { describe, expect, it } from "@effect/vitest"
import {
  Config,
  ConfigProvider,
  Context,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Option,
  TestClock,
  TestContext,
} from "effect"
import * as fc from "fast-check"
import * as Permits from "./Permits.ts"

/** Lets every fiber that can run, run. */
const quiet = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow(), { discard: true })

const parked = <A>(
  permits: Permits.Permits,
  label: A,
  log: Array<A>,
  weight = 1,
  priority?: "high" | "middle" | "low",
) =>
  Effect.gen(function* () {
    const gate = yield* Deferred.make<void>()
    const body = Effect.zipRight(
      Effect.sync(() => log.push(label)),
      Deferred.await(gate),
    )
    const fiber = yield* Effect.fork(permits.withPermits(weight, priority === undefined ? {} : { priority })(body))
    yield* quiet
    return { fiber, open: Effect.zipRight(Deferred.succeed(gate, undefined), quiet) }
  })

describe("Permits", () => {
  it.effect("gives the body's value, and its failure", () =>
    Effect.gen(function* () {
      const permits = yield* Permits.make(1)
      expect(yield* permits.withPermit(Effect.succeed(7))).toBe(7)
      expect(yield* Effect.exit(permits.withPermit(Effect.fail("no")))).toEqual(Exit.fail("no"))
      expect(yield* Effect.exit(permits.withPermit(Effect.die("bug")))).toEqual(Exit.die("bug"))
      expect(yield* permits.stats).toEqual({ limit: 1, inFlight: 0, waiting: 0 })
    }),
  )

  it.effect("[resilience 46] serves waiters first in, first out, and hands over without barging", () =>
    Effect.gen(function* () {
      const permits = yield* Permits.make(1)
      const log: Array<string> = []
      const first = yield* parked(permits, "first", log)
      const second = yield* parked(permits, "second", log)
      const third = yield* parked(permits, "third", log)
      const barging = Effect.flatMap(first.open, () => permits.withPermit(Effect.sync(() => log.push("newcomer"))))
      const newcomer = yield* Effect.fork(barging)
      yield* quiet
      yield* second.open
      yield* third.open
      yield* Fiber.join(newcomer)
      expect(log).toEqual(["first", "second", "third", "newcomer"])
    }),
  )

  it.effect("lets high pass middle and low", () =>
    Effect.gen(function* () {
      const permits = yield* Permits.make(1)
      const log: Array<string> = []
      const holder = yield* parked(permits, "holder", log)
      const rest = [
        yield* parked(permits, "low", log, 1, "low"),
        yield* parked(permits, "middle", log, 1, "middle"),
        yield* parked(permits, "high", log, 1, "high"),
      ]
      yield* holder.open
      for (const one of rest.reverse()) yield* one.open
      expect(log).toEqual(["holder", "high", "middle", "low"])
    }),
  )

  it.effect("[resilience 47] frees the place of an interrupted waiter, which never runs", () =>
    Effect.gen(function* () {
      const permits = yield* Permits.make(2)
      const log: Array<string> = []
      const holder = yield* parked(permits, "holder", log)
      const heavy = yield* parked(permits, "heavy", log, 2)
      yield* parked(permits, "light", log)
      expect(log).toEqual(["holder"])
      yield* Fiber.interrupt(heavy.fiber)
      yield* quiet
      expect(log).toEqual(["holder", "light"])
      expect(yield* permits.stats).toEqual({ limit: 2, inFlight: 2, waiting: 0 })
      yield* holder.open
    }),
  )

  it.effect("[resilience 48] takes back a permit that was granted to a waiter interrupted in the same moment", () =>
    Effect.gen(function* () {
      const permits = yield* Permits.make(1)
      const log: Array<string> = []
      const holder = yield* parked(permits, "holder", log)
      const waiter = yield* parked(permits, "waiter", log)
      // Granted by the release, and interrupted before its fiber gets a turn.
      yield* Effect.sync(() => {
        holder.fiber.unsafeInterruptAsFork(holder.fiber.id())
        waiter.fiber.unsafeInterruptAsFork(waiter.fiber.id())
      })
      yield* quiet
      expect(log).toEqual(["holder"])
      expect(yield* permits.stats).toEqual({ limit: 1, inFlight: 0, waiting: 0 })
      expect(yield* permits.withPermit(Effect.succeed("free"))).toBe("free")
    }),
  )

  it.effect("releases on interruption of the body, and lets the body stay interruptible", () =>
    Effect.gen(function* () {
      const permits = yield* Permits.make(1)
      const running = yield* Effect.fork(permits.withPermit(Effect.never))
      yield* quiet
      expect((yield* permits.stats).inFlight).toBe(1)
      expect(Exit.isInterrupted(yield* Fiber.interrupt(running))).toBe(true)
      expect((yield* permits.stats).inFlight).toBe(0)
    }),
  )

  it.effect("keeps an uninterruptible body uninterruptible, also when it was made interruptible before", () =>
    Effect.gen(function* () {
      const permits = yield* Permits.make(1)
      const gate = yield* Deferred.make<void>()
      const guarded = permits.withPermit(Deferred.await(gate))
      // The same effect runs in both modes: what is kept from the first run must not leak into the second.
      const interrupted = yield* Effect.fork(guarded)
      yield* quiet
      yield* Fiber.interrupt(interrupted)
      const stubborn = yield* Effect.fork(Effect.uninterruptible(guarded))
      yield* quiet
      const interruption = yield* Effect.fork(Fiber.interrupt(stubborn))
      yield* quiet
      expect((yield* permits.stats).inFlight).toBe(1)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(interruption)
      expect((yield* permits.stats).inFlight).toBe(0)
    }),
  )

  it.effect("[resilience 49] can be raised and lowered while running", () =>
    Effect.gen(function* () {
      const permits = yield* Permits.make(1)
      const log: Array<number> = []
      const jobs = [yield* parked(permits, 0, log), yield* parked(permits, 1, log), yield* parked(permits, 2, log)]
      yield* permits.resize(3)
      yield* quiet
      expect(log).toEqual([0, 1, 2])
      yield* permits.resize(1)
      const last = yield* parked(permits, 3, log)
      yield* jobs[0]!.open
      yield* jobs[1]!.open
      expect(log).toEqual([0, 1, 2])
      yield* jobs[2]!.open
      expect(log).toEqual([0, 1, 2, 3])
      yield* last.open
    }),
  )

  it.effect("[resilience 53] gives a taker of many its turn under a stream of takers of one", () =>
    Effect.gen(function* () {
      const permits = yield* Permits.make(3)
      let ones = 0
      let onesBefore = -1
      const stream = Effect.forEach(
        Array.from({ length: 200 }),
        () =>
          permits.withPermit(
            Effect.zipRight(
              Effect.sync(() => ones++),
              Effect.yieldNow(),
            ),
          ),
        { concurrency: 20, discard: true },
      )
      const many = permits.withPermits(3)(Effect.sync(() => (onesBefore = ones)))
      const all = yield* Effect.fork(Effect.all([stream, Effect.zipRight(Effect.yieldNow(), many)], { concurrency: 2 }))
      yield* Fiber.join(all)
      expect(onesBefore).toBeGreaterThanOrEqual(0)
      expect(onesBefore).toBeLessThan(60)
    }),
  )

  it.effect("runs only if it need not wait, when asked so", () =>
    Effect.gen(function* () {
      const permits = yield* Permits.make(1)
      const attempt = permits.withPermitsIfAvailable(1)(Effect.succeed("ran"))
      expect(yield* attempt).toEqual(Option.some("ran"))
      expect(yield* permits.withPermit(attempt)).toEqual(Option.none())
      expect((yield* permits.stats).inFlight).toBe(0)
    }),
  )

  it.effect("tells what happens, and nothing while there is no contention", () =>
    Effect.gen(function* () {
      const events: Array<Permits.PermitsEvent["_tag"]> = []
      const permits = yield* Permits.make(1, { onEvent: (event) => events.push(event._tag) })
      yield* permits.withPermit(Effect.void)
      expect(events).toEqual([])
      const holder = yield* parked(permits, 0, [])
      const waiter = yield* parked(permits, 1, [])
      yield* Fiber.interrupt(waiter.fiber)
      yield* parked(permits, 2, [])
      yield* holder.open
      yield* permits.resize(4)
      expect(events).toEqual(["Waiting", "Abandoned", "Waiting", "Granted", "Resized"])
    }),
  )

  it.effect("is provided under one's own tag, its limit from configuration if wanted", () => {
    class Uploads extends Context.Tag("test/Uploads")<Uploads, Permits.Permits>() {}
    const limit = Effect.flatMap(Uploads, (uploads) => Effect.map(uploads.stats, (stats) => stats.limit))
    return Effect.gen(function* () {
      expect(yield* Effect.provide(limit, Permits.layer(Uploads, 3))).toBe(3)
      const configured = Permits.layerConfig(Uploads, Config.integer("UPLOADS")).pipe(
        Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["UPLOADS", "8"]])))),
      )
      expect(yield* Effect.provide(limit, configured)).toBe(8)
    })
  })

  it("[resilience 44] never has more in flight than the limit, under random interruption, and loses no permit", () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(
          fc.record({
            start: fc.nat(20),
            hold: fc.nat(10),
            weight: fc.integer({ min: 1, max: 5 }),
            priority: fc.constantFrom("high" as const, "middle" as const, "low" as const),
            interruptAfter: fc.option(fc.nat(25)),
          }),
          { maxLength: 30 },
        ),
        (limit, jobs) =>
          Effect.runPromise(
            Effect.gen(function* () {
              const permits = yield* Permits.make(limit)
              let held = 0
              let most = 0
              const fibers = yield* Effect.forEach(jobs, (job) => {
                const weight = Math.min(job.weight, limit)
                const body = Effect.acquireUseRelease(
                  Effect.sync(() => {
                    held += weight
                    most = Math.max(most, held)
                  }),
                  () => Effect.sleep(Duration.millis(job.hold)),
                  () => Effect.sync(() => (held -= weight)),
                )
                const run = Effect.zipRight(
                  Effect.sleep(Duration.millis(job.start)),
                  permits.withPermits(job.weight, { priority: job.priority })(body),
                )
                return Effect.flatMap(Effect.fork(run), (fiber) =>
                  job.interruptAfter === null
                    ? Effect.succeed(fiber)
                    : Effect.as(
                        Effect.fork(
                          Effect.zipRight(
                            Effect.sleep(Duration.millis(job.start + job.interruptAfter)),
                            Fiber.interrupt(fiber),
                          ),
                        ),
                        fiber,
                      ),
                )
              })
              yield* TestClock.adjust(Duration.seconds(10))
              const exits = yield* Effect.forEach(fibers, Fiber.await)
              expect(most).toBeLessThanOrEqual(limit)
              expect(held).toBe(0)
              expect(yield* permits.stats).toEqual({ limit, inFlight: 0, waiting: 0 })
              jobs.forEach((job, i) => {
                if (job.interruptAfter === null) expect(Exit.isSuccess(exits[i]!)).toBe(true)
              })
            }).pipe(Effect.provide(TestContext.TestContext)),
          ),
      ),
      { numRuns: 60 },
    ))

  it.effect("is not spoilt for good by a weight that is no number", () =>
    Effect.gen(function* () {
      const permits = yield* Permits.make(2)
      for (const weight of [Number.NaN, -3, 0.5]) yield* permits.withPermits(weight)(Effect.void)
      expect(yield* permits.withPermitsIfAvailable(Number.NaN)(Effect.succeed("ran"))).toEqual(Option.some("ran"))
      expect(yield* permits.stats).toEqual({ limit: 2, inFlight: 0, waiting: 0 })
    }),
  )
})
