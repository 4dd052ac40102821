/**
 * Frames one after the other, as the body of an HTTP request or answer has them: each behind its length, four bytes,
 * most significant first.
 */

/** The content type of such a body. */
export const CONTENT_TYPE = "application/vnd.paceline.telemetry"

const LENGTH_BYTES = 4

export const join = (frames: ReadonlyArray<Uint8Array>): Uint8Array<ArrayBuffer> => {
  const out = new Uint8Array(frames.reduce((sum, { length }) => sum + LENGTH_BYTES + length, 0))
  const view = new DataView(out.buffer)
  let at = 0
  for (const frame of frames) {
    view.setUint32(at, frame.length)
    out.set(frame, at + LENGTH_BYTES)
    at += LENGTH_BYTES + frame.length
  }
  return out
}

/** The frames, which share the body's memory; null when it ends in the middle of one. */
export const split = (body: Uint8Array): ReadonlyArray<Uint8Array> | null => {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const frames: Array<Uint8Array> = []
  let at = 0
  while (at < body.length) {
    if (at + LENGTH_BYTES > body.length) return null
    const end = at + LENGTH_BYTES + view.getUint32(at)
    if (end > body.length) return null
    frames.push(body.subarray(at + LENGTH_BYTES, end))
    at = end
  }
  return frames
}
