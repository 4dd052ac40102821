/**
 * A WebSocket as the delivery needs it, over whichever implementation the host has: the package `ws` on Node
 * (loaded only there), the host's own everywhere else.
 */

export interface Connection {
  /** Throws when the connection is gone. */
  send(bytes: Uint8Array<ArrayBuffer>): void
  /** Bytes that were sent and have not left this process. */
  readonly bufferedBytes: number
  /** Ends it at once, without waiting for the other side. */
  hangUp(): void
}

export interface ConnectionEvents {
  readonly opened: () => void
  /** A message; null for one that is text, of which this protocol has none. */
  readonly received: (bytes: Uint8Array | null) => void
  /** It failed or ended; the last event. `retryAfterMillis`: the server answered that it takes no connection now. */
  readonly lost: (reason: string, retryAfterMillis?: number) => void
}

/** Starts to connect. Failing later is an event; failing now may throw or reject. */
export type Dial = (url: string, events: ConnectionEvents) => Connection | Promise<Connection>

/** How this host dials. */
export const standardDial: Dial = (url, events) => (runsOnNode() ? dialWs(url, events) : dialHost(url, events))

/** Frames from a server are small; one beyond this, in bytes, ends the connection. */
const MAX_FRAME_BYTES = 1024 * 1024

const runsOnNode = (): boolean =>
  typeof process !== "undefined" && process.versions["node"] !== undefined && process.versions["bun"] === undefined

const dialWs: Dial = async (url, events) => {
  const { default: WebSocket } = await import("ws")
  const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: MAX_FRAME_BYTES })
  socket.binaryType = "arraybuffer"
  let failure: string | null = null
  let retryAfterMillis: number | undefined
  socket.on("open", events.opened)
  socket.on("message", (data, isBinary) =>
    events.received(isBinary && data instanceof ArrayBuffer ? new Uint8Array(data) : null),
  )
  socket.on("error", (error) => {
    failure ??= error.message
  })
  socket.on("unexpected-response", (_request, { headers, statusCode = 0 }) => {
    failure = `it was answered with HTTP ${statusCode}`
    retryAfterMillis = retryAfterOf(statusCode, headers["retry-after"])
    // Whoever listens for this ends it; what comes of that says less than the status.
    socket.terminate()
  })
  socket.on("close", (code, reason) => events.lost(failure ?? closing(code, reason.toString()), retryAfterMillis))
  return {
    send: (bytes) => {
      if (socket.readyState !== socket.OPEN) throw new Error("the connection is not open")
      socket.send(bytes)
    },
    get bufferedBytes() {
      return socket.bufferedAmount
    },
    hangUp: () => socket.terminate(),
  }
}

const dialHost: Dial = (url, events) => {
  const socket = new WebSocket(url)
  socket.binaryType = "arraybuffer"
  socket.addEventListener("open", events.opened)
  socket.addEventListener("message", ({ data }: MessageEvent<unknown>) =>
    events.received(data instanceof ArrayBuffer ? new Uint8Array(data) : null),
  )
  let failure: string | null = null
  socket.addEventListener("error", (event) => {
    // Browsers keep the reason to themselves.
    if (!("message" in event) || typeof event.message !== "string" || event.message === "") return
    failure = event.message.replace(/^WebSocket connection to .* failed: /, "")
  })
  socket.addEventListener("close", ({ code, reason }) => events.lost(failure ?? closing(code, reason)))
  return {
    send: (bytes) => {
      if (socket.readyState !== socket.OPEN) throw new Error("the connection is not open")
      socket.send(bytes)
    },
    get bufferedBytes() {
      return socket.bufferedAmount
    },
    // Browsers know no other way; where there is one, a dead server need not be waited for.
    hangUp: () => {
      if ("terminate" in socket && typeof socket.terminate === "function") socket.terminate()
      else socket.close()
    },
  }
}

/** What a refusal for now says of when to come again, in milliseconds; nothing for any other answer. */
export const retryAfterOf = (status: number, header: string | null | undefined): number | undefined => {
  if (status !== 429 && status !== 503) return undefined
  const seconds = Number.parseInt(header ?? "", 10)
  return Number.isSafeInteger(seconds) && seconds >= 0 ? seconds * 1_000 : 0
}

/** The code of a connection that ended without a closing handshake (RFC 6455, section 7.1.5). */
const ABNORMAL = 1006

const closing = (code: number, reason: string): string => {
  if (code === ABNORMAL) return "nobody answers, or the line was cut"
  return `it was closed with code ${code}${reason === "" ? "" : ` (${reason})`}`
}
