/**
 * Dials a server that answers upgrades with 503 and requests with a welcome, and again when it is gone; prints what each
 * transport said.
 */
import { createServer } from "node:http"
import { FrameSequence, TelemetryFrame } from "@paceline/core/wire"
import { standardDial } from "../../src/delivery/Connection.ts"
import { dialHttp } from "../../src/delivery/HttpConnection.ts"

const server = createServer((_request, response) => {
  response.setHeader("content-type", FrameSequence.CONTENT_TYPE)
  response.end(FrameSequence.join([TelemetryFrame.encode({ _tag: "Welcome", marks: [], window: 3 })]))
})
server.on("upgrade", (_request, socket) => {
  socket.end("HTTP/1.1 503 Service Unavailable\r\nretry-after: 4\r\ncontent-length: 0\r\n\r\n")
})
server.listen(0, "127.0.0.1", async () => {
  const address = server.address()
  const url = `ws://127.0.0.1:${typeof address === "object" ? address?.port : 0}/v1/telemetry`
  await new Promise<void>((resolve) => {
    const lost = (reason: string, retryAfterMillis?: number): void => {
      console.log(`${reason} ${retryAfterMillis}`)
      resolve()
    }
    void standardDial(url, { opened: () => {}, received: () => {}, lost })
  })
  const line = await dialHttp(url, {
    opened: () => line.send(TelemetryFrame.encode({ _tag: "Hello", deviceId: "d", key: "k", waiting: [] })),
    received: (bytes) => {
      console.log(bytes === null ? "text" : TelemetryFrame.decode(bytes)._tag)
      line.hangUp()
      server.close(() => void nobody(url))
      server.closeAllConnections()
    },
    lost: (reason) => console.log(reason),
  })
})

const nobody = async (url: string): Promise<void> => {
  const line = await dialHttp(url, {
    opened: () => line.send(TelemetryFrame.encode({ _tag: "Hello", deviceId: "d", key: "k", waiting: [] })),
    received: () => {},
    lost: (reason) => {
      console.log(reason)
      process.exit(0)
    },
  })
}
