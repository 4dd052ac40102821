/**
 * The least that live fan-out can cost, as a program: a Bun server that takes readings from one socket and publishes each
 * to all others. It prints its URL.
 *
 * It takes the same frames and sends the same: a heart rate becomes a tile of one athlete. It keeps nothing, checks
 * nothing, and knows nobody.
 */
import { Bundle, LiveFrame, TelemetryFrame } from "@paceline/core/wire"

const TOPIC = "live"
let seq = 0

const frameOf = (channel: string, heartRateBpm: number) => {
  const after = seq++
  const tile = {
    athleteId: "athlete-1",
    alias: "Athlete 0",
    heartRateBpm,
    percentOfMax: 70,
    zone: 3,
    heartRateVisible: true,
    contact: "live",
    effortPoints: 0,
  }
  const entries = [["athlete-1", tile]] as const
  return LiveFrame.encode({ _tag: "Changes", channel, epoch: "bare", after, to: seq, head: seq, entries })
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("a WebSocket door", { status: 426 })),
  websocket: {
    message: (socket, message) => {
      if (typeof message === "string") return
      const frame = TelemetryFrame.decode(message)
      if (frame._tag === "Hello") {
        socket.sendBinary(TelemetryFrame.encode({ _tag: "Welcome", marks: [], window: 64 }))
      } else if (frame._tag === "Live") {
        const bundle = Bundle.decode(frame.payload)
        if (!("_tag" in bundle)) server.publish(TOPIC, frameOf(TOPIC, bundle[0]?.values[0] ?? 0))
      } else {
        socket.subscribe(TOPIC)
        const at = { epoch: "bare", seq }
        socket.sendBinary(LiveFrame.encode({ _tag: "Snapshot", channel: TOPIC, at, entries: [] }))
      }
    },
  },
})
console.log(`ws://127.0.0.1:${server.port}/`)
