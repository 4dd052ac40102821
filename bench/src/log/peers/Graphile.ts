/** Graphile Worker, with the settings of the performance page of its documentation. */

import { Schema } from "effect"
import { type JobHelpers, Logger, makeWorkerUtils, run, WorkerPreset } from "graphile-worker"
import type { AtEnd } from "../../Harness.ts"
import { Workout } from "../stage/Workout.ts"

export const NAME = "Graphile Worker 0.18"
export const PUBLISHING = "Graphile Worker 0.18.0: add_job, 20 connections"
export const FAST =
  "Graphile Worker 0.18.0: 24 jobs at once, 25 connections, a local queue of 500, completions in batches, as its documentation advises"

const CONNECTIONS = 20
const TASK = "workout"

const silent = new Logger(() => () => {})
const isWorkout = Schema.is(Workout)

type Handle = (workout: Workout, helpers: Pick<JobHelpers, "query">) => Promise<void>

const taskList = (handle: Handle) => ({
  [TASK]: async (payload: unknown, helpers: JobHelpers) => {
    if (!isWorkout(payload)) throw new Error("not what was published")
    await handle(payload, helpers)
  },
})

export interface Graphile {
  readonly addJob: (workout: Workout) => Promise<unknown>
  readonly addJobs: (workouts: ReadonlyArray<Workout>) => Promise<unknown>
  /** For throughput. Answered with what stops it. */
  readonly workFast: (handle: Handle) => Promise<() => Promise<void>>
  /** With its defaults, which are made for being woken soon, and 10 jobs at once. */
  readonly work: (handle: Handle) => Promise<() => Promise<void>>
}

export const start = async (url: string, atEnd: AtEnd): Promise<Graphile> => {
  const utils = await makeWorkerUtils({ connectionString: url, maxPoolSize: CONNECTIONS, logger: silent })
  atEnd(() => utils.release())
  await utils.migrate()
  const runner = async (worker: GraphileConfig.WorkerOptions, handle: Handle) => {
    const running = await run({
      preset: { extends: [WorkerPreset], worker: { connectionString: url, logger: silent, ...worker } },
      taskList: taskList(handle),
      noHandleSignals: true,
    })
    return () => running.stop()
  }
  return {
    addJob: (workout) => utils.addJob(TASK, workout),
    addJobs: (workouts) => utils.addJobs(workouts.map((payload) => ({ identifier: TASK, payload }))),
    workFast: (handle) =>
      runner(
        {
          concurrentJobs: 24,
          maxPoolSize: 25,
          localQueue: { size: 500 },
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
        },
        handle,
      ),
    work: (handle) => runner({ concurrentJobs: 10, maxPoolSize: 12 }, handle),
  }
}
