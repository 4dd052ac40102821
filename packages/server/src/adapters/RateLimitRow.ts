/** A row of the table `rate_limit`, the same in both databases, to and from the kernel's numbers. */
import type { LimitRow } from "./RateLimitBatches.ts"

export interface StoredLimit {
  readonly limit_name: string
  readonly key: string
  readonly used: number
  readonly at_ms: number
  readonly behaviour: number
  readonly calm_since_ms: number
  readonly window_ms: number
  readonly forget_at_ms: number
}

export const fromStored = (row: StoredLimit): LimitRow => ({
  limit: row.limit_name,
  key: row.key,
  cells: Float64Array.of(row.used, row.at_ms, row.behaviour, row.calm_since_ms),
  windowMillis: row.window_ms,
  forgetAtMillis: row.forget_at_ms,
})

export const toStored = ({ cells, forgetAtMillis, key, limit, windowMillis }: LimitRow): StoredLimit => {
  const [used = 0, at_ms = 0, behaviour = 0, calm_since_ms = 0] = cells
  return {
    limit_name: limit,
    key,
    used,
    at_ms,
    behaviour,
    calm_since_ms,
    window_ms: windowMillis,
    forget_at_ms: forgetAtMillis,
  }
}
