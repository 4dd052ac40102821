/**
 * Reads the W3C trace context that a record carries, so that a trace goes on where the record is handled.
 *
 * W3C Trace Context, level 1: `version-traceid-spanid-flags` in lower-case hexadecimal. A later version may carry more
 * after the flags; version ff and ids of zeros are invalid.
 *
 * @example
 * Traceparent.parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
 * // { traceId: "4bf9…", spanId: "00f0…", sampled: true }
 */

export interface Traceparent {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}

const SHAPE = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** Undefined when it is no valid trace context. */
export const parse = (text: string): Traceparent | undefined => {
  const [, version, traceId, spanId, flags, rest] = SHAPE.exec(text) ?? []
  if (version === undefined || traceId === undefined || spanId === undefined || flags === undefined) return undefined
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}
