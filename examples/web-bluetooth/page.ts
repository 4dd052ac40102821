/**
 * Connects a strap, records it through the bridge in the worker, and shows what both say.
 *
 * A packet goes two ways: to the bridge, which stores it and delivers it once, and through the parser to the screen.
 */
import { type BrowserBridge, type BrowserBridgeEvent, openBrowserBridge } from "@paceline/device-bridge/browser"
import { parse } from "@paceline/device-bridge/gatt"
import { type Kept, keepConnected, type Peripheral, peripheral, type SensorLink } from "@paceline/device-bridge/sources"
import { chooseStrap, type NamedLink, simulatedStrap } from "./links.ts"
import { Screen } from "./screen.ts"

const screen = new Screen()

/** Hands on what a link says, and lets the screen have a look. */
const watched = (link: SensorLink): SensorLink => ({
  connect: (uuids, onPacket, onGone) =>
    link.connect(
      uuids,
      (uuid, bytes) => {
        onPacket(uuid, bytes)
        if (uuid.toLowerCase() === "2a37") show(bytes)
      },
      onGone,
    ),
  disconnect: () => link.disconnect(),
})

const show = (bytes: Uint8Array | DataView): void => {
  const heart = parse("2A37", new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  if (heart._tag !== "GattError") screen.heart(heart)
}

/** What people should read: null lets an earlier notice go, undefined is only for the console. */
const noticeOf = (event: BrowserBridgeEvent): string | null | undefined => {
  switch (event._tag) {
    case "StorageEvicted": {
      const chunks = event.lost.reduce((sum, { first, last }) => sum + last - first + 1, 0)
      return `The browser threw its storage away: ${chunks} chunks that waited are lost.`
    }
    case "WritingWorksAgain":
      return null
    case "WritingFailed":
      return event.error.message
    case "Refused":
      return event.problem.message
    case "WorkerFailed":
    case "SampleRefused":
      return event.message
    default:
      return undefined
  }
}

const tell = (event: BrowserBridgeEvent): void => {
  const notice = noticeOf(event)
  if (notice === undefined) console.warn(event)
  else screen.notice(notice)
}

const open = async (): Promise<{ bridge: BrowserBridge; sensor: string }> => {
  const { deviceId, key, sensor, url } = Object(await (await fetch("/strap.json")).json())
  const bridge = await openBrowserBridge({
    worker: new Worker("/bridge-worker.js", { type: "module" }),
    wasmUrl: "/sqlite3.wasm",
    store: "web-bluetooth",
    url: String(url),
    deviceId: String(deviceId),
    key: String(key),
    flushMillis: 1_000,
    onEvent: tell,
  })
  screen.status(bridge.status(), bridge.persistent)
  bridge.subscribe((status) => screen.status(status, bridge.persistent))
  return { bridge, sensor: String(sensor) }
}

interface Recording {
  readonly strap: Peripheral
  readonly kept: Kept
}

const begin = ({ name, link }: NamedLink, bridge: BrowserBridge, sensor: string): Recording => {
  const strap = peripheral(bridge, { sensor })
  strap.beginActivity()
  const kept = keepConnected(watched(link), strap, {
    onChange: ({ lastProblem, state }) => screen.strap(name, state, lastProblem),
  })
  screen.recording(true)
  return { strap, kept }
}

const run = async (): Promise<void> => {
  const { bridge, sensor } = await open()
  let recording: Recording | null = null
  const connect = async (choose: () => NamedLink | Promise<NamedLink>): Promise<void> => {
    try {
      recording = begin(await choose(), bridge, sensor)
    } catch (thrown) {
      screen.notice(thrown instanceof Error ? thrown.message : String(thrown))
    }
  }
  const finish = async (): Promise<void> => {
    await recording?.kept.stop()
    recording?.strap.endActivity()
    recording = null
    screen.recording(false)
    await bridge.flush()
  }
  const simulate = new URLSearchParams(location.search).get("simulate")
  const seed = Number(simulate) || 7
  screen.onConnect(() => void connect(chooseStrap))
  screen.onSimulate(() => void connect(() => simulatedStrap(seed)))
  screen.onFinish(() => void finish().catch((thrown: unknown) => screen.notice(String(thrown))))
  if (simulate !== null) await connect(() => simulatedStrap(seed))
}

run().catch((thrown: unknown) => {
  const owned = thrown instanceof Error && "_tag" in thrown && thrown._tag === "BufferOwned"
  screen.notice(owned ? "Another tab is recording. Close it, or go on there." : String(thrown))
})
