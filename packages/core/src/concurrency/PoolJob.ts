/** How a fiber hands a job to a worker pool and gets its result, safe from interruption at every moment. */
import { Cause, Effect, Exit, Fiber } from "effect"
import type { Priority } from "../kernel/concurrency/PriorityQueue.ts"
import { type Job, newJob, type PoolClosed, type PoolFull, type PoolState } from "./PoolState.ts"

/** A job that a worker's fiber runs. */
export interface FiberJob<W> extends Job<FiberJob<W>> {
  /** Runs it and tells the caller; gives the cause when it died. */
  readonly perform: (resource: W) => Effect.Effect<unknown>
  fiber: Fiber.RuntimeFiber<unknown, unknown> | undefined
}

/** Gives the job to the pool and waits for its result. */
export const submit = <W, A, E, R>(
  pool: PoolState<FiberJob<W>>,
  job: (resource: W) => Effect.Effect<A, E, R>,
  key: string | undefined,
  priority: Priority,
): Effect.Effect<A, E | PoolFull | PoolClosed, R> => {
  const caller = Effect.zip(Effect.context<R>(), Effect.getFiberRefs)
  return Effect.flatMap(caller, ([context, fiberRefs]) =>
    Effect.async<A, E | PoolFull | PoolClosed>((resume) => {
      const accepted: FiberJob<W> = {
        ...newJob(key, priority, pool.settings.now()),
        fiber: undefined,
        refuse: (error) => resume(Effect.fail(error)),
        perform: (resource) =>
          // As the caller would run it: with its context, annotations, span and settings.
          Effect.setFiberRefs(fiberRefs).pipe(
            Effect.zipRight(
              Effect.provide(
                Effect.suspend(() => job(resource)),
                context,
              ),
            ),
            Effect.fork,
            Effect.flatMap((fiber) => {
              accepted.fiber = fiber
              // Given up between its turn and its start.
              if (accepted.state === "over") fiber.unsafeInterruptAsFork(fiber.id())
              return Fiber.await(fiber)
            }),
            Effect.map((exit) => {
              pool.settle(accepted, Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause))
              resume(exit)
              return Exit.isFailure(exit) && Cause.isDie(exit.cause) ? exit.cause : undefined
            }),
          ),
      }
      const refused = pool.accept(accepted)
      if (refused !== undefined) return resume(Effect.fail(refused))
      return Effect.suspend(() => giveUp(pool, accepted))
    }),
  )
}

/** Refuses what waits and interrupts what runs. */
export const abort = <W>(pool: PoolState<FiberJob<W>>): Effect.Effect<void> =>
  Effect.suspend(() =>
    Effect.forEach(pool.abort(), ({ fiber }) => (fiber === undefined ? Effect.void : Fiber.interrupt(fiber)), {
      concurrency: "unbounded",
      discard: true,
    }),
  )

const giveUp = <W>(pool: PoolState<FiberJob<W>>, job: FiberJob<W>): Effect.Effect<void> => {
  if (pool.leave(job) || job.state !== "running") return Effect.void
  if (job.fiber !== undefined) return Effect.asVoid(Fiber.interrupt(job.fiber))
  job.state = "over"
  return Effect.void
}
