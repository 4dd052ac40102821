/** NATS JetStream: a stream on file, published to with acknowledgement. */
import { jetstream, jetstreamManager, StorageType } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import type { AtEnd } from "../../Harness.ts"
import { freePort, startServer } from "../stage/Servers.ts"
import { temporaryFolder } from "../stage/Stores.ts"

export const NAME = "NATS JetStream 2.9"
export const SETTINGS =
  "Debian's nats-server, a file stream with one replica; an acknowledgement does not wait for the disk, which is synced every two minutes"

export const start = async (atEnd: AtEnd) => {
  const port = await freePort()
  const folder = temporaryFolder(atEnd)
  const args = ["--addr", "127.0.0.1", "--port", `${port}`, "--jetstream", "--store_dir", folder]
  await startServer(["/usr/sbin/nats-server", "/usr/bin/nats-server"], args, port, atEnd)
  const connection = await connect({ servers: `127.0.0.1:${port}` })
  atEnd(() => connection.close())
  const manager = await jetstreamManager(connection)
  await manager.streams.add({ name: "bench", subjects: ["bench.>"], storage: StorageType.File })
  const client = jetstream(connection)
  return { publish: (payload: string): Promise<unknown> => client.publish("bench.workouts", payload) }
}
