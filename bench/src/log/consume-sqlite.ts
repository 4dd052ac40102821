/**
 * Exactly-once consumption on SQLite: batches of 1000, each handled and moved past in one transaction, with a real
 * effect, one upsert a message. The peer is a loop by hand over the same log in the same file. Both sides may send the
 * upserts of a batch one by one or as one statement; each is measured the faster way, and ours the other way too.
 */
import { Database } from "bun:sqlite"
import { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import { Consumer, EventLog } from "@paceline/core/messaging"
import { Effect } from "effect"
import { type AtEnd, type Measure, type Measurement, stage } from "../Harness.ts"
import { Handled } from "./stage/Figures.ts"
import { consuming, DURABLE_SQLITE, type OpenSqlite, openSqlite } from "./stage/Stores.ts"
import { eventOf, topicNamed, type Workout } from "./stage/Workout.ts"

const RECORDS = 50_000
const BATCH = 1_000

const topic = topicNamed("bench")

const UPSERT = (table: string) =>
  `INSERT INTO ${table} (athlete, metres, rides) VALUES (?, ?, 1)
   ON CONFLICT DO UPDATE SET metres = metres + excluded.metres, rides = rides + 1`

const openByHand = (file: string, atEnd: AtEnd): Database => {
  const database = new Database(file)
  atEnd(() => database.close())
  for (const pragma of ["busy_timeout=5000", "synchronous=FULL", "wal_autocheckpoint=0"]) {
    database.run(`PRAGMA ${pragma}`)
  }
  for (const table of ["ours", "by_hand"]) {
    const columns = "athlete TEXT PRIMARY KEY, metres INTEGER NOT NULL, rides INTEGER NOT NULL"
    database.run(`CREATE TABLE ${table} (${columns}) STRICT, WITHOUT ROWID`)
  }
  database.run("CREATE TABLE hand_offset (name TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT")
  return database
}

type Handle = Consumer.Handler<Workout, SqlError, SqlClient>

const aStatementEach: Handle = (batch) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    for (const { event } of batch) {
      yield* sql`
        INSERT INTO ours (athlete, metres, rides) VALUES (${event.athleteId}, ${event.distanceMetres}, 1)
        ON CONFLICT DO UPDATE SET metres = metres + excluded.metres, rides = rides + 1`
    }
  })

const aStatementABatch: Handle = (batch) =>
  Effect.flatMap(SqlClient, (sql) => {
    const rows = JSON.stringify(batch.map(({ event }) => [event.athleteId, event.distanceMetres]))
    return sql`
      INSERT INTO ours (athlete, metres, rides) SELECT value ->> 0, value ->> 1, 1 FROM json_each(${rows}) WHERE true
      ON CONFLICT DO UPDATE SET metres = metres + excluded.metres, rides = rides + 1`
  })

/** Each round is a group of its own, that reads the log from the start. */
const ours = ({ run }: OpenSqlite, name: string, handle: Handle): Measure => {
  let round = 0
  return () => {
    const handled = new Handled(RECORDS)
    const consumer = Consumer.run({
      group: `${name}-${round++}`,
      topic,
      batchSize: BATCH,
      handle: (batch) => Effect.map(handle(batch), () => handled.add(batch.length)),
    })
    return consuming(run, consumer, () => handled.perSecond())
  }
}

/** The effect of a batch, with prepared statements. */
type Effects = (payloads: ReadonlyArray<{ readonly payload: string }>) => void

const eachByHand = (database: Database): Effects => {
  const upsert = database.prepare<unknown, [string, number]>(UPSERT("by_hand"))
  return (rows) => {
    for (const { payload } of rows) {
      const workout: Workout = JSON.parse(payload)
      upsert.run(workout.athleteId, workout.distanceMetres)
    }
  }
}

const batchByHand = (database: Database): Effects => {
  const upsert = database.prepare<unknown, [string]>(
    `INSERT INTO by_hand (athlete, metres, rides) SELECT value ->> 0, value ->> 1, 1 FROM json_each(?) WHERE true
     ON CONFLICT DO UPDATE SET metres = metres + excluded.metres, rides = rides + 1`,
  )
  return (rows) => {
    const values = rows.map(({ payload }) => {
      const workout: Workout = JSON.parse(payload)
      return [workout.athleteId, workout.distanceMetres]
    })
    upsert.run(JSON.stringify(values))
  }
}

const byHand = (database: Database, name: string, effects: Effects): Measure => {
  const id = database.query<{ id: number }, []>("SELECT id FROM log_partition WHERE topic = 'bench'").get()?.id ?? 0
  const read = database.prepare<{ payload: string }, [number, number]>(
    `SELECT payload FROM log_record WHERE position >= ((${id} << 40) | ?1) ORDER BY position LIMIT ?2`,
  )
  const move = database.prepare<unknown, [string, number]>(
    "INSERT INTO hand_offset VALUES (?, ?) ON CONFLICT DO UPDATE SET next = excluded.next",
  )
  let round = 0
  return async () => {
    const group = `${name}-${round++}`
    const handled = new Handled(RECORDS)
    for (let next = 0; next < RECORDS; ) {
      const from = next
      next = database
        .transaction(() => {
          const rows = read.all(from, BATCH)
          effects(rows)
          handled.add(rows.length)
          move.run(group, from + rows.length)
          return from + rows.length
        })
        .immediate()
    }
    return handled.perSecond()
  }
}

/** Both handled each record of each round once, no more and no less. */
const assertOnce = (database: Database): void => {
  for (const table of ["ours", "by_hand"]) {
    const rides = database.query<{ sum: number }, []>(`SELECT sum(rides) AS sum FROM ${table}`).get()?.sum ?? 0
    if (rides % RECORDS !== 0) throw new Error(`${table}: ${rides} rides of rounds of ${RECORDS}`)
  }
}

export const rows: ReadonlyArray<Measurement> = [
  stage(
    {
      name: `exactly-once consumption, SQLite, batches of ${BATCH.toLocaleString("en")}, one upsert a message`,
      unit: "messages/s",
      better: "more",
      goal: 0.5,
      note: `${DURABLE_SQLITE}, by Consumer.run with SqlClient, the upserts of a batch in one statement (json_each); peer: bun:sqlite with prepared statements on the same file, synchronous=FULL, an upsert a message or all of a batch in one statement, whichever is faster; offset and effect in one transaction, the payload parsed and not checked, nothing retried, parked or traced`,
    },
    async (atEnd) => {
      const store = openSqlite(atEnd)
      for (let n = 0; n < RECORDS; n += BATCH) {
        await store.run(
          EventLog.publish(
            topic,
            Array.from({ length: BATCH }, (_, i) => eventOf(n + i)),
          ),
        )
      }
      const database = openByHand(store.file, atEnd)
      atEnd(() => assertOnce(database))
      return {
        ours: ours(store, "batch", aStatementABatch),
        peers: {
          "loop by hand, a statement a message": byHand(database, "each", eachByHand(database)),
          "loop by hand, a statement a batch": byHand(database, "batch", batchByHand(database)),
        },
        beside: { "ours with a statement a message": ours(store, "each", aStatementEach) },
      }
    },
  ),
]
