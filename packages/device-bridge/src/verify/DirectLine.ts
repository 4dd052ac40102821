/**
 * A line from a bridge to a simulated server in the same process, without a socket between: for checks in which the
 * network is not the question, and that run thousands of times.
 *
 * @example
 * const bridge = openBridge({ …, url: "ws://nowhere", dial: directLine(server) })
 */
import type { Dial } from "../delivery/Connection.ts"
import type { Line, SimulatedServer } from "./SimulatedServer.ts"

/** Dials the server; each side hears the other in a turn of its own, as with a socket. */
export const directLine =
  (server: SimulatedServer): Dial =>
  (_url, events) => {
    let open = true
    const lose = (reason: string): void => {
      if (!open) return
      open = false
      server.left(line)
      queueMicrotask(() => events.lost(reason))
    }
    const line: Line = {
      send: (bytes) => queueMicrotask(() => open && events.received(bytes)),
      close: () => lose("the server closed it"),
      terminate: () => lose("the server is gone"),
    }
    server.joined(line)
    // Not before whoever dialled has the line in hand.
    setTimeout(() => open && events.opened(), 0)
    return {
      send: (bytes) => {
        if (!open) throw new Error("the connection is not open")
        queueMicrotask(() => open && server.received(line, bytes))
      },
      bufferedBytes: 0,
      hangUp: () => lose("this side hung up"),
    }
  }
