/**
 * A bridge and a real WebSocket server for one test at a time, made before it and gone after it. Import it once in a
 * test file: the hooks are registered by that.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, beforeEach } from "vitest"
import { bunSqlite } from "../src/drivers/BunSqlite.ts"
import { type Bridge, type BridgeEvent, type BridgeOptions, openBridge } from "../src/index.ts"
import { FlakyNetwork } from "../src/verify/FlakyNetwork.ts"
import { type Behaviour, TelemetryServer } from "./TelemetryServer.ts"

let folder = ""
export let server: TelemetryServer
let opened: Array<Bridge> = []
let networks: Array<FlakyNetwork> = []
export let events: Array<BridgeEvent> = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline-delivery-"))
  opened = []
  networks = []
  events = []
})
afterEach(async () => {
  for (const bridge of opened) await bridge.close()
  for (const network of networks) network.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** The standard limits with shorter waits; only what a test is about is made so short that a busy machine could trip. */
export const quick = { backoff: { baseMillis: 2, maxMillis: 40, factor: 2 }, heartbeatMillis: 100 }

export const serve = (behaviour: Partial<Behaviour> = {}): TelemetryServer => {
  server = TelemetryServer.start(behaviour)
  return server
}

export const network = async (): Promise<FlakyNetwork> => {
  const made = await FlakyNetwork.before(server.port)
  networks.push(made)
  return made
}

export const open = (options: Partial<BridgeOptions> = {}): Bridge => {
  const bridge = openBridge({
    path: bufferPath(),
    driver: bunSqlite(),
    url: server.url,
    deviceId: "gateway-1",
    key: "secret",
    flushMillis: 10_000,
    limits: quick,
    onEvent: (event) => events.push(event),
    ...options,
  })
  opened.push(bridge)
  return bridge
}

/** Makes `count` chunks of one sample each; the values go on from call to call. */
export const append = async (bridge: Bridge, count: number): Promise<void> => {
  for (let i = 0; i < count; i++) {
    const value = next++
    bridge.record("strap-01", "power", value, value)
    await bridge.flush()
  }
}
let next = 0
beforeEach(() => {
  next = 0
})
/** All values appended in this test. */
export const all = (): Array<number> => Array.from({ length: next }, (_, value) => value)

/** Waits for what other processes and sockets bring about; fails when that takes too long. */
export const until = async (condition: () => boolean): Promise<void> => {
  for (let waited = 0; !condition(); waited += 2) {
    if (waited > 8_000) throw new Error("it did not come to that")
    await sleep(2)
  }
}

/** The buffer's file. */
export const bufferPath = (): string => join(folder, "buffer.sqlite")

/** How many rows the buffer's table has. */
export const count = (table: string): unknown => {
  const database = bunSqlite().open(bufferPath())
  try {
    return database.prepare(`select count(*) as rows from ${table}`).get()?.["rows"]
  } finally {
    database.close()
  }
}

/** Changes the buffer's file from outside. */
export const tamperWith = (sql: string): void => {
  const database = bunSqlite().open(bufferPath())
  database.exec(sql)
  database.close()
}
