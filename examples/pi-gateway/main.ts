/**
 * A gateway that listens to all the straps and machines of a room, and loses nothing of them.
 *
 *   bun examples/pi-gateway/main.ts                          six sensors that do not exist, for some seconds
 *   node main.ts --radio noble --data /var/lib/paceline      the radio of this machine, until it is stopped
 *
 * PACELINE_URL, PACELINE_DEVICE_ID and PACELINE_DEVICE_KEY say where to deliver. See README.md for a Raspberry Pi.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { openBridge, type SqliteDriver } from "@paceline/device-bridge"
import { identity } from "./Enrolment.ts"
import { listen } from "./Gateway.ts"
import { nobleRadio } from "./NobleRadio.ts"
import { SIMULATED_SENSORS, simulatedRadio } from "./SimulatedRadio.ts"

const { values: options } = parseArgs({
  options: {
    radio: { type: "string", default: "simulated" },
    seconds: { type: "string" },
    data: { type: "string" },
  },
})
const isSimulated = options.radio === "simulated"
if (!isSimulated && options.radio !== "noble") {
  console.error(`--radio is "simulated" or "noble", not "${options.radio}".`)
  process.exit(64)
}
const seconds = options.seconds === undefined ? (isSimulated ? 7 : Number.POSITIVE_INFINITY) : Number(options.seconds)
const url = process.env["PACELINE_URL"] ?? "http://127.0.0.1:8080"
const folder = options.data ?? mkdtempSync(join(tmpdir(), "paceline-gateway-"))
mkdirSync(folder, { recursive: true, mode: 0o700 })

const driver = async (): Promise<SqliteDriver> =>
  process.versions["bun"] === undefined
    ? (await import("@paceline/device-bridge/drivers/better-sqlite3")).betterSqlite3()
    : (await import("@paceline/device-bridge/drivers/bun-sqlite")).bunSqlite()

const radio = isSimulated ? simulatedRadio(20) : await nobleRadio()
const known = isSimulated ? SIMULATED_SENSORS : []
const bridge = openBridge({
  path: join(folder, "buffer.sqlite"),
  driver: await driver(),
  url: url.replace(/^http/, "ws"),
  ...(await identity(url, process.env["PACELINE_DATA"] ?? "./paceline-data", known)),
  onEvent: (event) => console.warn(event),
})
const gateway = await listen(bridge, radio)

/** The time that was asked for, or what a service manager sends. */
await new Promise<void>((resolve) => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve())
  if (Number.isFinite(seconds)) setTimeout(resolve, 1_000 * seconds)
  else setInterval(() => {}, 60_000)
})
await gateway.stop()

const heard = gateway.heard()
for (const { sensor, link, packets } of heard) {
  const { badPackets, samples } = packets
  console.log(
    `${sensor}: ${packets.packets} packets, ${samples} samples, ${badPackets} bad, ${link.connections} connections`,
  )
}
if (!isSimulated) {
  // What waits is delivered by the next start.
  await bridge.close()
  process.exit(0)
}
await bridge.drained()
const { waitingChunks, deliveredChunks } = bridge.status()
console.log(`Delivered ${deliveredChunks} chunks; ${waitingChunks} wait.`)
await bridge.close()
if (options.data === undefined) rmSync(folder, { recursive: true })
const silent = heard.filter(({ packets }) => packets.samples === 0).map(({ sensor }) => sensor)
if (silent.length > 0) console.error(`Nothing was heard of ${silent.join(", ")}.`)
process.exit(silent.length === 0 && waitingChunks === 0 ? 0 : 1)
