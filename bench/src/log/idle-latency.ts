/** How soon a handler begins when nothing else is going on: from the call that publishes to the first line of the handler. */
import { Consumer, EventLog } from "@paceline/core/messaging"
import { Effect } from "effect"
import { type AtEnd, type Measure, type Measurement, stage } from "../Harness.ts"
import * as BullMq from "./peers/BullMq.ts"
import * as Graphile from "./peers/Graphile.ts"
import { percentile } from "./stage/Figures.ts"
import { DURABLE_POSTGRES, DURABLE_SQLITE, openPostgres, openSqlite, postgresServer, type Run } from "./stage/Stores.ts"
import { eventOf, topicNamed, workout } from "./stage/Workout.ts"

const PUBLISHES = 60
/** Between two publishes, in milliseconds: both sides have come to rest by then. */
const IDLE_MILLIS = 15

const topic = topicNamed("bench")

/** Publishes one after the other and tells when each was handled. */
class Bell {
  #rung = Promise.withResolvers<number>()

  readonly ring = (): void => this.#rung.resolve(performance.now())

  async p50(publish: (n: number) => Promise<unknown>): Promise<number> {
    const millis: Array<number> = []
    for (let n = 0; n < PUBLISHES; n++) {
      await new Promise((resolve) => setTimeout(resolve, IDLE_MILLIS))
      this.#rung = Promise.withResolvers()
      const from = performance.now()
      const published = publish(n)
      millis.push((await this.#rung.promise) - from)
      await published
    }
    return percentile(millis, 0.5)
  }
}

/** The consumer runs as long as the row. */
const ours = async <R extends Consumer.Needs>(run: Run<R | Consumer.Needs>, atEnd: AtEnd): Promise<Measure> => {
  const bell = new Bell()
  const stop = new AbortController()
  const consumer = Consumer.run({ group: "bench", topic, handle: () => Effect.sync(bell.ring) })
  const running = run(consumer, { signal: stop.signal }).catch(() => {})
  atEnd(async () => {
    stop.abort()
    await running
  })
  return () => bell.p50((n) => run(EventLog.publish(topic, [eventOf(n)])))
}

const NAME = "idle publish → handler, p50"

export const rows: ReadonlyArray<Measurement> = [
  stage(
    {
      name: `${NAME}, SQLite`,
      unit: "ms",
      goal: 1,
      note: `${DURABLE_SQLITE}, exactly once, in the publisher's process; peer: ${BullMq.SETTINGS}`,
    },
    async (atEnd) => {
      const bell = new Bell()
      const queue = await BullMq.start(atEnd)
      await queue.work(async () => bell.ring())
      return {
        ours: await ours(openSqlite(atEnd).run, atEnd),
        peers: { [BullMq.NAME]: () => bell.p50((n) => queue.add(workout(n))) },
      }
    },
  ),
  stage(
    {
      name: `${NAME}, PostgreSQL`,
      unit: "ms",
      goal: 1,
      note: `${DURABLE_POSTGRES}; ours exactly once, in the publisher's process; peer: Graphile Worker 0.18.0 with its defaults and 10 jobs at once, woken by LISTEN/NOTIFY`,
    },
    async (atEnd) => {
      const bell = new Bell()
      const database = await postgresServer(atEnd)
      const run = openPostgres(await database(), atEnd)
      const graphile = await Graphile.start(await database(), atEnd)
      const stop = await graphile.work(async () => bell.ring())
      atEnd(stop)
      return {
        ours: await ours(run, atEnd),
        peers: { [Graphile.NAME]: () => bell.p50((n) => graphile.addJob(workout(n))) },
      }
    },
  ),
]
