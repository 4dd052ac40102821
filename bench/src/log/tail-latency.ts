/** What one in a hundred waits for, when 100 publish at once: beside the same share of bare flushes to the disk. */
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import { EventLog } from "@paceline/core/messaging"
import { Effect } from "effect"
import { type AtEnd, type Measure, type Measurement, stage } from "../Harness.ts"
import { byFibers, percentile } from "./stage/Figures.ts"
import { DURABLE_SQLITE, openSqlite, temporaryFolder } from "./stage/Stores.ts"
import { eventOf, topicNamed, workout } from "./stage/Workout.ts"

const PUBLISHERS = 100
const PUBLISHES = 20_000
const FLUSHES = 400

const ours = (atEnd: AtEnd): Measure => {
  const { run } = openSqlite(atEnd)
  const topic = topicNamed("bench")
  return async () => {
    const millis: Array<number> = []
    const publish = (n: number) =>
      Effect.suspend(() => {
        const from = performance.now()
        return Effect.map(EventLog.publish(topic, [eventOf(n)]), () => millis.push(performance.now() - from))
      })
    await run(byFibers(PUBLISHERS, PUBLISHES, publish))
    return percentile(millis, 0.99)
  }
}

const flushes = (atEnd: AtEnd): Measure => {
  const file = openSync(join(temporaryFolder(atEnd), "lines"), "a")
  atEnd(() => closeSync(file))
  return () => {
    const millis: Array<number> = []
    for (let n = 0; n < FLUSHES; n++) {
      writeSync(file, `${JSON.stringify(workout(n))}\n`)
      const from = performance.now()
      fdatasyncSync(file)
      millis.push(performance.now() - from)
    }
    return percentile(millis, 0.99)
  }
}

export const rows: ReadonlyArray<Measurement> = [
  stage(
    {
      name: `p99 of a publish, SQLite, ${PUBLISHERS} publishers`,
      unit: "ms",
      goal: 5,
      note: `${DURABLE_SQLITE}; peer: a file that grows by one line before each flush; a publish waits for its turn, its encoding and the other ${PUBLISHERS - 1} too`,
    },
    async (atEnd) => ({ ours: ours(atEnd), peers: { "p99 of one fdatasync": flushes(atEnd) } }),
  ),
]
