/** What a permit costs: alone, with many in line, and whatever the length of the line. */
import { Permits, PromisePermits } from "@paceline/core/concurrency"
import { Sema } from "async-sema"
import { Deferred, Effect, Fiber } from "effect"
import pLimit from "p-limit"
import { compare, meanOf, nanosecondsEach } from "../Harness.ts"

type Guard = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

const ours = (limit: number): Guard => Permits.unsafeMake(limit).withPermit
const effect3 = (limit: number): Guard => Effect.unsafeMakeSemaphore(limit).withPermits(1)

/** One fiber that takes a free permit again and again, wrapping its job each time as programs do. */
const uncontended = (guard: Guard): Promise<number> => {
  const jobs = 50_000
  const job = Effect.sync(() => jobs)
  const all = Effect.gen(function* () {
    for (let i = 0; i < jobs; i++) yield* guard(job)
  })
  return nanosecondsEach(jobs, () => Effect.runPromise(all))
}

const yields = Effect.yieldNow()
/** Waits for one turn of the event loop, the least that any I/O takes. */
const waitsForATurn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** Ten at work and a thousand in line: from the moment the ten end until the last of the line has. */
const thousandInLine = (guard: Guard): Promise<number> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const end = yield* Deferred.make<void>()
      const atWork = yield* Effect.replicateEffect(Effect.fork(guard(Deferred.await(end))), 10)
      const line = yield* Effect.replicateEffect(Effect.fork(guard(yields)), 1_000)
      yield* Effect.repeatN(Effect.yieldNow(), 4)
      const before = performance.now()
      yield* Deferred.succeed(end, undefined)
      yield* Effect.forEach(line, Fiber.await, { discard: true })
      const nanoseconds = ((performance.now() - before) * 1e6) / line.length
      yield* Fiber.joinAll(atWork)
      return nanoseconds
    }),
  )

/** As many fibers as jobs, all started at once: starting and ending them counts, too. */
const fibers = (guard: Guard, at: number, jobs: number, job: Effect.Effect<void> = yields): Promise<number> => {
  const all = Effect.forEach(Array.from({ length: at }), () => guard(job), { concurrency: "unbounded", discard: true })
  return nanosecondsEach(jobs, async () => {
    for (let done = 0; done < jobs; done += at) await Effect.runPromise(all)
  })
}

const unguarded: Guard = (self) => self

/** All that it takes, from asking for the first permit until the last job is done. */
const inLineOf = (waiting: number): Promise<number> =>
  nanosecondsEach(100_000, async () => {
    for (let done = 0; done < 100_000; done += waiting) {
      const permits = PromisePermits.make(10)
      await Promise.all(Array.from({ length: waiting }, () => permits.run(job)))
    }
  })

/** The same jobs, each behind a promise that the one before resolves: the least that a line of promises costs. */
const bareLineOf = (waiting: number): Promise<number> =>
  nanosecondsEach(100_000, async () => {
    for (let done = 0; done < 100_000; done += waiting) {
      const line: Array<() => void> = []
      let front = 0
      const next = (): void => line[front++]?.()
      const turn = (resolve: () => void): void => {
        line.push(() => {
          void job().then(() => {
            resolve()
            next()
          })
        })
      }
      const all = Promise.all(Array.from({ length: waiting }, () => new Promise<void>(turn)))
      for (let i = 0; i < 10; i++) next()
      await all
    }
  })

const job = async (): Promise<void> => {}

const promises = (run: (job: () => Promise<void>) => Promise<void>): Promise<number> => {
  const jobs = 100_000
  return nanosecondsEach(jobs, () => Promise.all(Array.from({ length: jobs }, () => run(job))))
}

export const rows = [
  compare({
    name: "permit, uncontended, inside a fiber",
    unit: "ns/job",
    goal: 0.25,
    ours: () => uncontended(ours(10)),
    peers: { "Effect 3 withPermits": () => uncontended(effect3(10)) },
  }),
  compare({
    name: "permit with 1,000 waiting",
    unit: "ns/job",
    goal: 0.02,
    note: "fibers, each job yields once; measured from when 1,000 are in line until the last is done",
    ours: () => meanOf(20, () => thousandInLine(ours(10))),
    peers: { "Effect 3 withPermits": () => thousandInLine(effect3(10)) },
  }),
  compare({
    name: "permit with 1,000 waiting, starting their fibers included",
    unit: "ns/job",
    goal: 0.02,
    note: "the same jobs; most of it is what any fiber costs",
    beside: { "the same fibers without permits": () => fibers(unguarded, 1_010, 20_200) },
    ours: () => fibers(ours(10), 1_010, 20_200),
    peers: { "Effect 3 withPermits": () => fibers(effect3(10), 1_010, 2_020) },
  }),
  compare({
    name: "permit with 1,000 waiting, jobs that wait for the event loop",
    unit: "ns/job",
    goal: 0.02,
    rounds: 5,
    note: "starting the fibers included; each job takes one turn of the event loop, the least that any I/O takes",
    ours: () => fibers(ours(10), 1_010, 20_200, waitsForATurn),
    peers: { "Effect 3 withPermits": () => fibers(effect3(10), 1_010, 1_010, waitsForATurn) },
  }),
  compare({
    name: "permit per job, 100,000 waiting / 100 waiting",
    unit: "ns/job",
    goal: 1.5,
    rounds: 9,
    note: "promises, empty jobs, all counted from the first request to the last result, garbage too",
    beside: {
      "100,000 promises in a bare array, resolved in turn": () => bareLineOf(100_000),
      "100 promises in a bare array": () => bareLineOf(100),
    },
    ours: () => inLineOf(100_000),
    peers: { "itself, 100 waiting": () => inLineOf(100) },
  }),
  compare({
    name: "permit per job, 100,000 waiting / 100 waiting, in fibers",
    unit: "ns/job",
    goal: 1.5,
    rounds: 5,
    note: "starting the fibers included; their memory, some 3 KB each, leaves the processor's cache",
    beside: {
      "100,000 fibers without permits": () => fibers(unguarded, 100_000, 100_000),
      "100 fibers without permits": () => fibers(unguarded, 100, 100_000),
    },
    ours: () => fibers(ours(10), 100_000, 100_000),
    peers: { "itself, 100 waiting": () => fibers(ours(10), 100, 100_000) },
  }),
  compare({
    name: "permit with 100,000 waiting, promises",
    unit: "ns/job",
    goal: 1,
    ours: () => {
      const permits = PromisePermits.make(10)
      return promises((job) => permits.run(job))
    },
    peers: {
      "p-limit": () => promises(pLimit(10)),
      "async-sema": () => {
        const sema = new Sema(10)
        return promises(async (job) => {
          await sema.acquire()
          try {
            await job()
          } finally {
            sema.release()
          }
        })
      },
    },
  }),
]
