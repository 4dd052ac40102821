/**
 * The frames between a server and a watcher, over `/v1/live`.
 *
 * A *channel* is a keyed set of values that changes: the tiles of a class, its leaderboard. Every change has a
 * position `(epoch, seq)`; the epoch names one run of the channel (a new one after the server restarts), the
 * sequence counts its changes without gaps. A watcher that comes late gets a `Snapshot`; one that comes back
 * with a position the server still remembers gets only the `Changes` after it. Each frame says how far the
 * server is (`head`), so a watcher knows whether it has caught up.
 */
import * as Frame from "./Frame.ts"
import { pack } from "./Msgpack.ts"

export interface Position {
  readonly epoch: string
  readonly seq: number
}

/** A key and its value now; `null` means that the key is gone. Values are plain JSON-like data. */
export type Entry = readonly [key: string, value: unknown]

export interface Subscribe {
  readonly _tag: "Subscribe"
  readonly channel: string
  /** Where the watcher stands, or null when it has nothing. */
  readonly after: Position | null
}

export interface Unsubscribe {
  readonly _tag: "Unsubscribe"
  readonly channel: string
}

/** All of the channel at `at`: forget what you had. */
export interface Snapshot {
  readonly _tag: "Snapshot"
  readonly channel: string
  readonly at: Position
  readonly entries: ReadonlyArray<Entry>
}

/** What changed in `(after, to]`, only the last value of each key. Apply it only when you stand at `after`. */
export interface Changes {
  readonly _tag: "Changes"
  readonly channel: string
  readonly epoch: string
  readonly after: number
  readonly to: number
  /** The server's own last sequence number when it sent this. */
  readonly head: number
  readonly entries: ReadonlyArray<Entry>
}

export type ProblemCode = "unknown-version" | "malformed" | "unknown-channel" | "too-many-channels" | "unavailable"

export interface Problem {
  readonly _tag: "Problem"
  readonly code: ProblemCode
  readonly message: string
  readonly channel: string | null
}

/** Sent by the server when it has nothing else to say; echoed by the watcher. */
export interface Heartbeat {
  readonly _tag: "Heartbeat"
  readonly echo: boolean
}

export type LiveFrame = Subscribe | Unsubscribe | Snapshot | Changes | Problem | Heartbeat

const Type = { Subscribe: 1, Unsubscribe: 2, Snapshot: 3, Changes: 4, Problem: 7, Heartbeat: 8 } as const

const V = Frame.FRAME_VERSION

export const encode = (frame: LiveFrame): Uint8Array<ArrayBuffer> => {
  switch (frame._tag) {
    case "Subscribe":
      return pack([
        V,
        Type.Subscribe,
        frame.channel,
        frame.after === null ? null : [frame.after.epoch, frame.after.seq],
      ])
    case "Unsubscribe":
      return pack([V, Type.Unsubscribe, frame.channel])
    case "Snapshot":
      return pack([V, Type.Snapshot, frame.channel, [frame.at.epoch, frame.at.seq], frame.entries])
    case "Changes":
      return pack([V, Type.Changes, frame.channel, frame.epoch, frame.after, frame.to, frame.head, frame.entries])
    case "Problem":
      return pack([V, Type.Problem, frame.code, frame.message, frame.channel])
    case "Heartbeat":
      return pack([V, Type.Heartbeat, frame.echo])
  }
}

const problemCodes: ReadonlyArray<string> = [
  "unknown-version",
  "malformed",
  "unknown-channel",
  "too-many-channels",
  "unavailable",
] satisfies ReadonlyArray<ProblemCode>

const isProblemCode = (value: unknown): value is ProblemCode => Frame.isString(value) && problemCodes.includes(value)

const position = (value: unknown): Position | null => {
  if (!Array.isArray(value)) return null
  const [epoch, seq]: ReadonlyArray<unknown> = value
  return Frame.isString(epoch) && Frame.isCount(seq) ? { epoch, seq } : null
}

const entries = (value: unknown): ReadonlyArray<Entry> | null => {
  if (!Array.isArray(value)) return null
  const out: Array<Entry> = []
  for (const pair of value) {
    if (!Array.isArray(pair)) return null
    const [key, entry]: ReadonlyArray<unknown> = pair
    if (!Frame.isString(key)) return null
    out.push([key, entry ?? null])
  }
  return out
}

/** The frame, or a `FrameError` that says why the bytes are none. Total: never throws. */
export const decode = (bytes: Uint8Array): LiveFrame | Frame.FrameError => {
  const opened = Frame.open(bytes)
  if ("_tag" in opened) return opened
  const [, , a, b, c, d, e, f] = opened.fields
  switch (opened.type) {
    case Type.Subscribe: {
      const after = position(b)
      if (!Frame.isString(a) || (after === null && b !== null)) break
      return { _tag: "Subscribe", channel: a, after }
    }
    case Type.Unsubscribe:
      if (!Frame.isString(a)) break
      return { _tag: "Unsubscribe", channel: a }
    case Type.Snapshot: {
      const at = position(b)
      const all = entries(c)
      if (!Frame.isString(a) || at === null || all === null) break
      return { _tag: "Snapshot", channel: a, at, entries: all }
    }
    case Type.Changes: {
      const all = entries(f)
      if (!Frame.isString(a) || !Frame.isString(b) || all === null) break
      if (!Frame.isCount(c) || !Frame.isCount(d) || !Frame.isCount(e)) break
      return { _tag: "Changes", channel: a, epoch: b, after: c, to: d, head: e, entries: all }
    }
    case Type.Problem:
      if (!isProblemCode(a) || !Frame.isString(b) || !(c === null || Frame.isString(c))) break
      return { _tag: "Problem", code: a, message: b, channel: c }
    case Type.Heartbeat:
      if (typeof a !== "boolean") break
      return { _tag: "Heartbeat", echo: a }
    default:
      return Frame.frameError("unknown-type", `live frame type ${opened.type}`)
  }
  return Frame.frameError("malformed", `the fields of live frame type ${opened.type} are not what they should be`)
}
