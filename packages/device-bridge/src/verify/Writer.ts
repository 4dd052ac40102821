/**
 * The process that the crash checks kill: it records and delivers until then, and says what it was promised.
 *
 *     recorded VALUE   every value up to this one was given to `record`
 *     flushed VALUE    `flush` resolved: every value up to this one is promised
 */
import { setTimeout as sleep } from "node:timers/promises"
import { OpenBridge } from "../bridge/OpenBridge.ts"
import type { BridgeIo } from "../process/ProcessIo.ts"

export interface WriterOrders {
  readonly path: string
  readonly url: string
  readonly first: number
}

const MARK = "--writer"

/** How the program is started as a writer, behind the name of the program. */
export const writerArguments = (orders: WriterOrders): ReadonlyArray<string> => ["verify", MARK, JSON.stringify(orders)]

/** The orders, when these are the arguments of a writer. */
export const writerOrders = (argv: ReadonlyArray<string>): WriterOrders | null => {
  const [mark, text = ""] = argv
  if (mark !== MARK) return null
  const orders: unknown = JSON.parse(text)
  if (typeof orders !== "object" || orders === null) return null
  const field = (name: string): unknown => Reflect.get(orders, name)
  return { path: String(field("path")), url: String(field("url")), first: Number(field("first")) }
}

/** Records until it is killed. */
export const runWriter = async ({ first, path, url }: WriterOrders, io: BridgeIo): Promise<number> => {
  const limits = { backoff: { baseMillis: 5, maxMillis: 60, factor: 2 } }
  const { driver } = io
  const bridge = new OpenBridge({ path, driver, url, deviceId: "bench", key: "secret", limits, flushMillis: 600_000 })
  for (let value = first; !io.signal.aborted; ) {
    io.write(`recorded ${value + 4}`)
    for (let i = 0; i < 5; i++, value++) bridge.record("strap-01", "power", 1_700_000_000_000 + value * 200, value)
    await bridge.flush()
    io.write(`flushed ${value - 1}`)
    await sleep(1)
  }
  await bridge.close()
  return 0
}
