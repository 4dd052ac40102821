/**
 * A program that is many bridges at once: `Senders.ts < input.json`. Each opens a WebSocket, says hello
 * and sends one-second bundles as fast as they are acknowledged, a few on their way at a time. It counts what was
 * acknowledged in the measured span and prints it as JSON.
 *
 * All bridges send the same seconds, encoded once, so that this side costs little; numbers and incarnations are their own.
 */
import { Bundle, crc32, TelemetryFrame } from "@paceline/core/wire"
import { blocksOf, flushes, mixedWithAcceleration } from "../codec/Signals.ts"

export interface SendersInput {
  /** Of the telemetry door. */
  readonly url: string
  readonly devices: ReadonlyArray<{ readonly deviceId: string; readonly key: string }>
  /** Before it counts, and while it counts. */
  readonly warmUpMillis: number
  readonly countMillis: number
  /** Added to the time of every sample. */
  readonly laterMillis: number
}

export interface SendersOutput {
  readonly samplesPerSecond: number
  readonly bundlesPerSecond: number
  readonly samplesPerBundle: number
  readonly bytesPerBundle: number
}

/** So many chunks of a bridge are on their way. */
const ON_THE_WAY = 4

/** So many bridges connect at once. */
const CONNECTING = 100

interface Second {
  readonly payload: Uint8Array
  readonly crc: number
  readonly samples: number
}

const encodeSeconds = (laterMillis: number): ReadonlyArray<Second> =>
  flushes(mixedWithAcceleration, 1)
    .slice(0, 600)
    .map((signals) => {
      const bundle = blocksOf(
        signals.map((signal) => ({ ...signal, atMillis: signal.atMillis.map((at) => at + laterMillis) })),
      )
      const payload = Bundle.encode(bundle)
      return { payload, crc: crc32(payload), samples: Bundle.sampleCount(bundle) }
    })

class Tally {
  samples = 0
  bundles = 0
  isCounting = false
}

/** One bridge; resolves when it was welcomed. */
const connect = (
  { url }: SendersInput,
  device: SendersInput["devices"][number],
  seconds: ReadonlyArray<Second>,
  tally: Tally,
): Promise<WebSocket> =>
  new Promise((resolve, reject) => {
    const incarnation = crypto.randomUUID()
    let sent = 0
    let acknowledged = 0
    const socket = new WebSocket(url)
    socket.binaryType = "arraybuffer"
    const sendMore = (): void => {
      while (sent - acknowledged < ON_THE_WAY) {
        const second = seconds[sent % seconds.length]
        if (second === undefined) throw new Error("there is nothing to send")
        sent++
        const { crc, payload } = second
        socket.send(TelemetryFrame.encode({ _tag: "Chunk", incarnation, n: sent, crc, payload }))
      }
    }
    socket.onopen = () => socket.send(TelemetryFrame.encode({ _tag: "Hello", ...device, waiting: [] }))
    socket.onclose = ({ code, reason }) => reject(new Error(`a bridge was sent away: ${code} ${reason}`))
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
      const frame = TelemetryFrame.decode(new Uint8Array(data))
      switch (frame._tag) {
        case "Welcome":
          resolve(socket)
          return sendMore()
        case "Ack":
          for (; acknowledged < frame.n; acknowledged++) {
            if (!tally.isCounting) continue
            tally.bundles++
            tally.samples += seconds[acknowledged % seconds.length]?.samples ?? 0
          }
          return sendMore()
        case "Heartbeat":
          if (!frame.echo) socket.send(TelemetryFrame.encode({ _tag: "Heartbeat", echo: true }))
          return
        default:
          throw new Error(`a bridge was answered ${JSON.stringify(frame)}`)
      }
    }
  })

const main = async (input: SendersInput): Promise<SendersOutput> => {
  const seconds = encodeSeconds(input.laterMillis)
  const tally = new Tally()
  const sockets: Array<WebSocket> = []
  for (let i = 0; i < input.devices.length; i += CONNECTING) {
    const some = input.devices.slice(i, i + CONNECTING)
    sockets.push(...(await Promise.all(some.map((device) => connect(input, device, seconds, tally)))))
  }
  await new Promise((resolve) => setTimeout(resolve, input.warmUpMillis))
  tally.isCounting = true
  const from = performance.now()
  await new Promise((resolve) => setTimeout(resolve, input.countMillis))
  const took = (performance.now() - from) / 1_000
  tally.isCounting = false
  const { bundles, samples } = tally
  for (const socket of sockets) socket.onclose = null
  for (const socket of sockets) socket.close()
  const bytes = seconds.reduce((sum, { payload }) => sum + payload.byteLength, 0)
  return {
    samplesPerSecond: samples / took,
    bundlesPerSecond: bundles / took,
    samplesPerBundle: samples / Math.max(1, bundles),
    bytesPerBundle: bytes / seconds.length,
  }
}

console.log(JSON.stringify(await main(await Bun.stdin.json())))
process.exit(0)
