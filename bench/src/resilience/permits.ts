/** What a permit costs: alone, with many in line, and whatever the length of the line. */
import { Permits, PromisePermits } from "@paceline/core/concurrency"
import { Sema } from "async-sema"
import { Effect } from "effect"
import pLimit from "p-limit"
import { collectGarbage, compare, nanosecondsEach } from "../Harness.ts"

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

/** Ten at work and a thousand in line, each for three jobs that wait for one turn of the event loop, as for I/O. */
const thousandWaiting = (guard: Guard): Promise<number> => {
  const job = guard(
    Effect.async<void>((resume) => {
      setImmediate(() => resume(Effect.void))
    }),
  )
  const worker = Effect.zipRight(job, Effect.zipRight(job, job))
  const all = Effect.forEach(Array.from({ length: 1_010 }), () => worker, { concurrency: "unbounded", discard: true })
  return nanosecondsEach(3 * 1_010, () => Effect.runPromise(all))
}

/** From the moment the gate opens until the last in line is done; getting in line is not counted. */
const lineOf = async (waiting: number, times: number): Promise<number> => {
  let nanoseconds = 0
  const job = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  let queued = 0
  for (let i = 0; i < times; i++) {
    const permits = PromisePermits.make(0)
    const all = Promise.all(Array.from({ length: waiting }, () => permits.run(job)))
    // What getting in line left behind is not counted either; the same rule for both lengths.
    queued += waiting
    if (queued >= 10_000) {
      collectGarbage()
      queued = 0
    }
    const before = performance.now()
    permits.resize(10)
    await all
    nanoseconds += (performance.now() - before) * 1e6
  }
  return nanoseconds / (waiting * times)
}

const promises = (run: (job: () => Promise<void>) => Promise<void>): Promise<number> => {
  const jobs = 100_000
  const job = async (): Promise<void> => {}
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
    rounds: 5,
    note: "each job waits for one turn of the event loop; where it only yields to other fibers, the bare job without a permit is already 0.08 of theirs, and ours 0.12",
    ours: () => thousandWaiting(ours(10)),
    peers: { "Effect 3 withPermits": () => thousandWaiting(effect3(10)) },
  }),
  compare({
    name: "permit per job, 100,000 waiting / 100 waiting",
    unit: "ns/job",
    goal: 1.5,
    note: "promises, each job one turn of the event loop; with empty jobs what shows is the memory of 100,000 promises leaving the processor's cache",
    ours: () => lineOf(100_000, 1),
    peers: { "itself, 100 waiting": () => lineOf(100, 1_000) },
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
