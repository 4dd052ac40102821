/**
 * The door of a simulated server on a real port, on Node and Bun: WebSockets and the same protocol over HTTP requests.
 *
 * What stands between bridge and server can misbehave too: it may block WebSockets, as some proxies do, or answer
 * requests with a status of its own.
 *
 * @example
 * const door = await listen(new SimulatedServer())
 * openBridge({ url: door.url, … })
 * await door.close()
 */
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { FrameSequence } from "@paceline/core/wire"
import { type WebSocket, WebSocketServer } from "ws"
import type { Line, SimulatedServer } from "./SimulatedServer.ts"

export interface Door {
  readonly port: number
  readonly url: string
  /** No WebSocket gets through while this is true. */
  blocksWebSockets: boolean
  /** Every request is answered with this status instead, to come again after so many seconds; null for none. */
  refuses: { readonly status: number; readonly retryAfterSeconds: number } | null
  /** Requests that were refused so far, with the time, milliseconds since the epoch. */
  readonly refusedAt: ReadonlyArray<number>
  /** Requests over HTTP that were answered. */
  readonly requests: number
  close(): Promise<void>
}

const PATH = "/v1/telemetry"

/** More than this of one request is not read. */
const MAX_BODY_BYTES = 1024 * 1024

const open: Pick<Door, "refuses"> = { refuses: null }

/** @param port 0 for any that is free */
export const listen = async (server: SimulatedServer, port = 0, host = "127.0.0.1"): Promise<Door> => {
  const refusedAt: Array<number> = []
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_BODY_BYTES, perMessageDeflate: false })
  const http = createServer((request, response) => void answerRequest(request, response))
  const door = { blocksWebSockets: false, ...open, requests: 0 }

  const answerRequest = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (door.refuses !== null) {
      refusedAt.push(Date.now())
      const { retryAfterSeconds, status } = door.refuses
      request.resume()
      response.writeHead(status, { "retry-after": `${retryAfterSeconds}` }).end()
      return
    }
    const frames = request.method === "POST" && request.url === PATH ? await framesOf(request) : null
    if (frames === null) {
      response.writeHead(404).end()
      return
    }
    door.requests++
    const said: Array<Uint8Array> = []
    const line: Line = { send: (bytes) => void said.push(bytes), close: () => {}, terminate: () => request.destroy() }
    server.joined(line)
    for (const frame of frames) server.received(line, frame)
    server.left(line)
    response.writeHead(200, { "content-type": FrameSequence.CONTENT_TYPE }).end(FrameSequence.join(said))
  }

  http.on("upgrade", (request, socket, head) => {
    if (door.blocksWebSockets || request.url !== PATH) {
      socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
      return
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => join(server, webSocket))
  })
  http.listen(port, host)
  await once(http, "listening")
  const address = http.address()
  const bound = typeof address === "object" && address !== null ? address.port : port
  const own: Pick<Door, "port" | "url" | "refusedAt" | "close"> = {
    port: bound,
    url: `ws://${host}:${bound}`,
    refusedAt,
    close: async () => {
      server.dropAll()
      for (const webSocket of sockets.clients) webSocket.terminate()
      http.closeAllConnections()
      await new Promise<void>((resolve) => void http.close(() => resolve()))
    },
  }
  return Object.assign(door, own)
}

const join = (server: SimulatedServer, webSocket: WebSocket): void => {
  const line: Line = {
    send: (bytes) => webSocket.readyState === webSocket.OPEN && webSocket.send(bytes),
    close: () => webSocket.close(),
    terminate: () => webSocket.terminate(),
  }
  server.joined(line)
  webSocket.on("message", (data, isBinary) => server.received(line, isBinary ? bytesOf(data) : null))
  webSocket.on("close", () => server.left(line))
  webSocket.on("error", () => server.left(line))
}

const bytesOf = (data: Buffer | ArrayBuffer | Array<Buffer>): Uint8Array =>
  new Uint8Array(Array.isArray(data) ? Buffer.concat(data) : data)

/** The frames of a request; null when it has none, or was cut before it was whole. */
const framesOf = async (request: IncomingMessage): Promise<ReadonlyArray<Uint8Array> | null> => {
  const pieces: Array<Buffer> = []
  let size = 0
  try {
    for await (const piece of request) {
      if (!(piece instanceof Uint8Array)) return null
      size += piece.length
      if (size > MAX_BODY_BYTES) return null
      pieces.push(Buffer.from(piece))
    }
  } catch {
    return null
  }
  return FrameSequence.split(new Uint8Array(Buffer.concat(pieces)))
}
