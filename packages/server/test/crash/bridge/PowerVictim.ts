/**
 * A bridge whose writes to the disk are recorded, so that the power can be cut at any of them afterwards.
 *
 * `bun PowerVictim.ts FOLDER LOG CHUNKS full|normal` records that many chunks into `FOLDER/buffer.sqlite` and delivers
 * them to a server in the same process, which takes nothing for a while now and then, so that some wait and some are
 * deleted. In the record of writes a mark below `STORED_MARK` says that `flush` covered the values up to it; one from
 * there on says which line of the output the server had stored by then:
 *
 *     INCARNATION N CRC PAYLOAD-IN-HEX
 */
import { join } from "node:path"
import { openBridge } from "@paceline/device-bridge"
import { bunSqlite } from "@paceline/device-bridge/drivers/bun-sqlite"
import { directLine, SimulatedServer } from "@paceline/device-bridge/verify"
import { record } from "../power/Recorder.ts"
import { streamOf, VALUES_A_CHUNK } from "./BridgeVictim.ts"

/** Marks of the server begin here. */
export const STORED_MARK = 1_000_000_000

/** The server is away for so many chunks out of so many. */
const AWAY_CHUNKS = 25
const ROUND_CHUNKS = 60

const live = async (folder: string, log: string, chunks: number, durability: "full" | "normal"): Promise<void> => {
  const recorder = record(folder, log)
  const server = new SimulatedServer({ window: 64 })
  let told = 0
  server.onChunk = () => {
    for (; told < server.stored.length; told++) {
      const chunk = server.stored[told]
      if (chunk === undefined) return
      const { crc, incarnation, n, payload } = chunk
      console.log(`${incarnation} ${n} ${crc} ${Buffer.from(payload).toString("hex")}`)
      recorder.mark(STORED_MARK + told)
    }
  }
  const bridge = openBridge({
    path: join(folder, "buffer.sqlite"),
    // Its reserve would be the greater part of what is recorded, and no promise rests on it here.
    driver: { ...bunSqlite(), occupy: () => {} },
    url: "ws://nowhere",
    deviceId: "gateway-1",
    key: "secret",
    dial: directLine(server),
    limits: { backoff: { baseMillis: 2, maxMillis: 10, factor: 2 } },
    flushMillis: 600_000,
    durability,
  })
  for (let chunk = 0; chunk < chunks; chunk++) {
    server.behaviour.unavailable = chunk % ROUND_CHUNKS < AWAY_CHUNKS
    for (let i = 0; i < VALUES_A_CHUNK; i++) {
      const value = chunk * VALUES_A_CHUNK + i
      const { sensor, kind } = streamOf(value)
      bridge.record(sensor, kind, value, value)
    }
    await bridge.flush()
    recorder.mark((chunk + 1) * VALUES_A_CHUNK - 1)
    await Bun.sleep(chunk % 7 === 0 ? 2 : 0)
  }
}

if (import.meta.main) {
  const [, , folder = "", log = "", chunks = "0", durability] = process.argv
  await live(folder, log, Number(chunks), durability === "normal" ? "normal" : "full")
  // The power is cut; nothing is closed.
  process.exit(0)
}
