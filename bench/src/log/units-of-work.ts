/**
 * Durable units of work: load one of 10,000 aggregates, decide, check its version, write it and append one event, asked
 * for by 100 callers. The peer is what one would write by hand: the same steps in one SQLite transaction each.
 */
import { Database } from "bun:sqlite"
import { join } from "node:path"
import { Aggregate, Command, UnitOfWork } from "@paceline/core/consistency"
import { EventLog } from "@paceline/core/messaging"
import { Effect, Either, Schema } from "effect"
import { type AtEnd, type Measure, type Measurement, stage } from "../Harness.ts"
import { byFibers, perSecond } from "./stage/Figures.ts"
import { DURABLE_SQLITE, openSqlite, temporaryFolder } from "./stage/Stores.ts"
import { eventOf, topicNamed, type Workout, workout } from "./stage/Workout.ts"

const CALLERS = 100
const AGGREGATES = 10_000
const OURS = 10_000
const THEIRS = 500

const Bike = Schema.Struct({ name: Schema.String, metres: Schema.Number, rides: Schema.Number })
const bikeId = (n: number): string => `bike-${(n * 7_919) % AGGREGATES}`

const topic = topicNamed("gear")

const Bikes = Aggregate.make({
  kind: "bench/bike",
  state: Bike,
  records: (events: ReadonlyArray<Workout>, id) => [
    EventLog.records(
      topic,
      events.map((event) => ({ key: id, event })),
    ),
  ],
})

const ride = (n: number) => (bike: typeof Bike.Type) => {
  const { event } = eventOf(n)
  const state = { ...bike, metres: bike.metres + event.distanceMetres, rides: bike.rides + 1 }
  return Either.right({ state, events: [event], answer: state.metres })
}

const ours = async (atEnd: AtEnd): Promise<Measure> => {
  const { run } = openSqlite(atEnd)
  const ids = Array.from({ length: AGGREGATES }, (_, n) => bikeId(n))
  const insert = (id: string) => Aggregate.insert(Bikes, id, { name: id, metres: 0, rides: 0 })
  await run(UnitOfWork.run(Effect.forEach(ids, insert, { discard: true })))
  const rides = byFibers(CALLERS, OURS, (n) => Command.execute(Bikes, bikeId(n), ride(n)))
  return () => perSecond(OURS, () => run(rides))
}

const byHand = (atEnd: AtEnd): Measure => {
  const database = new Database(join(temporaryFolder(atEnd), "hand.db"))
  atEnd(() => database.close())
  for (const pragma of ["journal_mode=WAL", "synchronous=FULL"]) database.run(`PRAGMA ${pragma}`)
  database.run("CREATE TABLE bike (id TEXT PRIMARY KEY, version INTEGER NOT NULL, state TEXT NOT NULL) STRICT")
  database.run("CREATE TABLE event (n INTEGER PRIMARY KEY, key TEXT NOT NULL, payload TEXT NOT NULL) STRICT")
  const insert = database.prepare<unknown, [string, string]>("INSERT INTO bike VALUES (?, 1, ?)")
  database.transaction(() => {
    for (let n = 0; n < AGGREGATES; n++) {
      insert.run(bikeId(n), JSON.stringify({ name: bikeId(n), metres: 0, rides: 0 }))
    }
  })()
  const load = database.prepare<{ version: number; state: string }, [string]>(
    "SELECT version, state FROM bike WHERE id = ?",
  )
  const update = database.prepare<unknown, [string, string, number]>(
    "UPDATE bike SET version = version + 1, state = ? WHERE id = ? AND version = ?",
  )
  const append = database.prepare<unknown, [string, string]>("INSERT INTO event (key, payload) VALUES (?, ?)")
  const unit = database.transaction((n: number) => {
    const id = bikeId(n)
    const row = load.get(id)
    if (row === null) throw new Error(`there is no ${id}`)
    const bike: typeof Bike.Type = JSON.parse(row.state)
    const event = workout(n)
    const next = { ...bike, metres: bike.metres + event.distanceMetres, rides: bike.rides + 1 }
    if (update.run(JSON.stringify(next), id, row.version).changes !== 1) throw new Error("overtaken")
    append.run(id, JSON.stringify(event))
  })
  return () =>
    perSecond(THEIRS, async () => {
      for (let n = 0; n < THEIRS; n++) unit.immediate(n)
    })
}

export const rows: ReadonlyArray<Measurement> = [
  stage(
    {
      name: `durable units of work, SQLite, ${CALLERS} callers, ${AGGREGATES.toLocaleString("en")} aggregates`,
      unit: "units/s",
      better: "more",
      goal: 8,
      note: `${DURABLE_SQLITE}, by Command.execute; peer: bun:sqlite with prepared statements, WAL, synchronous=FULL, one flush a unit, one after the other, without schemas and tracing`,
    },
    async (atEnd) => ({ ours: await ours(atEnd), peers: { "one transaction each, by hand": byHand(atEnd) } }),
  ),
]
