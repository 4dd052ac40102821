/** What the settings of a bulkhead may be, where an operator gives them. */
import type { BulkheadOptions } from "./BulkheadGate.ts"
import type { Bound } from "./CheckedConfig.ts"

/** Without a limit, as for an adaptive one, that is not looked at. */
export const boundsOfBulkhead = (options: Partial<BulkheadOptions>): ReadonlyArray<Bound> => {
  const { aging, limit, maxWaitMillis, queue } = options
  const marks = typeof queue === "number" ? { all: queue } : (queue ?? {})
  return [
    { setting: "limit", value: limit, from: 1, whole: true },
    ...Object.entries(marks).map(([mark, value]) => ({ setting: `queue (${mark})`, value, from: 0, whole: true })),
    { setting: "maxWaitMillis", value: maxWaitMillis, from: 0 },
    { setting: "aging.middle", value: aging?.middle, from: 0 },
    { setting: "aging.low", value: aging?.low, from: 0 },
  ]
}
