/** Durable publishing on PostgreSQL: one publisher, a hundred, and batches of a thousand, each waiting for its answer. */
import { EventLog } from "@paceline/core/messaging"
import { type Measurement, stage } from "../Harness.ts"
import * as Graphile from "./peers/Graphile.ts"
import * as PgBoss from "./peers/PgBoss.ts"
import { byCallers, byFibers, perSecond } from "./stage/Figures.ts"
import { DURABLE_POSTGRES, openPostgres, postgresServer } from "./stage/Stores.ts"
import { eventOf, topicNamed, workout, workouts } from "./stage/Workout.ts"

const topic = topicNamed("bench")
const NAME = "durable publish, PostgreSQL"
const PEERS = `peers: ${PgBoss.SETTINGS}; ${Graphile.PUBLISHING}`

const publishing = (name: string, goal: number, publishers: number, oursCount: number, theirsCount: number) =>
  stage(
    { name: `${NAME}, ${name}`, unit: "events/s", better: "more", goal, note: `${DURABLE_POSTGRES}; ${PEERS}` },
    async (atEnd) => {
      const database = await postgresServer(atEnd)
      const run = openPostgres(await database(), atEnd)
      const boss = await PgBoss.start(await database(), atEnd)
      const graphile = await Graphile.start(await database(), atEnd)
      const ours = byFibers(publishers, oursCount, (n) => EventLog.publish(topic, [eventOf(n)]))
      const theirs = (publish: (n: number) => Promise<unknown>) => () =>
        perSecond(theirsCount, () => byCallers(publishers, theirsCount, publish))
      return {
        ours: () => perSecond(oursCount, () => run(ours)),
        peers: {
          [PgBoss.NAME]: theirs((n) => boss.send(workout(n))),
          [Graphile.NAME]: theirs((n) => graphile.addJob(workout(n))),
        },
      }
    },
  )

const BATCH = 1_000
const BATCHES = 10

const batches = stage(
  {
    name: `${NAME}, batches of ${BATCH.toLocaleString("en")}`,
    unit: "events/s",
    better: "more",
    goal: 2,
    note: `${DURABLE_POSTGRES}; one publisher; peers: pg-boss 12.35.0 by insert; Graphile Worker 0.18.0 by addJobs`,
  },
  async (atEnd) => {
    const database = await postgresServer(atEnd)
    const run = openPostgres(await database(), atEnd)
    const boss = await PgBoss.start(await database(), atEnd)
    const graphile = await Graphile.start(await database(), atEnd)
    const events = Array.from({ length: BATCH }, (_, n) => eventOf(n))
    const jobs = workouts(BATCH)
    const ours = byFibers(1, BATCHES, () => EventLog.publish(topic, events))
    const theirs = (publish: () => Promise<unknown>) => () =>
      perSecond(BATCH * BATCHES, () => byCallers(1, BATCHES, publish))
    return {
      ours: () => perSecond(BATCH * BATCHES, () => run(ours)),
      peers: {
        [PgBoss.NAME]: theirs(() => boss.insert(jobs)),
        [Graphile.NAME]: theirs(() => graphile.addJobs(jobs)),
      },
    }
  },
)

export const rows: ReadonlyArray<Measurement> = [
  publishing("1 publisher", 2, 1, 500, 500),
  publishing("100 publishers", 10, 100, 10_000, 2_000),
  batches,
]
