/**
 * A leaderboard that is nothing but what the log says: built, thrown away, and built again, the same.
 *
 *   bun examples/leaderboard-rebuilt/main.ts
 *
 * 5,000 laps of 40 riders go into the log, some of them twice, because a bad network made their sender try again. A
 * consumer group adds them up. Its standings and its offset change in one unit of work, so it may be stopped at any
 * moment: here it is, several times. Then the standings are thrown away, `seek` sets the group back to the first record,
 * and the group builds them again. Both must be what a plain sum over the laps says; otherwise the exit code is 1.
 */
import { AggregateStore, UnitOfWork } from "@paceline/core/consistency"
import { Consumer, EventLog } from "@paceline/core/messaging"
import { Effect, Fiber, Option, Schema } from "effect"
import * as SqliteStore from "../../packages/server/src/adapters/sqlite/SqliteStore.ts"
import { type Lap, type LapGiven, laps, sumOf } from "./laps.ts"
import { type Standing, same, show } from "./standings.ts"

const GROUP = "leaderboard"
const KIND = "leaderboard/standing"

const LapRidden = Schema.Struct({ rider: Schema.String, metres: Schema.Int, points: Schema.Int })
const Laps = EventLog.topic<Lap, typeof LapRidden.Encoded>("laps", LapRidden)

const StandingState = Schema.Struct({ points: Schema.Int, metres: Schema.Int, laps: Schema.Int })
const none = { points: 0, metres: 0, laps: 0 }

/** Adds a batch to the standings, in the unit of work that moves the group past it. */
const award = (batch: ReadonlyArray<Consumer.Delivered<Lap>>) =>
  Effect.gen(function* () {
    const store = yield* AggregateStore.AggregateStore
    for (const [rider, ridden] of Map.groupBy(batch, ({ event }) => event.rider)) {
      const stored = yield* store.get(KIND, rider)
      const before = Option.isNone(stored) ? none : yield* Schema.decodeUnknown(StandingState)(stored.value.state)
      const state = ridden.reduce(
        ({ laps, metres, points }, { event }) => ({
          points: points + event.points,
          metres: metres + event.metres,
          laps: laps + 1,
        }),
        before,
      )
      const next = { state, dueAtMs: null }
      if (Option.isNone(stored)) yield* store.insert(KIND, rider, next)
      else yield* store.update(KIND, rider, stored.value.version, next)
    }
  })

const consume = Consumer.run({ group: GROUP, topic: Laps, handle: award, batchSize: 100 })

/** The standings as they are stored, best first. */
const standings = Effect.gen(function* () {
  const store = yield* AggregateStore.AggregateStore
  const rows: Array<Standing> = []
  for (const { id, state } of yield* store.list(KIND, { limit: 1_000 })) {
    rows.push({ rider: id, ...(yield* Schema.decodeUnknown(StandingState)(state)) })
  }
  return rows.toSorted((a, b) => b.points - a.points || a.rider.localeCompare(b.rider))
})

/** How many records the group has still to read. */
const waiting = Effect.flatMap(EventLog.EventLog, (log) =>
  Effect.map(log.lag, (lags) => lags.reduce((sum, { committed, end }) => sum + end - committed, 0)),
)

const untilDone: Effect.Effect<void, unknown, EventLog.EventLog> = Effect.flatMap(waiting, (left) =>
  left === 0 ? Effect.void : Effect.zipRight(Effect.sleep("20 millis"), untilDone),
)

/** Runs the group until it has read everything; before that it is stopped and started again so many times. */
const build = (stops: number) =>
  Effect.gen(function* () {
    for (let stop = 0; stop < stops; stop++) {
      const member = yield* Effect.fork(consume)
      yield* Effect.sleep("30 millis")
      yield* Fiber.interrupt(member)
      console.log(`  stopped with ${yield* waiting} records to go`)
    }
    const member = yield* Effect.fork(consume)
    yield* untilDone
    yield* Fiber.interrupt(member)
    return yield* standings
  })

/** Standings and offset go in one unit of work: nobody ever sees the one without the other. */
const throwAway = UnitOfWork.run(
  Effect.gen(function* () {
    const store = yield* AggregateStore.AggregateStore
    const log = yield* EventLog.EventLog
    for (const { id, version } of yield* store.list(KIND, { limit: 1_000 })) yield* store.remove(KIND, id, version)
    for (const partition of yield* log.partitions(Laps.name)) yield* log.seek(GROUP, Laps.name, partition, 0)
  }),
)

const append = (given: ReadonlyArray<LapGiven>) =>
  EventLog.publish(
    Laps,
    given.map(({ id, lap }) => ({ key: lap.rider, event: lap, id })),
  )

const program = Effect.gen(function* () {
  const given = laps(5_000)
  yield* append(given)
  yield* append(given.filter((_, i) => i % 10 === 0)) // sent again: the log knows their ids
  console.log("5,000 laps in the log, 500 of them sent twice")

  const built = yield* build(3)
  console.log("\nbuilt from the log:")
  show(built)

  yield* throwAway
  const left = yield* standings
  console.log(`\nthrown away: ${left.length} standings, ${yield* waiting} records to read again`)

  const rebuilt = yield* build(2)
  console.log("\nbuilt again:")
  show(rebuilt)

  const expected = sumOf(given)
  const isRight = left.length === 0 && same(built, expected) && same(rebuilt, expected)
  console.log(isRight ? "\nboth are what a plain sum says" : "\nTHEY DIFFER from a plain sum")
  return isRight
})

const store = SqliteStore.layerTest({ topics: { laps: { partitions: 4 } } })
process.exitCode = (await Effect.runPromise(program.pipe(Effect.provide(store)))) ? 0 : 1
