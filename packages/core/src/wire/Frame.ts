/**
 * What every frame has in common: a msgpack array that starts `[version, type, …]`.
 *
 * A receiver refuses a version that it does not know (the peer is told and keeps its data), and ignores
 * nothing silently: every failure is a `FrameError` that says what was wrong.
 */
import { unpack } from "./Msgpack.ts"

/** The version of all frames in this package. */
export const FRAME_VERSION = 1

export interface FrameError {
  readonly _tag: "FrameError"
  readonly reason: "malformed" | "unknown-version" | "unknown-type"
  readonly detail: string
}

export const frameError = (reason: FrameError["reason"], detail: string): FrameError => ({
  _tag: "FrameError",
  reason,
  detail,
})

export type Fields = ReadonlyArray<unknown>

/** Opens the envelope: the fields of the array, or why it is none of ours. */
export const open = (bytes: Uint8Array): { readonly type: number; readonly fields: Fields } | FrameError => {
  let value: unknown
  try {
    value = unpack(bytes)
  } catch {
    return frameError("malformed", "not a msgpack value")
  }
  if (!Array.isArray(value) || value.length < 2) return frameError("malformed", "not an array [version, type, …]")
  const fields: Fields = value
  const [version, type] = fields
  if (version !== FRAME_VERSION) {
    return frameError("unknown-version", `frame version ${String(version)}, this side speaks ${FRAME_VERSION}`)
  }
  if (typeof type !== "number") return frameError("malformed", "the frame type is not a number")
  return { type, fields }
}

export const isString = (value: unknown): value is string => typeof value === "string"
export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
export const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array
