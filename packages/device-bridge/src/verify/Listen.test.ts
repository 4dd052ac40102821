/** The door outlives whatever comes through it. */
import { once } from "node:events"
import { connect } from "node:net"
import { expect, test } from "vitest"
import { listen } from "./Listen.ts"
import { SimulatedServer } from "./SimulatedServer.ts"

/** Sends the beginning of a request, and cuts the line before the rest of its body. */
const cutRequest = async (port: number): Promise<void> => {
  const socket = connect(port, "127.0.0.1")
  await once(socket, "connect")
  await new Promise((resolve) =>
    socket.write("POST /v1/telemetry HTTP/1.1\r\nhost: door\r\ncontent-length: 100\r\n\r\n0123456789", resolve),
  )
  // The next request on a line of its own is answered only after the door has read this beginning.
  await fetch(`http://127.0.0.1:${port}/`)
  socket.resetAndDestroy()
  await once(socket, "close")
}

test("a request that is cut in its body is nothing, and the next one is answered", async () => {
  const unhandled: Array<unknown> = []
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason)
  process.on("unhandledRejection", onUnhandled)
  const door = await listen(new SimulatedServer())
  try {
    await cutRequest(door.port)
    await cutRequest(door.port)
    const answer = await fetch(`http://127.0.0.1:${door.port}/v1/telemetry`, { method: "POST", body: new Uint8Array() })
    await answer.arrayBuffer()
    await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).toEqual([])
    expect(door.requests).toBeLessThanOrEqual(1)
  } finally {
    await door.close()
    process.off("unhandledRejection", onUnhandled)
  }
})
