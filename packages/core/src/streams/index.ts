/** Streams of events gathered by time, exactly once: windows, and the last N. */
export * as WindowedStream from "./WindowedStream.ts"
export * as WindowShape from "./WindowShape.ts"
