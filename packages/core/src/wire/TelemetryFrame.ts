/**
 * The frames between a device bridge and a server, over `/v1/telemetry`.
 *
 * The bridge opens with `Hello`. The server answers `Welcome` with the high-water mark of every incarnation
 * named, so that the bridge can drop what is stored already. Then `Chunk` frames go up in order, incarnation
 * by incarnation, and cumulative `Ack` frames come down after the commit. `Gap` frames stand where chunks are
 * missing for good. `Live` frames carry the newest readings at once; they are never stored, and what they say
 * arrives again in a chunk.
 *
 * The version of all frames stays 1 while they only grow: a decoder ignores fields behind those that it knows, and
 * a frame type that an older peer may not know is sent only when the peer named it in `speaks`. The whole protocol
 * is in `docs/protocol.md`.
 */
import * as Frame from "./Frame.ts"
import { pack } from "./Msgpack.ts"

/** What a peer may understand beyond the frames that were there from the beginning. Names that are unknown are ignored. */
export const features = {
  /** `Gap` frames. */
  gap: "gap",
  /** The credit of a welcome, and `Credit` frames. */
  credit: "credit",
} as const

/** A bridge's two clocks, read together: so that a wall clock that is wrong, or was set, can be told. */
export interface ClockReading {
  /** Random, and new whenever the monotonic clock starts anew: at most 64 characters. */
  readonly boot: string
  /** The wall clock, whole milliseconds since the epoch. */
  readonly wallMs: number
  /** The clock that never goes back, whole milliseconds since some moment of this boot. */
  readonly monotonicMs: number
}

export interface Hello {
  readonly _tag: "Hello"
  readonly deviceId: string
  readonly key: string
  /** Incarnations with chunks waiting, oldest first, each with its first waiting number. */
  readonly waiting: ReadonlyArray<{ readonly incarnation: string; readonly first: number }>
  /** The `features` that this bridge understands. */
  readonly speaks?: ReadonlyArray<string>
  /** The bridge's clocks now. */
  readonly clock?: ClockReading
}

export interface Welcome {
  readonly _tag: "Welcome"
  /** For each incarnation named in the hello: the greatest number stored. */
  readonly marks: ReadonlyArray<{ readonly incarnation: string; readonly mark: number }>
  /** How many chunks may be on their way without an acknowledgement. */
  readonly window: number
  /** The `features` that this server understands. */
  readonly speaks?: ReadonlyArray<string>
  /** So many bytes of chunk and gap frames may be sent, until a `Credit` says more. Absent: as many as the window allows. */
  readonly credit?: number
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
  /** The bridge's clocks when the chunk was appended. */
  readonly clock?: ClockReading
}

/** Nothing will come of chunks `first` to `last`. Takes their place, and is acknowledged like them, by `last`. */
export interface Gap {
  readonly _tag: "Gap"
  readonly incarnation: string
  readonly first: number
  readonly last: number
  /** How many samples are missing. */
  readonly samples: number
  /** The bridge's wall clock around what is missing, milliseconds since the epoch. */
  readonly fromMillis: number
  readonly toMillis: number
  /** `evicted`, `refused`, `damaged`, or what a later bridge says. */
  readonly reason: string
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
  /** Come again no sooner than after this long. */
  readonly retryAfterMillis?: number
}

/**
 * How many bytes of chunk and gap frames may be sent in all since the welcome, counted as encoded. It only grows.
 * A frame may be sent while less than that was: so the last one may go beyond it.
 */
export interface Credit {
  readonly _tag: "Credit"
  readonly bytes: number
}

/** Sent by either side when idle; the other echoes it. Silence for longer means a dead connection. */
export interface Heartbeat {
  readonly _tag: "Heartbeat"
  readonly echo: boolean
}

export type TelemetryFrame = Hello | Welcome | Chunk | Ack | Quarantined | Live | Problem | Heartbeat | Gap | Credit

const Type = {
  Hello: 1,
  Welcome: 2,
  Chunk: 3,
  Ack: 4,
  Quarantined: 5,
  Live: 6,
  Problem: 7,
  Heartbeat: 8,
  Gap: 9,
  Credit: 10,
} as const

const V = Frame.FRAME_VERSION

export const encode = (frame: TelemetryFrame): Uint8Array<ArrayBuffer> => {
  switch (frame._tag) {
    case "Hello": {
      const waiting = frame.waiting.map((w) => [w.incarnation, w.first])
      return packWith([V, Type.Hello, frame.deviceId, frame.key, waiting], [frame.speaks, clockFields(frame.clock)])
    }
    case "Welcome": {
      const marks = frame.marks.map((m) => [m.incarnation, m.mark])
      return packWith([V, Type.Welcome, marks, frame.window], [frame.speaks, frame.credit])
    }
    case "Chunk":
      return packWith([V, Type.Chunk, frame.incarnation, frame.n, frame.crc, frame.payload], [clockFields(frame.clock)])
    case "Ack":
      return pack([V, Type.Ack, frame.incarnation, frame.n])
    case "Quarantined":
      return pack([V, Type.Quarantined, frame.incarnation, frame.n, frame.reason])
    case "Live":
      return pack([V, Type.Live, frame.sensedAtMs, frame.payload])
    case "Problem":
      return packWith([V, Type.Problem, frame.code, frame.message], [frame.retryAfterMillis])
    case "Heartbeat":
      return pack([V, Type.Heartbeat, frame.echo])
    case "Gap": {
      const { incarnation, first, last, samples, fromMillis, toMillis, reason } = frame
      return pack([V, Type.Gap, incarnation, first, last, samples, fromMillis, toMillis, reason])
    }
    case "Credit":
      return pack([V, Type.Credit, frame.bytes])
  }
}

const clockFields = (clock: ClockReading | undefined): Frame.Fields | undefined =>
  clock === undefined ? undefined : [clock.boot, clock.wallMs, clock.monotonicMs]

/** The fields, then the optional ones up to the last that is there; nil stands for one that is not. */
const packWith = (fields: Frame.Fields, optional: Frame.Fields): Uint8Array<ArrayBuffer> => {
  const length = optional.findLastIndex((field) => field !== undefined) + 1
  return pack(length === 0 ? fields : [...fields, ...optional.slice(0, length)])
}

export const problemCodes: ReadonlyArray<string> = [
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

const isAbsent = (value: unknown): value is undefined | null => value === undefined || value === null

/** An optional field: nothing when it is absent, null when it is not what it should be. */
const optional = <Name extends string, A>(
  name: Name,
  value: unknown,
  read: (value: unknown) => A | null,
): { readonly [N in Name]?: A } | null => {
  if (isAbsent(value)) return {}
  const found = read(value)
  return found === null ? null : named(name, found)
}

const named = <Name extends string, A>(name: Name, value: A): { readonly [N in Name]?: A } => {
  const out: { [N in Name]?: A } = {}
  out[name] = value
  return out
}

const count = (value: unknown): number | null => (Frame.isCount(value) ? value : null)

const names = (value: unknown): ReadonlyArray<string> | null =>
  Array.isArray(value) && value.every(Frame.isString) ? value : null

/** The longest name of a boot, characters. */
const LONGEST_BOOT = 64

const clock = (value: unknown): ClockReading | null => {
  if (!Array.isArray(value)) return null
  const [boot, wallMs, monotonicMs]: Frame.Fields = value
  if (!Frame.isString(boot) || boot.length > LONGEST_BOOT) return null
  return Frame.isCount(wallMs) && Frame.isCount(monotonicMs) ? { boot, wallMs, monotonicMs } : null
}

/** The frame, or a `FrameError` that says why the bytes are none. Total: never throws. */
export const decode = (bytes: Uint8Array): TelemetryFrame | Frame.FrameError => {
  const opened = Frame.open(bytes)
  if ("_tag" in opened) return opened
  const [, , a, b, c, d, e, f, g] = opened.fields
  switch (opened.type) {
    case Type.Hello: {
      const waiting = pairs(c)
      const speaks = optional("speaks", d, names)
      const now = optional("clock", e, clock)
      if (!Frame.isString(a) || !Frame.isString(b) || waiting === null || speaks === null || now === null) break
      return {
        _tag: "Hello",
        deviceId: a,
        key: b,
        waiting: waiting.map(([incarnation, first]) => ({ incarnation, first })),
        ...speaks,
        ...now,
      }
    }
    case Type.Welcome: {
      const marks = pairs(a)
      const speaks = optional("speaks", c, names)
      const credit = optional("credit", d, count)
      if (marks === null || !Frame.isCount(b) || speaks === null || credit === null) break
      const named = marks.map(([incarnation, mark]) => ({ incarnation, mark }))
      return { _tag: "Welcome", marks: named, window: b, ...speaks, ...credit }
    }
    case Type.Chunk: {
      if (!Frame.isString(a) || !Frame.isCount(b) || !Frame.isCount(c) || !Frame.isBytes(d)) break
      const appended = optional("clock", e, clock)
      if (appended === null) break
      return { _tag: "Chunk", incarnation: a, n: b, crc: c, payload: d, ...appended }
    }
    case Type.Ack:
      if (!Frame.isString(a) || !Frame.isCount(b)) break
      return { _tag: "Ack", incarnation: a, n: b }
    case Type.Quarantined:
      if (!Frame.isString(a) || !Frame.isCount(b) || !Frame.isString(c)) break
      return { _tag: "Quarantined", incarnation: a, n: b, reason: c }
    case Type.Live:
      if (typeof a !== "number" || !Number.isFinite(a) || !Frame.isBytes(b)) break
      return { _tag: "Live", sensedAtMs: a, payload: b }
    case Type.Problem: {
      const retryAfter = optional("retryAfterMillis", c, count)
      if (!isProblemCode(a) || !Frame.isString(b) || retryAfter === null) break
      return { _tag: "Problem", code: a, message: b, ...retryAfter }
    }
    case Type.Heartbeat:
      if (typeof a !== "boolean") break
      return { _tag: "Heartbeat", echo: a }
    case Type.Gap:
      if (!Frame.isString(a) || !Frame.isCount(b) || !Frame.isCount(c) || !Frame.isCount(d)) break
      if (!Number.isSafeInteger(e) || typeof e !== "number" || !Number.isSafeInteger(f) || typeof f !== "number") break
      if (!Frame.isString(g) || b < 1 || c < b) break
      return {
        _tag: "Gap",
        incarnation: a,
        first: b,
        last: c,
        samples: d,
        fromMillis: e,
        toMillis: f,
        reason: g,
      }
    case Type.Credit:
      if (!Frame.isCount(a)) break
      return { _tag: "Credit", bytes: a }
    default:
      return Frame.frameError("unknown-type", `telemetry frame type ${opened.type}`)
  }
  return Frame.frameError("malformed", `the fields of telemetry frame type ${opened.type} are not what they should be`)
}
