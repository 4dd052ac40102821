/** Streams of events gathered by time, exactly once: windows, and the last N. */
export * as LastNStream from "./LastNStream.ts"
export * as WindowedStream from "./WindowedStream.ts"
export * as WindowShape from "./WindowShape.ts"
