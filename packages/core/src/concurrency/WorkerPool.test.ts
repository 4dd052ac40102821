import { describe, expect, it } from "@effect/vitest"
import { Cause, Context, Deferred, Duration, Effect, Exit, Fiber, FiberRef, Scope, TestClock } from "effect"
import * as WorkerPool from "./WorkerPool.ts"

const quiet = Effect.forEach(Array.from({ length: 40 }), () => Effect.yieldNow(), { discard: true })

describe("WorkerPool", () => {
  it.scoped("gives each job's result to its caller, in the caller's context", () =>
    Effect.gen(function* () {
      class Athlete extends Context.Tag("test/Athlete")<Athlete, string>() {}
      const note = FiberRef.unsafeMake("none")
      const pool = yield* WorkerPool.make({ name: "p", workers: 2 })
      const job = pool.submit(() => Effect.zip(Athlete, FiberRef.get(note)))
      const result = yield* job.pipe(Effect.locally(note, "from the caller"), Effect.provideService(Athlete, "Ada"))
      expect(result).toEqual(["Ada", "from the caller"])
      expect(yield* Effect.exit(pool.submit(() => Effect.fail("no")))).toEqual(Exit.fail("no"))
      expect(yield* pool.stats).toMatchObject({ workers: 2, busy: 0, waiting: 0, completed: 2, failed: 1 })
    }),
  )

  it.scoped("runs as many at once as it has workers", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ name: "p", workers: 3 })
      let running = 0
      let most = 0
      yield* Effect.forEach(
        Array.from({ length: 50 }),
        () =>
          pool.submit(() =>
            Effect.gen(function* () {
              most = Math.max(most, ++running)
              yield* Effect.yieldNow()
              running--
            }),
          ),
        { concurrency: "unbounded", discard: true },
      )
      expect(most).toBe(3)
    }),
  )

  it.scoped("[resilience 55] keeps the order of a key on its sticky worker, while the pool shrinks and grows", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ name: "p", workers: 6, dispatch: "sticky" })
      const started = new Map<string, Array<number>>()
      const running = new Set<string>()
      const jobs = Array.from({ length: 300 }, (_, i) => ({ key: `k${i % 7}`, i }))
      const all = yield* Effect.fork(
        Effect.forEach(
          jobs,
          ({ key, i }) =>
            pool.submit(
              () =>
                Effect.gen(function* () {
                  expect(running.has(key)).toBe(false)
                  running.add(key)
                  started.set(key, [...(started.get(key) ?? []), i])
                  yield* Effect.repeatN(Effect.yieldNow(), i % 5)
                  running.delete(key)
                }),
              { key },
            ),
          { concurrency: "unbounded", discard: true },
        ),
      )
      for (const size of [6, 1, 4, 2, 8]) {
        yield* Effect.repeatN(Effect.yieldNow(), 10)
        yield* pool.resize(size)
      }
      yield* Fiber.join(all)
      for (const order of started.values()) expect(order).toEqual([...order].sort((a, b) => a - b))
      expect([...started.values()].flat()).toHaveLength(300)
    }),
  )

  it.scoped("restarts the worker of a job that died, with a fresh resource, and loses no other job", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      let made = 0
      const connection = Effect.acquireRelease(
        Effect.sync(() => {
          log.push(`open ${made}`)
          return made++
        }),
        (id) => Effect.sync(() => log.push(`close ${id}`)),
      )
      const pool = yield* WorkerPool.makeWith(
        { name: "p", workers: 1, onEvent: ({ _tag }) => _tag !== "JobStarted" && log.push(_tag) },
        connection,
      )
      const jobs = yield* Effect.all(
        [
          Effect.exit(pool.submit((id) => Effect.as(Effect.yieldNow(), id))),
          Effect.exit(pool.submit(() => Effect.die("broken"))),
          Effect.exit(pool.submit((id) => Effect.succeed(id))),
          Effect.exit(pool.submit(() => Effect.fail("expected"))),
          Effect.exit(pool.submit((id) => Effect.succeed(id))),
        ],
        { concurrency: "unbounded" },
      )
      expect(jobs).toEqual([
        Exit.succeed(0),
        Exit.die("broken"),
        Exit.succeed(1),
        Exit.fail("expected"),
        Exit.succeed(1),
      ])
      expect(log).toEqual(["WorkerStarted", "open 0", "WorkerRestarted", "close 0", "open 1"])
    }),
  )

  it.scoped("tries again to acquire a worker's resource, while its jobs wait", () =>
    Effect.gen(function* () {
      let attempts = 0
      const flaky = Effect.suspend(() => (++attempts < 4 ? Effect.fail("not yet") : Effect.succeed("up")))
      const failures: Array<unknown> = []
      const pool = yield* WorkerPool.makeWith(
        {
          name: "p",
          workers: 1,
          onEvent: (event) => {
            if (event._tag === "AcquireFailed") failures.push(event.cause)
          },
        },
        flaky,
      )
      const job = yield* Effect.fork(pool.submit((resource) => Effect.succeed(resource)))
      yield* TestClock.adjust(Duration.seconds(30))
      expect(yield* Fiber.join(job)).toBe("up")
      expect(failures).toEqual(Array.from({ length: 3 }, () => Cause.fail("not yet")))
    }),
  )

  it.scoped("[resilience 47] takes the job of an interrupted caller out of the line, or interrupts it", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ name: "p", workers: 1 })
      let cleaned = false
      const running = yield* Effect.fork(
        pool.submit(() => Effect.onInterrupt(Effect.never, () => Effect.sync(() => (cleaned = true)))),
      )
      yield* quiet
      const waiting = yield* Effect.fork(pool.submit(() => Effect.die("never runs")))
      yield* quiet
      expect(yield* pool.stats).toMatchObject({ busy: 1, waiting: 1 })
      yield* Fiber.interrupt(waiting)
      expect(yield* pool.stats).toMatchObject({ busy: 1, waiting: 0 })
      yield* Fiber.interrupt(running)
      expect(cleaned).toBe(true)
      expect(yield* pool.submit(() => Effect.succeed("free"))).toBe("free")
    }),
  )

  it.scoped("refuses what its queue does not hold", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ name: "imports", workers: 1, queue: 2 })
      const fibers = yield* Effect.forEach([1, 2, 3], () =>
        Effect.zipLeft(Effect.fork(pool.submit(() => Effect.never)), quiet),
      )
      const refused = yield* Effect.flip(pool.submit(() => Effect.never))
      expect(refused).toBeInstanceOf(WorkerPool.PoolFull)
      expect(refused.message).toContain('"imports"')
      yield* Fiber.interruptAll(fibers)
    }),
  )

  it.effect("[resilience 45] finishes all that was accepted before its scope closes, and accepts nothing more", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const pool = yield* Scope.extend(WorkerPool.make({ name: "p", workers: 2 }), scope)
      yield* pool.resize(5)
      const jobs = yield* Effect.forEach(
        Array.from({ length: 40 }, (_, i) => i),
        (i) => Effect.fork(pool.submit(() => Effect.as(Effect.repeatN(Effect.yieldNow(), i % 4), i))),
      )
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      expect(yield* Fiber.joinAll(jobs)).toEqual(Array.from({ length: 40 }, (_, i) => i))
      expect(yield* Effect.flip(pool.submit(() => Effect.void))).toBeInstanceOf(WorkerPool.PoolClosed)
      expect(yield* pool.stats).toMatchObject({ workers: 0, retiring: 0 })
    }),
  )

  it.effect("answers every caller when it is closed by interruption", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const pool = yield* Scope.extend(WorkerPool.make({ name: "p", workers: 1, onClose: "interrupt" }), scope)
      const running = yield* Effect.fork(pool.submit(() => Effect.never))
      yield* quiet
      const waiting = yield* Effect.fork(pool.submit(() => Effect.never))
      yield* quiet
      yield* Scope.close(scope, Exit.void)
      expect(Exit.isInterrupted(yield* Fiber.await(running))).toBe(true)
      expect(yield* Effect.flip(Fiber.join(waiting))).toBeInstanceOf(WorkerPool.PoolClosed)
    }),
  )

  it.scoped("[resilience 56] loses no job while shrinking: the lines of those that go are handed over", () =>
    Effect.gen(function* () {
      for (const dispatch of ["round-robin", "least-busy", "sticky"] as const) {
        const pool = yield* WorkerPool.make({ name: dispatch, workers: 100, dispatch })
        const gate = yield* Deferred.make<void>()
        let done = 0
        const jobs = yield* Effect.fork(
          Effect.forEach(
            Array.from({ length: 1_000 }, (_, i) => i),
            (i) =>
              pool.submit(
                () =>
                  Effect.zipRight(
                    Deferred.await(gate),
                    Effect.sync(() => done++),
                  ),
                { key: `k${i % 300}` },
              ),
            { concurrency: "unbounded", discard: true },
          ),
        )
        yield* quiet
        yield* pool.resize(5)
        expect((yield* pool.stats).workers).toBe(5)
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(jobs)
        yield* quiet
        expect(done).toBe(1_000)
        expect(yield* pool.stats).toMatchObject({ workers: 5, retiring: 0, busy: 0, waiting: 0, completed: 1_000 })
      }
    }),
  )

  it.scoped("[resilience 51] lets a low job through under a stream of high ones", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ name: "p", workers: 1 })
      const order: Array<string> = []
      const job = (name: string) => () =>
        Effect.zipRight(
          Effect.sync(() => order.push(name)),
          Effect.sleep(Duration.millis(500)),
        )
      const fibers = [yield* Effect.fork(pool.submit(job("first"), { priority: "high" }))]
      yield* quiet
      fibers.push(yield* Effect.fork(pool.submit(job("low"), { priority: "low" })))
      for (let i = 0; i < 30; i++) {
        fibers.push(yield* Effect.fork(pool.submit(job("high"), { priority: "high" })))
        yield* TestClock.adjust(Duration.millis(400))
      }
      const overtook = order.indexOf("low") - 1
      expect(overtook).toBeGreaterThan(5)
      expect(overtook).toBeLessThanOrEqual(13)
      yield* Fiber.interruptAll(fibers)
    }),
  )

  it.effect("takes no more workers when it is closed, though a scaler is a step behind", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      let opened = 0
      const pool = yield* Scope.extend(
        WorkerPool.makeWith(
          { name: "p", workers: 2 },
          Effect.sync(() => ++opened),
        ),
        scope,
      )
      yield* quiet
      yield* Scope.close(scope, Exit.void)
      yield* pool.resize(20)
      yield* quiet
      expect(opened).toBe(2)
      expect((yield* pool.stats).workers).toBe(0)
    }),
  )

  it.scoped("tells of a resource that could not be released as such, and goes on at once", () =>
    Effect.gen(function* () {
      const events: Array<string> = []
      const resource = Effect.acquireRelease(Effect.void, () => Effect.die("stuck"))
      const pool = yield* WorkerPool.makeWith(
        { name: "p", workers: 1, onEvent: ({ _tag }) => events.push(_tag) },
        resource,
      )
      yield* Effect.exit(pool.submit(() => Effect.die("bug")))
      expect(yield* pool.submit(() => Effect.succeed("next"))).toBe("next")
      expect(events.filter((tag) => tag !== "JobStarted")).toEqual([
        "WorkerStarted",
        "WorkerRestarted",
        "ReleaseFailed",
      ])
    }),
  )

  it.scoped("does not count a job as failed that its caller cancelled", () =>
    Effect.gen(function* () {
      const pool = yield* WorkerPool.make({ name: "p", workers: 1 })
      const job = yield* Effect.fork(pool.submit(() => Effect.never))
      yield* quiet
      yield* Fiber.interrupt(job)
      expect(yield* pool.stats).toMatchObject({ completed: 1, failed: 0 })
    }),
  )
})
