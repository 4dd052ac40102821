/**
 * Reading series back. The embedded store is on `bun:sqlite`, so that there is nothing to measure elsewhere.
 */
import type { Measurement } from "../Harness.ts"

const none: ReadonlyArray<Measurement> = []

export const rows: ReadonlyArray<Measurement> = "Bun" in globalThis ? (await import("./series/Rows.ts")).rows : none
