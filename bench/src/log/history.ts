/**
 * What is finished and kept must not slow what goes on: the same work with a million finished rows beside it and in an
 * empty store. Both sides are ours.
 */
import { Database } from "bun:sqlite"
import { Consumer, EventLog, JobQueue } from "@paceline/core/messaging"
import { Effect } from "effect"
import { type AtEnd, type Measure, type Measurement, stage } from "../Harness.ts"
import { perSecond } from "./stage/Figures.ts"
import {
  consuming,
  DURABLE_POSTGRES,
  DURABLE_SQLITE,
  type OpenSqlite,
  openPostgres,
  openSqlite,
  postgresServer,
  type Run,
} from "./stage/Stores.ts"
import { eventOf, topicNamed, Workout, workout, workouts } from "./stage/Workout.ts"

const FINISHED = 1_000_000
const AT_ONCE = 500
const EMPTY = "itself, empty"

const Jobs = JobQueue.make({ name: "bench", payload: Workout })

/** As the queue archives a job. */
const finishedJob = JSON.stringify({
  payload: workout(1),
  priority: "middle",
  key: null,
  uniqueKey: null,
  enqueuedAtMs: 1,
  runAtMs: 1,
  attempts: 1,
  begun: true,
  error: null,
  outcome: "done",
  result: null,
  finishedAtMs: 1,
})

/** Enqueues `count` jobs and works them off. */
const working = <R extends JobServices>(run: Run<R | JobServices>, count: number): Measure => {
  const payloads = workouts(AT_ONCE)
  return () => {
    const all = Promise.withResolvers<void>()
    let done = 0
    const handle = () =>
      Effect.sync(() => {
        if (++done === count) all.resolve()
      })
    const work = Effect.gen(function* () {
      yield* Jobs.workTransactional({ handle, workers: 100 })
      for (let n = 0; n < count; n += AT_ONCE) yield* Jobs.enqueueAll(payloads)
      yield* Effect.promise(() => all.promise)
    })
    return perSecond(count, () => run(Effect.scoped(work)))
  }
}

type JobServices = Effect.Effect.Context<ReturnType<typeof Jobs.enqueue>>

const onFile = (file: string, change: (database: Database) => unknown): void => {
  const database = new Database(file)
  try {
    database.run("PRAGMA busy_timeout=5000")
    change(database)
  } finally {
    database.close()
  }
}

/** Opened by a first answer, so that its tables are there. */
const store = async (atEnd: AtEnd): Promise<OpenSqlite> => {
  const opened = openSqlite(atEnd)
  await opened.run(Effect.void)
  return opened
}

const NUMBERS = `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${FINISHED})`

const fillArchive = (file: string): void =>
  onFile(file, (database) =>
    database.run(
      `${NUMBERS} INSERT INTO aggregate_archive (kind, id, version, state, archived_at_ms)
       SELECT 'job/bench', printf('finished-%08d', n), 3, ?, ? FROM numbers`,
      [finishedJob, Date.now()],
    ),
  )

const topic = topicNamed("bench")
const EVENTS = 20_000
const BATCH = 1_000

/** Publishes in batches, and consumes what was published, each exactly once. */
const throughTheLog = ({ run }: OpenSqlite): Measure => {
  const events = Array.from({ length: BATCH }, (_, n) => eventOf(n))
  return () => {
    let handled = 0
    const all = Promise.withResolvers<void>()
    const consumer = Consumer.run({
      group: "bench",
      topic,
      batchSize: BATCH,
      handle: (batch) =>
        Effect.sync(() => {
          handled += batch.length
          if (handled === EVENTS) all.resolve()
        }),
    })
    return consuming(run, consumer, () =>
      perSecond(EVENTS, async () => {
        for (let n = 0; n < EVENTS; n += BATCH) await run(EventLog.publish(topic, events))
        await all.promise
      }),
    )
  }
}

/** Published, and read by the group, before the clock starts. */
const fillLog = async ({ file, run }: OpenSqlite): Promise<void> => {
  await run(EventLog.publish(topic, [eventOf(0)]))
  onFile(file, (database) => {
    const id = database.query<{ id: number }, []>("SELECT id FROM log_partition WHERE topic = 'bench'").get()?.id ?? 0
    database.run(
      `${NUMBERS} INSERT INTO log_record (position, key, payload, appended_at_ms)
       SELECT (${id} << 40) | n, printf('athlete-%d', n % 1000), ?, ? FROM numbers`,
      [JSON.stringify(workout(1)), Date.now()],
    )
    database.run("INSERT INTO consumer_offset VALUES ('bench', 'bench', 0, ?)", [FINISHED + 1])
  })
}

const NAME = `throughput with ${FINISHED.toLocaleString("en")}`
const terms = (name: string, unit: string, note: string) =>
  ({ name: `${NAME} ${name}`, unit, better: "more", goal: 0.8, rounds: 5, note }) as const

export const rows: ReadonlyArray<Measurement> = [
  stage(
    terms(
      "finished jobs kept, SQLite",
      "jobs/s",
      `${DURABLE_SQLITE}; enqueued ${AT_ONCE} at a time, worked off transactionally, archived`,
    ),
    async (atEnd) => {
      const [full, empty] = [await store(atEnd), await store(atEnd)]
      fillArchive(full.file)
      return { ours: working(full.run, 4_000), peers: { [EMPTY]: working(empty.run, 4_000) } }
    },
  ),
  stage(
    terms(
      "finished jobs kept, PostgreSQL",
      "jobs/s",
      `${DURABLE_POSTGRES}; enqueued ${AT_ONCE} at a time, worked off transactionally, archived`,
    ),
    async (atEnd) => {
      const database = await postgresServer(atEnd)
      const urls = [await database(), await database()] as const
      const [full, empty] = [openPostgres(urls[0], atEnd), openPostgres(urls[1], atEnd)]
      for (const run of [full, empty]) await run(Effect.void)
      const client = new Bun.SQL(urls[0])
      await client.unsafe(
        `INSERT INTO aggregate_archive (kind, id, version, state, archived_at_ms)
         SELECT 'job/bench', 'finished-' || lpad(n::text, 8, '0'), 3, $1, $2 FROM generate_series(1, ${FINISHED}) AS n`,
        [finishedJob, Date.now()],
      )
      await client.unsafe("ANALYZE aggregate_archive")
      await client.close()
      return { ours: working(full, 2_000), peers: { [EMPTY]: working(empty, 2_000) } }
    },
  ),
  stage(
    terms(
      "consumed events kept, SQLite",
      "events/s",
      `${DURABLE_SQLITE}; published ${BATCH} at a time and consumed exactly once`,
    ),
    async (atEnd) => {
      const [full, empty] = [await store(atEnd), await store(atEnd)]
      await fillLog(full)
      return { ours: throughTheLog(full), peers: { [EMPTY]: throughTheLog(empty) } }
    },
  ),
]
