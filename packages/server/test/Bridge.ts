/** A bridge's side of the telemetry wire, for tests: frames by hand, on a real socket. */
import { Bundle, crc32, type SensorKind, TelemetryFrame } from "@paceline/core/wire"
import { Effect } from "effect"
import { TestServer } from "./TestServer.ts"
import { TestSocket } from "./TestSocket.ts"

const decode = (bytes: Uint8Array): TelemetryFrame.TelemetryFrame => {
  const frame = TelemetryFrame.decode(bytes)
  if (frame._tag === "FrameError") throw new Error(frame.detail)
  return frame
}

export const block = (
  kind: SensorKind.SensorKind,
  samples: ReadonlyArray<readonly [atMs: number, value: number]>,
  sensor = "strap-01",
): Bundle.Block => ({
  sensor,
  kind,
  atMillis: samples.map(([atMs]) => atMs),
  values: samples.map(([, value]) => value),
})

/** A sample a second, from second `from` to before `to`. */
export const seconds = (from: number, to: number, value: number) =>
  Array.from({ length: to - from }, (_, i): readonly [number, number] => [(from + i) * 1000, value])

export const chunk = (n: number, blocks: Bundle.Bundle, incarnation = "run-1"): TelemetryFrame.Chunk => {
  const payload = Bundle.encode(blocks)
  return { _tag: "Chunk", incarnation, n, crc: crc32(payload), payload }
}

/** A chunk that only its number matters of. */
export const simple = (n: number, incarnation?: string) =>
  chunk(n, [block("power", [[n * 1000, 200 + n]])], incarnation)

export const live = (sensor: string, bpm: number, sensedAtMs = 1): TelemetryFrame.Live => ({
  _tag: "Live",
  sensedAtMs,
  payload: Bundle.encode([block("heartRate", [[sensedAtMs, bpm]], sensor)]),
})

/** A connection that has not said anything. */
export const connect = Effect.gen(function* () {
  const { url } = yield* TestServer
  const socket = yield* TestSocket.open(`${url}/v1/telemetry`, decode)
  return Object.assign(socket, {
    say: (frame: TelemetryFrame.TelemetryFrame) => socket.send(TelemetryFrame.encode(frame)),
  })
})

/** A connection that was welcomed. */
export const greet = (
  device: { readonly deviceId: string; readonly key: string },
  waiting: TelemetryFrame.Hello["waiting"] = [],
) =>
  Effect.gen(function* () {
    const bridge = yield* connect
    bridge.say({ _tag: "Hello", deviceId: device.deviceId, key: device.key, waiting })
    const welcome = yield* bridge.next
    if (welcome._tag !== "Welcome") throw new Error(JSON.stringify(welcome))
    return { bridge, welcome }
  })
