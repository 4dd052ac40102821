/**
 * Chooses what the next connection goes over: a WebSocket, or HTTP requests where something on the way (a proxy, a
 * firewall) lets no WebSocket through.
 *
 * After a few WebSockets in a row that never got to a welcome, HTTP is tried. Where that works, it is used, and the
 * WebSocket is tried again now and then. Where neither works it is the server or the network that is away, and both
 * are tried in turn.
 */
import type { DeliveryLimits, Transport } from "./Protocol.ts"

export interface Choice {
  /** WebSockets in a row that failed before a welcome. */
  readonly blocked: number
  /** HTTP works where WebSockets did not: when to try one again. Null while that is not known. */
  readonly webSocketAt: number | null
}

export const initial: Choice = { blocked: 0, webSocketAt: null }

export const next = ({ blocked, webSocketAt }: Choice, now: number, limits: DeliveryLimits): Transport => {
  if (webSocketAt !== null) return now >= webSocketAt ? "websocket" : "http"
  return blocked >= limits.webSocketFailures ? "http" : "websocket"
}

/** The server welcomed this device. */
export const welcomed = (
  choice: Choice,
  transport: Transport,
  now: number,
  random: number,
  limits: DeliveryLimits,
): Choice => {
  if (transport === "websocket") return initial
  return { ...choice, webSocketAt: choice.webSocketAt ?? retryAt(now, random, limits) }
}

/** Nobody answered before there was a welcome. */
export const failed = (
  { blocked, webSocketAt }: Choice,
  transport: Transport,
  now: number,
  random: number,
  limits: DeliveryLimits,
): Choice => {
  // HTTP does not work either, so nothing is known of what is in the way.
  if (transport === "http") return { blocked: limits.webSocketFailures - 1, webSocketAt: null }
  return { blocked: blocked + 1, webSocketAt: webSocketAt === null ? null : retryAt(now, random, limits) }
}

/** A fleet that lost its WebSockets together does not try them again together. */
const retryAt = (now: number, random: number, limits: DeliveryLimits): number =>
  now + limits.retryWebSocketMillis * (0.75 + random / 2)
