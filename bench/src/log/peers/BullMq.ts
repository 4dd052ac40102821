/** BullMQ on Redis that is told to keep what it is given: an append-only file, synced every second. */
import { Queue, Worker } from "bullmq"
import { Redis } from "ioredis"
import type { AtEnd } from "../../Harness.ts"
import { freePort, startServer } from "../stage/Servers.ts"
import { temporaryFolder } from "../stage/Stores.ts"
import type { Workout } from "../stage/Workout.ts"

export const NAME = "BullMQ 6.7"
export const SETTINGS =
  "Debian's redis-server 7.0, appendonly yes, appendfsync everysec: an answer does not wait for the disk; finished jobs are removed"

export const start = async (atEnd: AtEnd, enableAutoPipelining = false) => {
  const port = await freePort()
  const args = ["--bind", "127.0.0.1", "--port", `${port}`, "--dir", temporaryFolder(atEnd), "--save", ""]
  const durable = ["--appendonly", "yes", "--appendfsync", "everysec"]
  await startServer(["/usr/bin/redis-server"], [...args, ...durable], port, atEnd)
  const connect = () => {
    const redis = new Redis({ host: "127.0.0.1", port, maxRetriesPerRequest: null, enableAutoPipelining })
    atEnd(() => redis.disconnect())
    return redis
  }
  const queue = new Queue<Workout>("bench", {
    connection: connect(),
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
  })
  atEnd(() => queue.close())
  await queue.waitUntilReady()
  return {
    add: (workout: Workout): Promise<unknown> => queue.add("workout", workout),
    work: async (handle: (workout: Workout) => Promise<void>): Promise<void> => {
      const worker = new Worker<Workout>("bench", (job) => handle(job.data), { connection: connect() })
      atEnd(() => worker.close())
      await worker.waitUntilReady()
    },
  }
}
