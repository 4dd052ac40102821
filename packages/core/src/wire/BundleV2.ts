/**
 * How version 2 of the telemetry codec lays a bundle down: blocks that share sensors and times, each column in its
 * smallest form.
 *
 * A bundle of five seconds has few samples in a block, so a block says only what differs from the one before: one
 * byte for its kind, one for its column, and its values. Blocks that were measured at the same times name them once.
 *
 * @see `docs/telemetry.md` for the layout, byte by byte.
 */
import { DELTA, DELTA_OF_DELTA, LINE, OFFSET, TIME_STEPS } from "./IntegerColumn.ts"

/**
 * The most samples of a bundle. Samples may take no bytes at all, so the length of the bytes does not bound them:
 * this does, at one to two megabytes.
 */
export const MAX_SAMPLES = 131_072

/** The code of blocks that bring their own name and unit. */
export const CUSTOM = 0

/** Bits of a block's head, below the code of its kind. */
export const OTHER_SENSOR = 1
export const OTHER_TIMES = 2
export const OTHER_SCALE = 4
export const KIND = 8

/** What times and values may be predicted from, in the order in which a writer tries them. */
export const TIME_PREDICTIONS = [LINE, DELTA_OF_DELTA, DELTA, OFFSET]
export const VALUE_PREDICTIONS = [DELTA, DELTA_OF_DELTA, OFFSET]
export const INTERVAL_PREDICTIONS = [TIME_STEPS, ...VALUE_PREDICTIONS]
