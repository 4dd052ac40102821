/** What the delivery's state machine speaks of: its limits, what it is told, and what it wants done. */
import { Backoff } from "@paceline/core/kernel"
import type { FrameError, TelemetryFrame } from "@paceline/core/wire"
import type { Position } from "../buffer/ChunkBuffer.ts"

/** The limits of a delivery. All times in milliseconds. */
export interface DeliveryLimits {
  /** Between attempts to connect: full jitter. */
  readonly backoff: Backoff.Backoff
  /** Silence in either direction after which a heartbeat is sent. */
  readonly heartbeatMillis: number
  /** Silence from the server after which the connection is dead. Also how long connecting and greeting may take. */
  readonly deadMillis: number
  /** How long chunks may be on their way without any acknowledgement moving. */
  readonly ackMillis: number
  /** A connection that lasted this long starts the backoff anew when it ends. */
  readonly steadyMillis: number
  /** Live frames are at least this far apart. */
  readonly liveMillis: number
  /** How soon to try again when the socket takes no more. */
  readonly congestedMillis: number
  /** An acknowledgement that takes longer than this means that too much is queued on the way. */
  readonly queuedMillis: number
  /** Bounds of how many bytes of chunks may be on their way; see `SendBudget`. */
  readonly minBudgetBytes: number
  readonly maxBudgetBytes: number
  /** Bound of the server's window: how many unacknowledged chunks this side keeps track of. */
  readonly maxInFlight: number
  /** The longest that a server's word of when to come again is believed. */
  readonly maxRetryAfterMillis: number
  /** After so many WebSockets in a row that got to no welcome, HTTP is tried; `Infinity` for never. */
  readonly webSocketFailures: number
  /** How long HTTP is used before a WebSocket is tried again, give or take a quarter. */
  readonly retryWebSocketMillis: number
  /** Over HTTP, where each is a request, live frames are at least this far apart. */
  readonly httpLiveMillis: number
  /** In low power: how long chunks are gathered between connections, or until they have so many bytes. */
  readonly gatherMillis: number
  readonly gatherBytes: number
}

export const standardLimits: DeliveryLimits = {
  backoff: Backoff.standard,
  heartbeatMillis: 5_000,
  deadMillis: 12_000,
  ackMillis: 20_000,
  steadyMillis: 10_000,
  liveMillis: 100,
  congestedMillis: 20,
  queuedMillis: 200,
  minBudgetBytes: 32 * 1024,
  maxBudgetBytes: 1024 * 1024,
  maxInFlight: 256,
  maxRetryAfterMillis: 600_000,
  webSocketFailures: 3,
  retryWebSocketMillis: 300_000,
  httpLiveMillis: 1_000,
  gatherMillis: 60_000,
  gatherBytes: 64 * 1024,
}

/** What a connection goes over. */
export type Transport = "websocket" | "http"

/** `low`: upload seldom and in one go, with no connection in between, and nothing live. Durability is the same. */
export type Power = "normal" | "low"

/**
 * `unreachable`: no connection; `dead`: it went silent; `protocol`: the server said what it must not; `no-key`: whoever
 * was asked for the key did not give one.
 */
export type ProblemCode = TelemetryFrame.ProblemCode | "unreachable" | "dead" | "protocol" | "no-key"

/** Why the last connection ended, for people. */
export interface Problem {
  readonly code: ProblemCode
  readonly message: string
  /** How long the server asked to be left alone. */
  readonly retryAfterMillis?: number
}

export interface Identity {
  readonly incarnation: string
  readonly n: number
}

/** A chunk or gap that went out: its (last) number, where it stands in the buffer, and the length of its frame. */
export type SentChunk = Identity & Position & { readonly bytes: number }

/** What the machine is told. Those of a connection carry its number, so that a late word of an old one is known. */
export type Input =
  | { readonly _tag: "Start" }
  | { readonly _tag: "Stop" }
  | { readonly _tag: "Tick" }
  | { readonly _tag: "Opened"; readonly connection: number }
  /** The hello went out; `own` is this opening's incarnation and the last number appended in it. */
  | { readonly _tag: "Greeted"; readonly connection: number; readonly own: Identity | null }
  | {
      readonly _tag: "Received"
      readonly connection: number
      readonly frame: TelemetryFrame.TelemetryFrame | FrameError
    }
  | {
      readonly _tag: "Lost"
      readonly connection: number
      readonly reason: string
      readonly code?: "unavailable" | "no-key"
      readonly retryAfterMillis?: number
    }
  /** The buffer has something new; so many bytes wait in it now. */
  | { readonly _tag: "Appended"; readonly waitingBytes: number }
  /** What went out, in answer to `SendChunks`. */
  | {
      readonly _tag: "Sent"
      readonly connection: number
      readonly chunks: ReadonlyArray<SentChunk>
      /** The socket would take no more. */
      readonly congested: boolean
      /** Nothing is left in the buffer behind them. */
      readonly drained: boolean
      /** Next in the buffer stands a gap, which this server has no frame for. */
      readonly untellable?: Identity
    }
  /** How much power there is for connections. */
  | { readonly _tag: "Power"; readonly power: Power }
  /** Somebody waits for what is in the buffer to be delivered. */
  | { readonly _tag: "Hurry" }
  /** There is a newer reading for those who watch live. */
  | { readonly _tag: "Sensed" }

/** What the machine wants done, at once and in order, on the connection that it is about. */
export type Command =
  | { readonly _tag: "Dial"; readonly connection: number; readonly transport: Transport }
  | { readonly _tag: "HangUp" }
  | { readonly _tag: "SendHello" }
  /**
   * Up to `limit` chunks and gaps that come after `after` in the buffer, and no more once their frames have
   * `budgetBytes` or more; answered by `Sent`. Without `gaps` it stops before the first gap.
   */
  | {
      readonly _tag: "SendChunks"
      readonly after: Position | null
      readonly limit: number
      readonly budgetBytes: number
      readonly gaps: boolean
    }
  | { readonly _tag: "SendLive" }
  | { readonly _tag: "SendHeartbeat"; readonly echo: boolean }
  | { readonly _tag: "Acknowledge"; readonly incarnation: string; readonly n: number }
  | { readonly _tag: "Quarantine"; readonly incarnation: string; readonly n: number; readonly reason: string }
