/** pg-boss: a queue in PostgreSQL, with its fast paths: `insert` for many, batches, LISTEN/NOTIFY, transactional workers. */
import { PgBoss } from "pg-boss"
import type { AtEnd } from "../../Harness.ts"
import type { Workout } from "../stage/Workout.ts"

export const NAME = "pg-boss 12.35"
export const SETTINGS = "pg-boss 12.35.0: 20 connections"

/** As many connections as ours has. */
const CONNECTIONS = 20
const QUEUE = "workouts"

const BATCH = 1_000

interface Statements {
  readonly executeSql: (text: string, values?: Array<unknown>) => Promise<unknown>
}

export interface Boss {
  readonly send: (workout: Workout) => Promise<unknown>
  readonly insert: (workouts: ReadonlyArray<Workout>) => Promise<unknown>
  /** Handles batches, each in the transaction that completes it, or before that. Stops it: answered when it has stopped. */
  readonly work: (
    transactional: boolean,
    handle: (workouts: ReadonlyArray<Workout>, database: Statements) => Promise<void>,
  ) => Promise<() => Promise<void>>
}

export const start = async (url: string, atEnd: AtEnd): Promise<Boss> => {
  const boss = new PgBoss({ connectionString: url, max: CONNECTIONS })
  boss.on("error", (error) => console.error(error))
  await boss.start()
  atEnd(() => boss.stop({ graceful: false }))
  await boss.createQueue(QUEUE)
  const polling = { batchSize: BATCH, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 } as const
  const stop = (id: string) => () => boss.offWork(QUEUE, { id, wait: true })
  return {
    send: (workout) => boss.send(QUEUE, workout),
    insert: (workouts) =>
      boss.insert(
        QUEUE,
        workouts.map((data) => ({ data })),
      ),
    work: async (transactional, handle) =>
      stop(
        transactional
          ? await boss.work<Workout, void, typeof polling & { readonly transactional: true }>(
              QUEUE,
              { ...polling, transactional: true },
              (jobs, transaction) => handle(dataOf(jobs), transaction),
            )
          : await boss.work<Workout, void, typeof polling>(QUEUE, polling, (jobs) =>
              handle(dataOf(jobs), boss.getDb()),
            ),
      ),
  }
}

const dataOf = (jobs: ReadonlyArray<{ readonly data: Workout }>): ReadonlyArray<Workout> => jobs.map(({ data }) => data)
