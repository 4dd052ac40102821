/** One promise that the kit tries to break, and what a check has at hand for that. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { Bridge, BridgeEvent, BridgeOptions } from "../bridge/Bridge.ts"
import { OpenBridge } from "../bridge/OpenBridge.ts"
import type { SqliteDriver } from "../drivers/SqliteDriver.ts"
import { FlakyNetwork } from "./FlakyNetwork.ts"
import { type Door, listen } from "./Listen.ts"
import { type Behaviour, SimulatedServer } from "./SimulatedServer.ts"

export interface Check {
  /** `group/name`, as `--only` takes it. */
  readonly name: string
  /** What must hold, in a sentence. */
  readonly promise: string
  /** Says what was seen. Throws `BrokenPromise` when it does not hold. */
  readonly run: (bench: Bench) => Promise<string>
}

/** What was seen, when it is not what was promised. */
export class BrokenPromise extends Error {
  readonly _tag = "BrokenPromise"
}

export const must = (holds: boolean, otherwise: string): void => {
  if (!holds) throw new BrokenPromise(otherwise)
}

export interface BenchOptions {
  readonly driver: SqliteDriver
  readonly seed: number
  /** How this program is started again, for checks that kill a process. */
  readonly self: ReadonlyArray<string>
}

/** How long anything may take before the check says that it did not happen, milliseconds. */
const PATIENCE_MILLIS = 15_000

/** Short waits, so that a check takes no longer than it must. */
const limits = {
  backoff: { baseMillis: 5, maxMillis: 60, factor: 2 },
  heartbeatMillis: 150,
  deadMillis: 500,
  ackMillis: 800,
}

/** A place to try a bridge: a folder, servers, networks and bridges, all gone after `clear`. */
export class Bench {
  readonly driver: SqliteDriver
  readonly self: ReadonlyArray<string>
  readonly folder: string
  readonly events: Array<BridgeEvent> = []
  /** What was recorded by `append`, in order. */
  readonly recorded: Array<number> = []
  readonly #seed: number
  #drawn = 0
  readonly #clean: Array<() => unknown> = []

  constructor({ driver, seed, self }: BenchOptions) {
    this.driver = driver
    this.self = self
    this.#seed = seed
    this.folder = mkdtempSync(join(tmpdir(), "paceline-verify-"))
    this.later(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  get bufferPath(): string {
    return join(this.folder, "buffer.sqlite")
  }

  /** In [0, 1), the same for the same seed (mulberry32). */
  random(): number {
    const state = (this.#seed + Math.imul(++this.#drawn, 0x6d2b79f5)) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  async serve(behaviour: Partial<Behaviour> = {}): Promise<{ readonly server: SimulatedServer; readonly door: Door }> {
    const server = new SimulatedServer(behaviour)
    const door = await listen(server)
    this.later(() => door.close())
    return { server, door }
  }

  async network(before: Door): Promise<FlakyNetwork> {
    const network = await FlakyNetwork.before(before.port)
    this.later(() => network.close())
    return network
  }

  open(url: string, options: Partial<BridgeOptions> = {}): Bridge {
    const bridge = new OpenBridge({
      path: this.bufferPath,
      driver: this.driver,
      url,
      deviceId: "bench",
      key: "secret",
      flushMillis: 600_000,
      onEvent: (event) => this.events.push(event),
      ...options,
      limits: { ...limits, ...options.limits },
    })
    // A check may have closed it, or made closing impossible.
    this.later(() => bridge.close().catch(() => undefined))
    return bridge
  }

  /** Records `chunks` chunks of five samples each, flushing each. The values go on from call to call. */
  async append(bridge: Bridge, chunks: number): Promise<void> {
    for (let chunk = 0; chunk < chunks; chunk++) {
      for (let i = 0; i < 5; i++) {
        const value = this.recorded.length
        bridge.record("strap-01", "power", 1_700_000_000_000 + value * 200, value)
        this.recorded.push(value)
      }
      await bridge.flush()
    }
  }

  /** Waits until `condition` holds; breaks the promise when that takes too long. */
  async until(what: string, condition: () => boolean): Promise<void> {
    for (let waited = 0; !condition(); waited += 5) {
      must(waited <= PATIENCE_MILLIS, `within ${PATIENCE_MILLIS / 1000} s it did not come to this: ${what}`)
      await sleep(5)
    }
  }

  /** Waits until all is delivered, and holds what the server has against what was recorded: once each, in order. */
  async delivered(bridge: Bridge, server: SimulatedServer): Promise<void> {
    let drained = false
    bridge.drained().then(
      () => {
        drained = true
      },
      () => undefined,
    )
    await this.until("all that was recorded is delivered", () => drained)
    this.exactly(server)
  }

  /** The server has what was recorded, once each, in order, and no rule was broken. */
  exactly(server: SimulatedServer): void {
    must(server.faults.length === 0, `the bridge broke a rule: ${server.faults[0]}`)
    const difference = differenceOf(this.recorded, server.values)
    must(difference === null, difference ?? "")
  }

  /** Does this when the check is over; the last first. */
  later(action: () => unknown): void {
    this.#clean.push(action)
  }

  async clear(): Promise<void> {
    for (const action of this.#clean.splice(0).reverse()) await action()
  }
}

/** What is wrong with what was stored, in words; null when it is what was recorded. */
export const differenceOf = (recorded: ReadonlyArray<number>, stored: ReadonlyArray<number>): string | null => {
  const times = new Map<number, number>()
  for (const value of stored) times.set(value, (times.get(value) ?? 0) + 1)
  const lost = recorded.filter((value) => !times.has(value)).length
  const doubled = Array.from(times.values()).filter((count) => count > 1).length
  if (lost > 0 || doubled > 0)
    return `of ${recorded.length} samples ${lost} are lost and ${doubled} stored twice or more`
  if (stored.length > recorded.length)
    return `${stored.length - recorded.length} samples are stored that nobody recorded`
  const at = stored.findIndex((value, i) => value !== recorded[i])
  return at < 0 ? null : `the samples are out of order from number ${at + 1} on`
}
