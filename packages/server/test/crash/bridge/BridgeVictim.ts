/**
 * A bridge that the crash tests start and kill, on Node or Bun: it records as fast as it was told to, delivers to a
 * real server beside that, and says on its output what it was promised.
 *
 * `BridgeVictim.ts '{"path":…,"url":…,"deviceId":…,"key":…,"first":120,"pauseMillis":2}'`: see `BridgeOrders`.
 *
 *     recorded VALUE   every value from `first` to this one was given to `record`
 *     flushed VALUE    `flush` resolved: every value from `first` to this one is promised
 *     drained          with `first` null: the server has everything that waited; the bridge closed in order
 */
import { writeSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { openBridge } from "@paceline/device-bridge"

export interface BridgeOrders {
  readonly path: string
  readonly url: string
  readonly deviceId: string
  readonly key: string
  /** The first value to record; null to record nothing and to end when all is delivered. */
  readonly first: number | null
  /** Between two flushes, milliseconds. */
  readonly pauseMillis: number
}

/** So many values, one after the other, are flushed together, and so are one chunk. */
export const VALUES_A_CHUNK = 10

/** The stream that a value belongs to: each bridge has two. */
export const streamOf = (value: number): { readonly sensor: string; readonly kind: "power" | "heartRate" } =>
  value % 2 === 0 ? { sensor: "strap-01", kind: "heartRate" } : { sensor: "pedals", kind: "power" }

/** Soon back after a server that was killed, and quick to notice one that was stopped. */
const limits = {
  backoff: { baseMillis: 10, maxMillis: 200, factor: 2 },
  heartbeatMillis: 200,
  deadMillis: 600,
  ackMillis: 1_000,
}

const live = async ({ first, pauseMillis, ...to }: BridgeOrders): Promise<void> => {
  // Written at once, so that a kill cannot lose what was said.
  const say = (line: string): void => void writeSync(1, `${line}\n`)
  const driver =
    process.versions["bun"] === undefined
      ? (await import("@paceline/device-bridge/drivers/better-sqlite3")).betterSqlite3()
      : (await import("@paceline/device-bridge/drivers/bun-sqlite")).bunSqlite()
  const bridge = openBridge({ ...to, driver, limits, flushMillis: 600_000 })
  if (first === null) {
    await bridge.drained()
    await bridge.close()
    say("drained")
    return
  }
  for (let value = first; ; ) {
    say(`recorded ${value + VALUES_A_CHUNK - 1}`)
    for (let i = 0; i < VALUES_A_CHUNK; i++, value++) {
      const { sensor, kind } = streamOf(value)
      bridge.record(sensor, kind, value, value)
    }
    await bridge.flush()
    say(`flushed ${value - 1}`)
    await sleep(pauseMillis)
  }
}

if (import.meta.main) await live(JSON.parse(process.argv[2] ?? "{}"))
