/**
 * A program that is many screens, and the strap that they watch: `Watchers.ts < input.json`. The strap's bridge sends a
 * new heart rate five times a second; each screen notes how long it took until it had it. It prints the p99 as JSON.
 *
 * Strap and screens are one process, so that one clock tells the time between them.
 */
import { Bundle, LiveFrame, TelemetryFrame } from "@paceline/core/wire"

export interface WatchersInput {
  /** Of the live door. */
  readonly liveUrl: string
  readonly channel: string
  readonly watchers: number
  readonly countMillis: number
  /** The bridge that sends. */
  readonly bridge: {
    readonly url: string
    readonly deviceId: string
    readonly key: string
    readonly sensor: string
  }
}

export interface WatchersOutput {
  readonly p50Millis: number
  readonly p99Millis: number
  /** How many of the readings that each screen should have had, it had. 1 when nothing was lost. */
  readonly received: number
}

const EVERY_MILLIS = 200

/** So many screens connect at once. */
const CONNECTING = 200

/** So many beats a minute are told apart: each stands for one reading for half a minute. */
const LOWEST = 60
const RATES = 140

const readingNumber = (n: number): number => LOWEST + (n % RATES)

class Readings {
  readonly #sentAt = new Map<number, number>()
  readonly millis: Array<number> = []
  sent = 0
  isCounting = false

  send(): number {
    const bpm = readingNumber(this.sent++)
    if (this.isCounting) this.#sentAt.set(bpm, performance.now())
    return bpm
  }

  arrived(bpm: unknown): void {
    const sentAt = typeof bpm === "number" ? this.#sentAt.get(bpm) : undefined
    if (sentAt !== undefined) this.millis.push(performance.now() - sentAt)
  }

  get counted(): number {
    return this.#sentAt.size
  }
}

const watch = ({ channel, liveUrl }: WatchersInput, readings: Readings): Promise<WebSocket> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(liveUrl)
    socket.binaryType = "arraybuffer"
    socket.onopen = () => socket.send(LiveFrame.encode({ _tag: "Subscribe", channel, after: null }))
    socket.onclose = ({ code, reason }) => reject(new Error(`a screen was sent away: ${code} ${reason}`))
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
      const frame = LiveFrame.decode(new Uint8Array(data))
      if (frame._tag === "Snapshot") resolve(socket)
      if (frame._tag === "Heartbeat" && !frame.echo) socket.send(LiveFrame.encode({ _tag: "Heartbeat", echo: true }))
      if (frame._tag === "Problem") reject(new Error(`a screen was told: ${frame.message}`))
      if (frame._tag !== "Changes") return
      for (const [, tile] of frame.entries) readings.arrived(Object(tile).heartRateBpm)
    }
  })

const openBridge = ({ bridge }: WatchersInput): Promise<WebSocket> =>
  new Promise((resolve, reject) => {
    const { deviceId, key, url } = bridge
    const socket = new WebSocket(url)
    socket.binaryType = "arraybuffer"
    socket.onopen = () => socket.send(TelemetryFrame.encode({ _tag: "Hello", deviceId, key, waiting: [] }))
    socket.onclose = ({ code, reason }) => reject(new Error(`the bridge was sent away: ${code} ${reason}`))
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
      const frame = TelemetryFrame.decode(new Uint8Array(data))
      if (frame._tag === "Welcome") resolve(socket)
      if (frame._tag === "Heartbeat" && !frame.echo) {
        socket.send(TelemetryFrame.encode({ _tag: "Heartbeat", echo: true }))
      }
    }
  })

const main = async (input: WatchersInput): Promise<WatchersOutput> => {
  const readings = new Readings()
  const sockets: Array<WebSocket> = []
  for (let n = 0; n < input.watchers; n += CONNECTING) {
    const some = Array.from({ length: Math.min(CONNECTING, input.watchers - n) }, () => watch(input, readings))
    sockets.push(...(await Promise.all(some)))
  }
  const bridge = await openBridge(input)
  const send = setInterval(() => {
    const sensedAtMs = Date.now()
    const block = {
      sensor: input.bridge.sensor,
      kind: "heartRate",
      atMillis: [sensedAtMs],
      values: [readings.send()],
    } as const
    bridge.send(TelemetryFrame.encode({ _tag: "Live", sensedAtMs, payload: Bundle.encode([block]) }))
  }, EVERY_MILLIS)
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  readings.isCounting = true
  await new Promise((resolve) => setTimeout(resolve, input.countMillis))
  readings.isCounting = false
  clearInterval(send)
  // What is on its way arrives.
  await new Promise((resolve) => setTimeout(resolve, 500))
  for (const socket of [...sockets, bridge]) socket.onclose = null
  for (const socket of [...sockets, bridge]) socket.close()
  const sorted = readings.millis.toSorted((a, b) => a - b)
  const share = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? Number.NaN
  return {
    p50Millis: share(0.5),
    p99Millis: share(0.99),
    received: sorted.length / (readings.counted * input.watchers),
  }
}

console.log(JSON.stringify(await main(await Bun.stdin.json())))
process.exit(0)
