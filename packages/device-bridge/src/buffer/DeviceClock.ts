/**
 * The two clocks of this process, read together. The wall clock may be wrong, and may be set at any moment; the
 * monotonic one only goes on, from an origin of its own that the boot's name stands for.
 */
import type { TelemetryFrame } from "@paceline/core/wire"

/** Random for each process, whose start the monotonic clock counts from: what was read in another has another name. */
const BOOT = crypto.randomUUID().slice(0, 8)

/** @param wallMs what the wall clock shows */
export const readClock = (wallMs: number = Date.now()): TelemetryFrame.ClockReading => ({
  boot: BOOT,
  wallMs: Math.max(0, Math.round(wallMs)),
  monotonicMs: Math.round(performance.now()),
})
