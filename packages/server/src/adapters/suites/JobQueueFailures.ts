/** The part of the job queue's suite that tells of attempts, dead jobs, guarantees, and workers that go away. */
import { expect } from "@effect/vitest"
import { JobQueue, JobQueueDeadLetters } from "@paceline/core/messaging"
import { Effect, Exit, Option, Schema, Scope } from "effect"
import { change, type DueWorkTest, freshKind, pass } from "./DueWorkServices.ts"

const queueOf = (options: { readonly attempts?: number } = {}) =>
  JobQueue.make({ ...options, name: freshKind("queue"), payload: Schema.Struct({ n: Schema.Int }) })

type Queue = ReturnType<typeof queueOf>

const statusOf = (queue: Queue, id: string) =>
  Effect.map(queue.find(id), (found) => Option.getOrUndefined(Option.map(found, ({ status }) => status)))

/** A process that claimed the job, marked it begun, and died: its lease is over in `LEASE`. */
const dieWith = (queue: Queue, nowMs: number) =>
  change((store) =>
    Effect.gen(function* () {
      const claimed = yield* store.claim(`job/${queue.name}`, 1, { nowMs, untilMs: nowMs + LEASE, limit: 1 })
      for (const { id, kind, state, version } of claimed) {
        const attempts = Number(Reflect.get(Object(state), "attempts")) + 1
        const begun = { ...Object(state), attempts, begun: true }
        yield* store.update(kind, id, version, { state: begun, dueAtMs: nowMs + LEASE })
      }
      return claimed.length
    }),
  )

const LEASE = 10_000

export const jobQueueFailures = (test: DueWorkTest): void => {
  test(
    "[log 29] tries again with growing, jittered pauses, and gives up after so many attempts",
    Effect.gen(function* () {
      const queue = queueOf({ attempts: 4 })
      const tried: Array<number> = []
      const { id } = yield* queue.enqueue({ n: 1 })
      yield* queue.work({
        handle: (_, { attempt }) =>
          Effect.zipRight(
            Effect.sync(() => tried.push(attempt)),
            Effect.fail(new Error("no such address")),
          ),
      })
      yield* pass(5_000)
      expect(tried).toEqual([1, 2, 3, 4])
      expect(yield* statusOf(queue, id)).toBe("dead")
      expect((yield* queue.stats).dead).toBe(1)
    }),
  )

  test(
    "[log 31] a dead job keeps payload, error and attempts; replayed it keeps its id, dropped it is gone",
    Effect.gen(function* () {
      const queue = queueOf({ attempts: 2 })
      let works = false
      const done: Array<number> = []
      yield* queue.work({
        handle: ({ n }) =>
          works ? Effect.sync(() => void done.push(n)) : Effect.fail(new Error("the mail server is down")),
      })
      const ids = yield* Effect.map(queue.enqueueAll([{ n: 1 }, { n: 2 }, { n: 3 }]), (all) => all.map(({ id }) => id))
      yield* pass(3_000)
      const dead = yield* JobQueueDeadLetters.list(queue.name, { limit: 9 })
      expect(dead.map(({ id }) => id)).toEqual(ids.toSorted())
      expect(dead.map(({ payload }) => Reflect.get(Object(payload), "n")).toSorted()).toEqual([1, 2, 3])
      for (const { attempts, error } of dead) {
        expect(attempts).toBe(2)
        expect(error).toContain("the mail server is down")
      }
      expect(yield* JobQueueDeadLetters.queues).toContainEqual({ queue: queue.name, dead: 3 })
      works = true
      const [one = "", two = ""] = ids
      yield* JobQueueDeadLetters.replay(queue.name, one)
      yield* pass(1_000)
      expect(done).toEqual([1])
      expect(yield* statusOf(queue, one)).toBe("done")
      yield* JobQueueDeadLetters.drop(queue.name, two)
      expect(yield* statusOf(queue, two)).toBeUndefined()
      expect(yield* Effect.flip(JobQueueDeadLetters.replay(queue.name, two))).toBeInstanceOf(
        JobQueueDeadLetters.NoSuchDeadJob,
      )
      expect(yield* JobQueueDeadLetters.replayAll(queue.name)).toBe(1)
      yield* pass(1_000)
      expect(done).toEqual([1, 3])
      expect(yield* JobQueueDeadLetters.list(queue.name, { limit: 9 })).toEqual([])
    }),
  )

  test(
    "[log 30] a job that takes its process down each time is given up after as many attempts",
    Effect.gen(function* () {
      const queue = queueOf({ attempts: 2 })
      const { id } = yield* queue.enqueue({ n: 1 })
      expect(yield* dieWith(queue, 0)).toBe(1)
      expect(yield* dieWith(queue, LEASE)).toBe(1)
      const handled: Array<number> = []
      yield* queue.work({ handle: ({ n }) => Effect.sync(() => void handled.push(n)) })
      yield* pass(3 * LEASE, 1_000)
      expect(handled).toEqual([])
      expect(yield* statusOf(queue, id)).toBe("dead")
    }),
  )

  test(
    "[log 14] at least once: what a worker that died had begun is run again",
    Effect.gen(function* () {
      const queue = queueOf()
      const { id } = yield* queue.enqueue({ n: 1 })
      yield* dieWith(queue, 0)
      const attempts: Array<number> = []
      yield* queue.work({ handle: (_, job) => Effect.sync(() => void attempts.push(job.attempt)) })
      yield* pass(LEASE + 1_000, 1_000)
      expect(attempts).toEqual([2])
      expect(yield* statusOf(queue, id)).toBe("done")
    }),
  )

  test(
    "[log 14] at most once: what was begun and did not come back, or failed, is not run again",
    Effect.gen(function* () {
      const queue = queueOf()
      const begun = yield* queue.enqueue({ n: 1 })
      yield* dieWith(queue, 0)
      const fails = yield* queue.enqueue({ n: 2 })
      const fine = yield* queue.enqueue({ n: 3 })
      const handled: Array<number> = []
      yield* queue.work({
        guarantee: "at-most-once",
        handle: ({ n }) =>
          Effect.zipRight(
            Effect.sync(() => handled.push(n)),
            n === 2 ? Effect.fail(new Error("refused")) : Effect.void,
          ),
      })
      yield* pass(2 * LEASE, 1_000)
      expect(handled.toSorted()).toEqual([2, 3])
      expect(yield* statusOf(queue, begun.id)).toBe("dead")
      expect(yield* statusOf(queue, fails.id)).toBe("dead")
      expect(yield* statusOf(queue, fine.id)).toBe("done")
    }),
  )

  test(
    "[log 14] [log 27] at most once: a job that a shutdown cut short is not run again",
    Effect.gen(function* () {
      const queue = queueOf()
      const { id } = yield* queue.enqueue({ n: 1 })
      const started: Array<string> = []
      const run = (name: string) =>
        queue.work({
          guarantee: "at-most-once",
          drainMillis: 0,
          handle: () =>
            Effect.zipRight(
              Effect.sync(() => started.push(name)),
              Effect.sleep(60_000),
            ),
        })
      const scope = yield* Scope.make()
      yield* Scope.extend(run("one"), scope)
      yield* pass(1_000)
      yield* Scope.close(scope, Exit.void)
      yield* run("two")
      yield* pass(60_000, 5_000)
      expect(started).toEqual(["one"])
      expect(yield* statusOf(queue, id)).toBe("dead")
    }),
  )

  test(
    "[log 27] a shutdown lets jobs finish; what does not is given back with its attempt, and runs elsewhere at once",
    Effect.gen(function* () {
      const queue = queueOf({ attempts: 1 })
      const [quick, slow, queued] = yield* queue.enqueueAll([{ n: 2 }, { n: 60 }, { n: 1 }])
      const run = () =>
        queue.work({ workers: 2, prefetch: 1, drainMillis: 5_000, handle: ({ n }) => Effect.sleep(n * 1_000) })
      const scope = yield* Scope.make()
      yield* Scope.extend(run(), scope)
      yield* pass(1_000)
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* pass(6_000)
      yield* closing
      expect(yield* statusOf(queue, quick?.id ?? "")).toBe("done")
      // It was in hand and waiting for a worker, so it was finished too.
      expect(yield* statusOf(queue, queued?.id ?? "")).toBe("done")
      expect(Option.getOrThrow(yield* queue.find(slow?.id ?? ""))).toMatchObject({ status: "waiting", attempts: 0 })
      yield* run()
      yield* pass(61_000, 5_000)
      expect(yield* statusOf(queue, slow?.id ?? "")).toBe("done")
    }),
  )

  test(
    "an error that says it is not worth a retry, and a payload that cannot be read, are given up at once",
    Effect.gen(function* () {
      const queue = queueOf()
      const hopeless = yield* queue.enqueue({ n: 1 })
      const stranger = JobQueue.make({ name: queue.name, payload: Schema.String })
      const unreadable = yield* stranger.enqueue("a text")
      let tries = 0
      yield* queue.work({
        handle: () =>
          Effect.suspend(() => {
            tries++
            return Effect.fail({ _tag: "Invalid", retryable: false })
          }),
      })
      yield* pass(3_000)
      expect(tries).toBe(1)
      expect(yield* statusOf(queue, hopeless.id)).toBe("dead")
      expect(Option.getOrThrow(yield* queue.find(unreadable.id)).error).toContain("cannot be decoded")
    }),
  )

  test(
    "a handler that interrupts itself has failed",
    Effect.gen(function* () {
      const queue = queueOf({ attempts: 3 })
      const { id } = yield* queue.enqueue({ n: 1 })
      let tries = 0
      yield* queue.work({
        handle: () =>
          Effect.zipRight(
            Effect.sync(() => tries++),
            Effect.interrupt,
          ),
      })
      yield* pass(3_000)
      expect(tries).toBe(3)
      expect(yield* statusOf(queue, id)).toBe("dead")
    }),
  )
}
