/** The life of a worker of a pool: acquire its resource, do jobs until one dies or it is let go, and again. */
import { Duration, Effect, Random, type Scope } from "effect"
import * as Backoff from "../kernel/resilience/Backoff.ts"
import type { FiberJob } from "./PoolJob.ts"
import type { PoolState, PoolWorker } from "./PoolState.ts"

/** Ends when the worker is gone. */
export const supervise = <W, E, R>(
  pool: PoolState<FiberJob<W>>,
  worker: PoolWorker<FiberJob<W>>,
  acquire: Effect.Effect<W, E, R>,
): Effect.Effect<void, never, Exclude<R, Scope.Scope>> =>
  Effect.gen(function* () {
    let failures = 0
    let acquired = false
    const life = Effect.scoped(
      Effect.flatMap(acquire, (resource) => {
        failures = 0
        acquired = true
        return doJobs(pool, worker, resource)
      }),
    )
    while (worker.state !== "gone") {
      acquired = false
      yield* Effect.catchAllCause(life, (cause) =>
        Effect.gen(function* () {
          if (acquired) return pool.tellCause("ReleaseFailed", worker, cause)
          pool.tellCause("AcquireFailed", worker, cause)
          const pause = Backoff.delayMillis(Backoff.standard, failures++, yield* Random.next)
          yield* Effect.sleep(Duration.millis(pause))
        }),
      )
    }
  })

/** Returns when the worker is gone, or when a job died and the resource is to be replaced. */
const doJobs = <W>(pool: PoolState<FiberJob<W>>, worker: PoolWorker<FiberJob<W>>, resource: W): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (;;) {
      const job = pool.take(worker)
      if (job !== undefined) {
        const defect = yield* job.perform(resource)
        if (defect === undefined) continue
        pool.tellCause("WorkerRestarted", worker, defect)
        return
      }
      if (worker.state === "gone") return
      yield* untilWoken(pool, worker)
    }
  })

const untilWoken = <W>(pool: PoolState<FiberJob<W>>, worker: PoolWorker<FiberJob<W>>): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    // This fiber may have yielded since it looked.
    if (pool.hasWorkFor(worker) || worker.state !== "active") return resume(Effect.void)
    worker.wake = () => {
      worker.wake = undefined
      resume(Effect.void)
    }
  })
