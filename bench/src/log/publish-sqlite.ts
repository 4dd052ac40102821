/**
 * Durable publishing on SQLite: 100 publishers, each with one event at a time, that go on as soon as they are answered.
 *
 * Peers: a bare file whose writers share an fdatasync, a limit for what one disk can do; queues that people use.
 */
import { EventLog } from "@paceline/core/messaging"
import { Effect } from "effect"
import { type AtEnd, type Measure, type Measurement, stage } from "../Harness.ts"
import * as BullMq from "./peers/BullMq.ts"
import * as Nats from "./peers/Nats.ts"
import * as PersistedQueue from "./peers/PersistedQueue.ts"
import * as RawFile from "./peers/RawFile.ts"
import { byCallers, byFibers, perSecond } from "./stage/Figures.ts"
import { DURABLE_SQLITE, openSqlite } from "./stage/Stores.ts"
import { eventOf, topicNamed, workout } from "./stage/Workout.ts"

const PUBLISHERS = 100
const NAME = `durable publish, SQLite FULL, ${PUBLISHERS} publishers`

const ours =
  (count: number) =>
  (atEnd: AtEnd): Measure => {
    const { run } = openSqlite(atEnd)
    const topic = topicNamed("bench")
    const publishers = byFibers(PUBLISHERS, count, (n) => EventLog.publish(topic, [eventOf(n)]))
    return () => perSecond(count, () => run(publishers))
  }

const theirs = (count: number, publish: (n: number) => Promise<unknown>): Measure => {
  return () => perSecond(count, () => byCallers(PUBLISHERS, count, publish))
}

/** Enough for a good half second, and not more memory than a round needs. */
const OURS = ours(60_000)

export const rows: ReadonlyArray<Measurement> = [
  stage(
    {
      name: `${NAME}: raw file`,
      unit: "events/s",
      better: "more",
      goal: 0.45,
      note: `${DURABLE_SQLITE}; peer: lines of JSON, one fdatasync for all that wait, nothing to read them by`,
    },
    async (atEnd) => {
      const file = (sync: RawFile.Sync): Measure => {
        const open = RawFile.open(atEnd, sync)
        return theirs(60_000, (n) => open.append(JSON.stringify(workout(n))))
      }
      return {
        ours: OURS(atEnd),
        peers: { "fdatasync in line": file("in line"), "fdatasync on a thread": file("thread") },
      }
    },
  ),
  stage(
    {
      name: `${NAME}: NATS JetStream`,
      unit: "events/s",
      better: "more",
      goal: 3,
      note: `${DURABLE_SQLITE}; peer: ${Nats.SETTINGS}`,
    },
    async (atEnd) => {
      const nats = await Nats.start(atEnd)
      return {
        ours: OURS(atEnd),
        peers: { [Nats.NAME]: theirs(10_000, (n) => nats.publish(JSON.stringify(workout(n)))) },
      }
    },
  ),
  stage(
    {
      name: `${NAME}: BullMQ`,
      unit: "events/s",
      better: "more",
      goal: 5,
      note: `${DURABLE_SQLITE}; peer: ${BullMq.SETTINGS}`,
    },
    async (atEnd) => {
      const plain = await BullMq.start(atEnd)
      const pipelined = await BullMq.start(atEnd, true)
      return {
        ours: OURS(atEnd),
        peers: {
          [BullMq.NAME]: theirs(10_000, (n) => plain.add(workout(n))),
          [`${BullMq.NAME}, pipelined by ioredis`]: theirs(10_000, (n) => pipelined.add(workout(n))),
        },
      }
    },
  ),
  stage(
    {
      name: `${NAME}: @effect/experimental PersistedQueue on SQLite`,
      unit: "events/s",
      better: "more",
      goal: 30,
      rounds: 5,
      note: `${DURABLE_SQLITE}; peer: ${PersistedQueue.SETTINGS}`,
    },
    async (atEnd) => {
      const offer = await PersistedQueue.open(atEnd)
      const count = 500
      const offers = byFibers(PUBLISHERS, count, (n) => offer(workout(n)))
      return {
        ours: OURS(atEnd),
        peers: { [PersistedQueue.NAME]: () => perSecond(count, () => Effect.runPromise(offers)) },
      }
    },
  ),
]
