/**
 * What job queues promise on an adapter's aggregates. Every adapter runs this suite.
 *
 * Each test builds the layer anew and has a store of its own.
 *
 * @example
 * jobQueueSuite("SQLite", SqliteStore.layerTest())
 */
import { describe, expect } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { JobQueue } from "@paceline/core/messaging"
import { Clock, Effect, Exit, type Layer, Option, Schema, Scope } from "effect"
import { ask, type DueWorkServices, type DueWorkTest, find, freshKind, pass, testOn } from "./DueWorkServices.ts"
import { jobQueueFailures } from "./JobQueueFailures.ts"

export const jobQueueSuite = (name: string, store: Layer.Layer<DueWorkServices, unknown>): void => {
  const test = testOn(store)

  describe(`job queue: ${name}`, () => {
    enqueuing(test)
    changing(test)
    working(test)
    jobQueueFailures(test)
  })
}

const Numbered = Schema.Struct({ n: Schema.Int })

/** A queue of its own for a test. */
const queueOf = (options: Partial<Parameters<typeof JobQueue.make>[0]> = {}) =>
  JobQueue.make({ ...options, name: freshKind("queue"), payload: Numbered, result: Schema.DateFromNumber })

const statusOf = (queue: ReturnType<typeof queueOf>, id: string) =>
  Effect.map(queue.find(id), (found) => Option.getOrUndefined(Option.map(found, ({ status }) => status)))

/** Notes what is handled, in order. */
const noting = (handled: Array<number>) => (payload: typeof Numbered.Type) =>
  Effect.map(Clock.currentTimeMillis, (millis) => {
    handled.push(payload.n)
    return new Date(millis)
  })

const enqueuing = (test: DueWorkTest): void => {
  test(
    "[log 1] a job exists when the unit that enqueued it commits, and not otherwise",
    Effect.gen(function* () {
      const queue = queueOf()
      const handled: Array<number> = []
      yield* Effect.ignore(
        UnitOfWork.run(Effect.zipRight(queue.enqueue({ n: 1 }), Effect.fail("the caller's trouble"))),
      )
      yield* UnitOfWork.run(Effect.zipRight(queue.enqueue({ n: 2 }), queue.enqueue({ n: 3 })))
      yield* queue.work({ workers: 1, handle: noting(handled) })
      yield* pass(2_000)
      expect(handled).toEqual([2, 3])
    }),
  )

  test(
    "keeps the answer of a finished job, and forgets it when its time is over",
    Effect.gen(function* () {
      const queue = queueOf({ keepForMillis: 120_000 })
      const { id } = yield* queue.enqueue({ n: 7 }, { inMillis: 5_000 })
      expect(yield* statusOf(queue, id)).toBe("delayed")
      yield* queue.work({ handle: noting([]) })
      yield* pass(6_000, 1_000)
      expect(Option.getOrThrow(yield* queue.find(id))).toMatchObject({
        status: "done",
        attempts: 1,
        payload: Option.some({ n: 7 }),
        result: Option.some(new Date(5_000)),
      })
      yield* pass(180_000, 30_000)
      expect(yield* queue.find(id)).toEqual(Option.none())
    }),
  )

  test(
    "unique: a second one is the first while that is not over, and for as long as was said",
    Effect.gen(function* () {
      const queue = queueOf()
      const handled: Array<number> = []
      const enqueue = (n: number, withinMillis?: number) =>
        queue.enqueue({ n }, { unique: { key: "digest", ...(withinMillis === undefined ? {} : { withinMillis }) } })
      const first = yield* enqueue(1)
      expect(yield* enqueue(2)).toEqual({ id: first.id, duplicate: true })
      yield* queue.work({ handle: noting(handled) })
      yield* pass(1_000)
      const second = yield* enqueue(3, 60_000)
      expect(second.duplicate).toBe(false)
      yield* pass(1_000)
      expect(handled).toEqual([1, 3])
      expect(yield* enqueue(4)).toEqual({ id: second.id, duplicate: true })
      yield* pass(120_000, 30_000)
      expect((yield* enqueue(5)).duplicate).toBe(false)
      yield* pass(1_000)
      expect(handled).toEqual([1, 3, 5])
    }),
  )

  test(
    "forgets a unique key that stands for nothing any more",
    Effect.gen(function* () {
      const queue = queueOf()
      yield* queue.enqueue({ n: 1 }, { unique: { key: "digest", withinMillis: 1_000 } })
      yield* queue.work({ handle: noting([]) })
      yield* pass(1_000)
      expect(yield* find(`job-unique/${queue.name}`, "digest")).toBeDefined()
      yield* pass(180_000, 30_000)
      expect(yield* find(`job-unique/${queue.name}`, "digest")).toBeUndefined()
    }),
  )

  test(
    "unique holds among many who enqueue at the same time",
    Effect.gen(function* () {
      const queue = queueOf()
      const all = yield* Effect.forEach(
        Array.from({ length: 30 }, (_, n) => n),
        (n) => queue.enqueue({ n }, { unique: { key: "one" } }),
        { concurrency: "unbounded" },
      )
      expect(new Set(all.map(({ id }) => id)).size).toBe(1)
      expect(all.filter(({ duplicate }) => !duplicate).length).toBe(1)
      expect((yield* queue.stats).waiting).toBe(1)
    }),
  )

  test(
    "[log 12] a job with an id of the caller's exists once, also when it is over",
    Effect.gen(function* () {
      const queue = queueOf()
      const handled: Array<number> = []
      expect(yield* queue.enqueue({ n: 1 }, { id: "x" })).toEqual({ id: "x", duplicate: false })
      expect(yield* queue.enqueue({ n: 2 }, { id: "x" })).toEqual({ id: "x", duplicate: true })
      yield* queue.work({ handle: noting(handled) })
      yield* pass(1_000)
      expect(yield* queue.enqueue({ n: 3 }, { id: "x" })).toEqual({ id: "x", duplicate: true })
      yield* pass(1_000)
      expect(handled).toEqual([1])
    }),
  )

  test(
    "[log 33] high first, then middle, then low, and low is never starved",
    Effect.gen(function* () {
      const queue = queueOf()
      const handled: Array<number> = []
      yield* queue.enqueueAll(
        Array.from({ length: 50 }, (_, i) => ({ n: 300 + i })),
        { priority: "low" },
      )
      yield* queue.enqueueAll(Array.from({ length: 50 }, (_, i) => ({ n: 200 + i })))
      yield* queue.enqueueAll(
        Array.from({ length: 50 }, (_, i) => ({ n: 100 + i })),
        { priority: "high" },
      )
      expect((yield* queue.stats).waitingByPriority).toEqual({ high: 50, middle: 50, low: 50 })
      yield* queue.work({ workers: 1, prefetch: 0, handle: noting(handled) })
      yield* pass(1_000)
      const among = (first: number, from: number) =>
        handled.slice(0, first).filter((n) => n >= from && n < from + 100).length
      expect(handled.length).toBe(150)
      expect(handled.slice(0, 4)).toEqual([100, 101, 102, 103])
      expect(among(60, 100)).toBeGreaterThan(40)
      expect(among(60, 300)).toBeGreaterThanOrEqual(2)
      expect(among(60, 200)).toBeGreaterThan(among(60, 300))
    }),
  )
}

const changing = (test: DueWorkTest): void => {
  test(
    "[log 38] a delayed job is cancelled, or runs at another time",
    Effect.gen(function* () {
      const queue = queueOf()
      const handled: Array<number> = []
      const cancelled = yield* queue.enqueue({ n: 1 }, { inMillis: 10_000 })
      const later = yield* queue.enqueue({ n: 2 }, { inMillis: 10_000 })
      const sooner = yield* queue.enqueue({ n: 3 }, { atMs: 3_600_000 })
      yield* queue.work({ handle: noting(handled) })
      yield* pass(1_000)
      expect(yield* queue.cancel(cancelled.id)).toBe("changed")
      expect(yield* queue.reschedule(later.id, 20_000)).toBe("changed")
      expect(yield* queue.reschedule(sooner.id, 2_000)).toBe("changed")
      yield* pass(1_500)
      expect(handled).toEqual([3])
      yield* pass(15_000, 1_000)
      expect(handled).toEqual([3])
      yield* pass(3_000)
      expect(handled).toEqual([3, 2])
      expect(yield* statusOf(queue, cancelled.id)).toBe("cancelled")
      expect(yield* queue.cancel(cancelled.id)).toBe("gone")
      expect(yield* queue.reschedule(later.id, 99)).toBe("gone")
    }),
  )

  test(
    "[log 38] a job that runs is neither cancelled nor put off",
    Effect.gen(function* () {
      const queue = queueOf()
      const { id } = yield* queue.enqueue({ n: 1 })
      yield* queue.work({ handle: (payload) => Effect.delay(noting([])(payload), 5_000) })
      yield* pass(1_000)
      expect(yield* queue.cancel(id)).toBe("running")
      expect(yield* queue.reschedule(id, 99_000)).toBe("running")
      yield* pass(5_000)
      expect(yield* statusOf(queue, id)).toBe("done")
    }),
  )

  test(
    "paused, nobody begins a job, also after a restart, until it is resumed",
    Effect.gen(function* () {
      const queue = queueOf()
      const handled: Array<number> = []
      const first = yield* Scope.make()
      yield* Scope.extend(queue.work({ handle: noting(handled) }), first)
      yield* queue.pause
      yield* pass(2_000)
      yield* queue.enqueue({ n: 1 })
      yield* pass(3_000)
      yield* Scope.close(first, Exit.void)
      yield* queue.work({ handle: noting(handled) })
      yield* pass(3_000)
      expect(handled).toEqual([])
      expect(yield* queue.isPaused).toBe(true)
      yield* queue.resume
      yield* pass(2_500)
      expect(handled).toEqual([1])
    }),
  )
}

const working = (test: DueWorkTest): void => {
  test(
    "[log 26] runs as many at once as there are workers, holds no more than it prefetches, and can be resized",
    Effect.gen(function* () {
      const queue = queueOf()
      yield* queue.enqueueAll(Array.from({ length: 40 }, (_, n) => ({ n })))
      let running = 0
      let most = 0
      const worker = yield* queue.work({
        workers: 3,
        prefetch: 2,
        handle: (payload) =>
          Effect.acquireUseRelease(
            Effect.sync(() => {
              running++
              most = Math.max(most, running)
            }),
            () => Effect.delay(noting([])(payload), 1_000),
            () => Effect.sync(() => void running--),
          ),
      })
      yield* pass(500)
      expect(yield* queue.stats).toMatchObject({ waiting: 35, later: 5 })
      expect(yield* worker.stats).toMatchObject({ workers: 3, busy: 3, waiting: 37 })
      yield* pass(2_000)
      expect(most).toBe(3)
      yield* worker.resize(10)
      yield* pass(2_000)
      expect(most).toBe(10)
      yield* pass(6_000, 1_000)
      expect(yield* worker.stats).toMatchObject({ busy: 0, waiting: 0, completed: 40, failed: 0 })
    }),
  )

  test(
    "[log 16] with sticky workers, jobs of one key run one after the other, in order",
    Effect.gen(function* () {
      const queue = queueOf()
      for (let n = 0; n < 30; n++) yield* queue.enqueue({ n }, { key: `athlete-${n % 3}` })
      const running = new Set<number>()
      const order: Array<number> = []
      yield* queue.work({
        workers: 8,
        prefetch: 40,
        dispatch: "sticky",
        handle: (payload) =>
          Effect.gen(function* () {
            expect(running.has(payload.n % 3)).toBe(false)
            running.add(payload.n % 3)
            yield* Effect.sleep(100)
            running.delete(payload.n % 3)
            return yield* noting(order)(payload)
          }),
      })
      yield* pass(4_000, 100)
      expect(order.length).toBe(30)
      for (const key of [0, 1, 2]) {
        const ofKey = order.filter((n) => n % 3 === key)
        expect(ofKey).toEqual(ofKey.toSorted((a, b) => a - b))
      }
    }),
  )

  test(
    "[log 14] a transactional handler's effect and the completion are one: an effect for each job, exactly",
    Effect.gen(function* () {
      const queue = queueOf({ attempts: 50 })
      const effects = freshKind("effects")
      yield* queue.enqueueAll(Array.from({ length: 60 }, (_, n) => ({ n })))
      let tries = 0
      const worker = queue.workTransactional({
        workers: 4,
        handle: ({ n }) =>
          Effect.gen(function* () {
            yield* ask((store) => store.insert(effects, `effect-${n}`, { state: n, dueAtMs: null }))
            // After the effect, before the commit.
            if (tries++ % 3 === 0) return yield* Effect.fail("a mishap")
            return new Date(0)
          }),
      })
      yield* worker
      yield* worker
      yield* pass(30_000, 1_000)
      expect(tries).toBeGreaterThan(60)
      expect(yield* ask((store) => store.count(effects))).toBe(60)
      expect(yield* queue.stats).toMatchObject({ waiting: 0, later: 0, dead: 0 })
    }),
  )
}
