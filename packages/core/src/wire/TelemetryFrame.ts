/**
 * The frames between a device bridge and a server, over `/v1/telemetry`.
 *
 * The bridge opens with `Hello`. The server answers `Welcome` with the high-water mark of every incarnation
 * named, so that the bridge can drop what is stored already. Then `Chunk` frames go up in order, incarnation
 * by incarnation, and cumulative `Ack` frames come down after the commit. `Live` frames carry the newest
 * readings at once; they are never stored, and what they say arrives again in a chunk.
 */
import * as Frame from "./Frame.ts"
import { pack } from "./Msgpack.ts"

export interface Hello {
  readonly _tag: "Hello"
  readonly deviceId: string
  readonly key: string
  /** Incarnations with chunks waiting, oldest first, each with its first waiting number. */
  readonly waiting: ReadonlyArray<{ readonly incarnation: string; readonly first: number }>
}

export interface Welcome {
  readonly _tag: "Welcome"
  /** For each incarnation named in the hello: the greatest number stored. */
  readonly marks: ReadonlyArray<{ readonly incarnation: string; readonly mark: number }>
  /** How many chunks may be on their way without an acknowledgement. */
  readonly window: number
}

export interface Chunk {
  readonly _tag: "Chunk"
  readonly incarnation: string
  /** 1, 2, 3 … within the incarnation; fixed when the chunk was appended. */
  readonly n: number
  /** CRC-32 of `payload`, taken when the chunk was appended. */
  readonly crc: number
  /** An encoded bundle, see `Bundle`. */
  readonly payload: Uint8Array
}

/** All chunks of the incarnation up to and with `n` are durable. */
export interface Ack {
  readonly _tag: "Ack"
  readonly incarnation: string
  readonly n: number
}

/** The chunk was set aside: it counts as received, but its samples could not be read. Keep your copy. */
export interface Quarantined {
  readonly _tag: "Quarantined"
  readonly incarnation: string
  readonly n: number
  readonly reason: string
}

export interface Live {
  readonly _tag: "Live"
  /** The bridge's wall clock when the newest reading arrived, milliseconds since the epoch. */
  readonly sensedAtMs: number
  /** An encoded bundle, see `Bundle`. */
  readonly payload: Uint8Array
}

export type ProblemCode =
  | "unknown-version"
  | "malformed"
  | "unauthorized"
  | "out-of-order"
  | "unavailable"
  | "superseded"

/** Something was refused. `unauthorized` and `unknown-version` end the connection; nothing waiting is lost. */
export interface Problem {
  readonly _tag: "Problem"
  readonly code: ProblemCode
  readonly message: string
}

/** Sent by either side when idle; the other echoes it. Silence for longer means a dead connection. */
export interface Heartbeat {
  readonly _tag: "Heartbeat"
  readonly echo: boolean
}

export type TelemetryFrame = Hello | Welcome | Chunk | Ack | Quarantined | Live | Problem | Heartbeat

const Type = { Hello: 1, Welcome: 2, Chunk: 3, Ack: 4, Quarantined: 5, Live: 6, Problem: 7, Heartbeat: 8 } as const

const V = Frame.FRAME_VERSION

export const encode = (frame: TelemetryFrame): Uint8Array<ArrayBuffer> => {
  switch (frame._tag) {
    case "Hello":
      return pack([V, Type.Hello, frame.deviceId, frame.key, frame.waiting.map((w) => [w.incarnation, w.first])])
    case "Welcome":
      return pack([V, Type.Welcome, frame.marks.map((m) => [m.incarnation, m.mark]), frame.window])
    case "Chunk":
      return pack([V, Type.Chunk, frame.incarnation, frame.n, frame.crc, frame.payload])
    case "Ack":
      return pack([V, Type.Ack, frame.incarnation, frame.n])
    case "Quarantined":
      return pack([V, Type.Quarantined, frame.incarnation, frame.n, frame.reason])
    case "Live":
      return pack([V, Type.Live, frame.sensedAtMs, frame.payload])
    case "Problem":
      return pack([V, Type.Problem, frame.code, frame.message])
    case "Heartbeat":
      return pack([V, Type.Heartbeat, frame.echo])
  }
}

const problemCodes: ReadonlyArray<string> = [
  "unknown-version",
  "malformed",
  "unauthorized",
  "out-of-order",
  "unavailable",
  "superseded",
] satisfies ReadonlyArray<ProblemCode>

const isProblemCode = (value: unknown): value is ProblemCode => Frame.isString(value) && problemCodes.includes(value)

/** Pairs `[incarnation, number]`, or null when the field is anything else. */
const pairs = (value: unknown): ReadonlyArray<readonly [string, number]> | null => {
  if (!Array.isArray(value)) return null
  const out: Array<readonly [string, number]> = []
  for (const pair of value) {
    if (!Array.isArray(pair)) return null
    const [incarnation, n]: ReadonlyArray<unknown> = pair
    if (!Frame.isString(incarnation) || !Frame.isCount(n)) return null
    out.push([incarnation, n])
  }
  return out
}

/** The frame, or a `FrameError` that says why the bytes are none. Total: never throws. */
export const decode = (bytes: Uint8Array): TelemetryFrame | Frame.FrameError => {
  const opened = Frame.open(bytes)
  if ("_tag" in opened) return opened
  const [, , a, b, c, d] = opened.fields
  switch (opened.type) {
    case Type.Hello: {
      const waiting = pairs(c)
      if (!Frame.isString(a) || !Frame.isString(b) || waiting === null) break
      return {
        _tag: "Hello",
        deviceId: a,
        key: b,
        waiting: waiting.map(([incarnation, first]) => ({ incarnation, first })),
      }
    }
    case Type.Welcome: {
      const marks = pairs(a)
      if (marks === null || !Frame.isCount(b)) break
      return { _tag: "Welcome", marks: marks.map(([incarnation, mark]) => ({ incarnation, mark })), window: b }
    }
    case Type.Chunk:
      if (!Frame.isString(a) || !Frame.isCount(b) || !Frame.isCount(c) || !Frame.isBytes(d)) break
      return { _tag: "Chunk", incarnation: a, n: b, crc: c, payload: d }
    case Type.Ack:
      if (!Frame.isString(a) || !Frame.isCount(b)) break
      return { _tag: "Ack", incarnation: a, n: b }
    case Type.Quarantined:
      if (!Frame.isString(a) || !Frame.isCount(b) || !Frame.isString(c)) break
      return { _tag: "Quarantined", incarnation: a, n: b, reason: c }
    case Type.Live:
      if (typeof a !== "number" || !Number.isFinite(a) || !Frame.isBytes(b)) break
      return { _tag: "Live", sensedAtMs: a, payload: b }
    case Type.Problem:
      if (!isProblemCode(a) || !Frame.isString(b)) break
      return { _tag: "Problem", code: a, message: b }
    case Type.Heartbeat:
      if (typeof a !== "boolean") break
      return { _tag: "Heartbeat", echo: a }
    default:
      return Frame.frameError("unknown-type", `telemetry frame type ${opened.type}`)
  }
  return Frame.frameError("malformed", `the fields of telemetry frame type ${opened.type} are not what they should be`)
}
