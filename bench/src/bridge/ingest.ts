/**
 * Durable ingest: 2,000 bridges that send one-second bundles as fast as they are acknowledged, to a server alone on one
 * processor. The peer is the least that such a server can be.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type AtEnd, type Measure, type Measurement, stage } from "../Harness.ts"
import { mixedWithAcceleration } from "./codec/Signals.ts"
import { IS_PINNED, load, startServer } from "./load/OnOneCore.ts"
import * as Paceline from "./load/Paceline.ts"
import type { SendersInput, SendersOutput } from "./load/Senders.ts"

const BRIDGES = 2_000
const WARM_UP_MILLIS = 1_000
const COUNT_MILLIS = 3_000

/** Rounds lie that far apart in the sensors' time. */
const ROUND_MILLIS = 3_600_000

const sensors = [...new Set(mixedWithAcceleration.map(({ sensor }) => sensor))]

const temporary = (atEnd: AtEnd): string => {
  const folder = mkdtempSync(join(tmpdir(), "paceline-ingest-"))
  atEnd(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const sending = (url: string, devices: SendersInput["devices"], after: () => Promise<void>): Measure => {
  let round = 0
  return async () => {
    const laterMillis = ROUND_MILLIS * round++
    const input: SendersInput = { url, devices, warmUpMillis: WARM_UP_MILLIS, countMillis: COUNT_MILLIS, laterMillis }
    const { samplesPerSecond } = await load<SendersOutput>("Senders.ts", input)
    await after()
    return samplesPerSecond
  }
}

const NOTE = `${IS_PINNED ? "each server alone on one processor (taskset), the load on the other" : "not pinned to a processor: there is no taskset"}; a sample is one value of one kind, as \`record\` takes it; ours is \`paceline serve\` with a key and an athlete for each bridge: frames and bundles are checked, decoded, marked and told to the log in one unit of work, WAL, synchronous=FULL, while sessions, points, walls and series are made of them on the same processor; peer: chunks kept as they came, WAL, synchronous=FULL, nothing else`

const ours = async (atEnd: AtEnd) => {
  const paceline = await Paceline.start(temporary(atEnd), atEnd)
  const devices = await paceline.register(BRIDGES, sensors)
  const doorUrl = `${paceline.url.replace("http", "ws")}/v1/telemetry`
  return { devices, measure: sending(doorUrl, devices, paceline.caughtUp) }
}

const contest = async (atEnd: AtEnd) => {
  const { devices, measure } = await ours(atEnd)
  const bare = startServer("BareIngest.ts", [temporary(atEnd)], atEnd)
  const bareUrl = await bare.line((line) => line.startsWith("ws://"))
  const nobody = devices.map(({ deviceId }) => ({ deviceId, key: "" }))
  return {
    ours: measure,
    peers: { "bare Bun WebSocket + group commit": sending(bareUrl, nobody, async () => {}) },
  }
}

export const rows: ReadonlyArray<Measurement> = [
  stage(
    {
      name: `server ingest, durable, one core, 1 s bundles from ${BRIDGES.toLocaleString("en")} sockets`,
      unit: "samples/s",
      better: "more",
      goal: 0.5,
      rounds: 5,
      note: NOTE,
    },
    contest,
  ),
  stage(
    {
      name: "server ingest: the same / 1,000,000 samples a second",
      unit: "samples/s",
      better: "more",
      goal: 1,
      rounds: 5,
      note: NOTE,
    },
    async (atEnd) => ({
      ours: (await ours(atEnd)).measure,
      peers: { "the 1,000,000 that are wanted": () => 1_000_000 },
    }),
  ),
]
