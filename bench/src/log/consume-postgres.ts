/**
 * Exactly-once consumption on PostgreSQL: batches of 1000, each handled and moved past in one transaction, with a real
 * effect. The peers work a queue of the same messages on the same server.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { Consumer, EventLog } from "@paceline/core/messaging"
import { Effect } from "effect"
import { type Measure, type Measurement, stage } from "../Harness.ts"
import * as Graphile from "./peers/Graphile.ts"
import * as PgBoss from "./peers/PgBoss.ts"
import { Handled } from "./stage/Figures.ts"
import { consuming, DURABLE_POSTGRES, openPostgres, postgresServer } from "./stage/Stores.ts"
import { eventOf, topicNamed, type Workout, workouts } from "./stage/Workout.ts"

const OURS = 30_000
const THEIRS = 10_000
const BATCH = 1_000

const topic = topicNamed("bench")

const TABLE = "CREATE TABLE total (athlete text PRIMARY KEY, metres bigint NOT NULL, rides bigint NOT NULL)"

/** A batch's effect in one statement, as both who get batches write it. */
const UPSERT_ALL = `
  INSERT INTO total (athlete, metres, rides)
  SELECT athlete, sum(metres), count(*) FROM unnest($1::text[], $2::bigint[]) AS m (athlete, metres)
  GROUP BY athlete ORDER BY athlete
  ON CONFLICT (athlete) DO UPDATE SET metres = total.metres + excluded.metres, rides = total.rides + excluded.rides`
const UPSERT_ONE = `
  INSERT INTO total (athlete, metres, rides) VALUES ($1, $2, 1)
  ON CONFLICT (athlete) DO UPDATE SET metres = total.metres + excluded.metres, rides = total.rides + excluded.rides`

const columns = (batch: ReadonlyArray<Workout>): [Array<string>, Array<number>] => [
  batch.map(({ athleteId }) => athleteId),
  batch.map(({ distanceMetres }) => distanceMetres),
]

/** Each round is a group of its own, that reads the log from the start. */
const ours = (run: Awaited<ReturnType<typeof openPostgres>>): Measure => {
  let round = 0
  return () => {
    const handled = new Handled(OURS)
    const consumer = Effect.gen(function* () {
      const sql = yield* SqlClient
      return yield* Consumer.run({
        group: `ours-${round++}`,
        topic,
        batchSize: BATCH,
        handle: (batch) =>
          sql
            .unsafe(UPSERT_ALL, columns(batch.map(({ event }) => event)))
            .pipe(Effect.map(() => handled.add(batch.length))),
      })
    })
    return consuming(run, consumer, () => handled.perSecond())
  }
}

const boss =
  (queue: PgBoss.Boss, transactional: boolean): Measure =>
  async () => {
    for (let n = 0; n < THEIRS; n += BATCH) await queue.insert(workouts(BATCH))
    const handled = new Handled(THEIRS)
    const stop = await queue.work(transactional, async (batch, database) => {
      await database.executeSql(UPSERT_ALL, columns(batch))
      handled.add(batch.length)
    })
    const figure = await handled.perSecond()
    await stop()
    return figure
  }

const graphile =
  (queue: Graphile.Graphile): Measure =>
  async () => {
    for (let n = 0; n < THEIRS; n += BATCH) await queue.addJobs(workouts(BATCH))
    const handled = new Handled(THEIRS)
    const stop = await queue.workFast(async (workout, { query }) => {
      await query(UPSERT_ONE, [workout.athleteId, workout.distanceMetres])
      handled.add(1)
    })
    const figure = await handled.perSecond()
    await stop()
    return figure
  }

export const rows: ReadonlyArray<Measurement> = [
  stage(
    {
      name: `exactly-once consumption, PostgreSQL, batches of ${BATCH.toLocaleString("en")}, with an effect`,
      unit: "messages/s",
      better: "more",
      goal: 3,
      rounds: 5,
      note: `${DURABLE_POSTGRES}; ours, and pg-boss 12.35.0 with a transactional worker, once for each message, with one statement a batch; without a transaction pg-boss, and always ${Graphile.FAST}, at least once; Graphile's handler gets one job at a time`,
    },
    async (atEnd) => {
      const database = await postgresServer(atEnd)
      const [here, bossUrl, graphileUrl] = [await database(), await database(), await database()]
      const run = openPostgres(here, atEnd)
      for (const url of [here, bossUrl, graphileUrl]) {
        const client = new Bun.SQL(url)
        await client.unsafe(TABLE)
        await client.close()
      }
      for (let n = 0; n < OURS; n += BATCH) {
        await run(
          EventLog.publish(
            topic,
            Array.from({ length: BATCH }, (_, i) => eventOf(n + i)),
          ),
        )
      }
      const bossQueue = await PgBoss.start(bossUrl, atEnd)
      return {
        ours: ours(run),
        peers: {
          [`${PgBoss.NAME}, transactional`]: boss(bossQueue, true),
          [`${PgBoss.NAME}, at least once`]: boss(bossQueue, false),
          [Graphile.NAME]: graphile(await Graphile.start(graphileUrl, atEnd)),
        },
      }
    },
  ),
]
