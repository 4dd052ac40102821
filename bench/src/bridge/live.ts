/**
 * Live fan-out: 5,000 screens that watch one class, whose strap says something new five times a second. Each server is
 * alone on one processor; strap and screens are on the other.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type AtEnd, type Measure, type Measurement, stage } from "../Harness.ts"
import { cpuSeconds, IS_PINNED, load, startServer } from "./load/OnOneCore.ts"
import * as Paceline from "./load/Paceline.ts"
import type { WatchersInput, WatchersOutput } from "./load/Watchers.ts"

const WATCHERS = 5_000
const COUNT_MILLIS = 5_000
const SENSOR = "strap-01"
const NAME = `live, ${WATCHERS.toLocaleString("en")} watchers, 5 frames/s`
const PINNED = IS_PINNED ? "each server alone on one processor (taskset)" : "not pinned: there is no taskset"

interface Fanout {
  readonly pid: number
  readonly input: WatchersInput
}

const ours = async (atEnd: AtEnd): Promise<Fanout> => {
  const folder = mkdtempSync(join(tmpdir(), "paceline-live-"))
  atEnd(() => rmSync(folder, { recursive: true, force: true }))
  const paceline = await Paceline.start(folder, atEnd)
  const [device] = await paceline.register(1, [SENSOR])
  if (device === undefined) throw new Error("no bridge was registered")
  const url = paceline.url.replace("http", "ws")
  return {
    pid: paceline.pid,
    input: {
      liveUrl: `${url}/v1/live`,
      channel: "classes/main/tiles",
      watchers: WATCHERS,
      countMillis: COUNT_MILLIS,
      bridge: { url: `${url}/v1/telemetry`, ...device, sensor: SENSOR },
    },
  }
}

const bare = async ({ input }: Fanout, atEnd: AtEnd): Promise<Fanout> => {
  const server = startServer("BareLive.ts", [], atEnd)
  const url = await server.line((line) => line.startsWith("ws://"))
  return { pid: server.pid, input: { ...input, liveUrl: url, bridge: { ...input.bridge, url } } }
}

const watched = async ({ input }: Fanout): Promise<WatchersOutput> => {
  const output = await load<WatchersOutput>("Watchers.ts", input)
  if (output.received < 0.9) throw new Error(`screens had only ${output.received} of what was sent`)
  return output
}

/** Processor time of a whole round: connecting the screens, and what goes to them. */
const cpuOf =
  (fanout: Fanout): Measure =>
  async () => {
    const before = cpuSeconds(fanout.pid)
    await watched(fanout)
    return (cpuSeconds(fanout.pid) - before) * 1_000
  }

export const rows: ReadonlyArray<Measurement> = [
  stage(
    {
      name: `${NAME}: p99 sensor to screen / 150 ms`,
      unit: "ms",
      goal: 1,
      rounds: 5,
      note: `from the strap's bridge sending a live frame to the message event of a screen; ${PINNED}`,
    },
    async (atEnd) => {
      const fanout = await ours(atEnd)
      return {
        ours: async () => (await watched(fanout)).p99Millis,
        peers: { "the 150 ms that are allowed": () => 150 },
        beside: { "a bare Bun publish loop": await besideBare(fanout, atEnd) },
      }
    },
  ),
  stage(
    {
      name: `${NAME}: processor time of the server`,
      unit: "ms/round",
      goal: 1.5,
      rounds: 5,
      note: `a round is ${WATCHERS.toLocaleString("en")} screens that connect, and ${COUNT_MILLIS / 1_000 + 1} s of readings; ${PINNED}; ours also keeps positions, so that a screen that comes back misses nothing, and knows who shows what`,
    },
    async (atEnd) => {
      const fanout = await ours(atEnd)
      return { ours: cpuOf(fanout), peers: { "a bare Bun publish loop": cpuOf(await bare(fanout, atEnd)) } }
    },
  ),
]

const besideBare = async (fanout: Fanout, atEnd: AtEnd): Promise<Measure> => {
  const loop = await bare(fanout, atEnd)
  return async () => (await watched(loop)).p99Millis
}
