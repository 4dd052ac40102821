/** Rate limits kept in this process, without Effect: one table a limit. */
import * as LimitTable from "../kernel/resilience/LimitTable.ts"
import type { Limit, Verdict } from "../kernel/resilience/RateLimiter.ts"
import * as RateLimiter from "../kernel/resilience/RateLimiter.ts"

/** Asks one limit for one key. Limits are told apart by their names. */
export interface Ask {
  readonly limit: Limit
  /** Whom it is for: a user's id, an address. */
  readonly key: string
  /** Default 1. */
  readonly cost?: number
}

export interface MemoryLimits {
  readonly take: (asks: ReadonlyArray<Ask>, maxWaitMillis: number, nowMillis: number) => Verdict
  readonly refund: (asks: ReadonlyArray<Ask>) => void
  /** How many keys are kept now. */
  readonly size: () => number
}

/** @param maxKeys the greatest number of keys kept for each limit */
export const memoryLimits = (maxKeys = 100_000): MemoryLimits => {
  const tables = new Map<string, LimitTable.LimitTable>()
  let latest: LimitTable.LimitTable | undefined
  const tableOf = (limit: Limit): LimitTable.LimitTable => {
    let table = tables.get(limit.name)
    if (table === undefined) {
      table = LimitTable.make(limit, maxKeys)
      tables.set(limit.name, table)
    } else if (table.limit !== limit) {
      LimitTable.setLimit(table, limit)
    }
    latest = table
    return table
  }
  const claimOf = ({ limit, key, cost = 1 }: Ask): LimitTable.TableClaim => ({ table: tableOf(limit), key, cost })
  return {
    take: (asks, maxWaitMillis, nowMillis) => {
      const only = asks[0]
      if (only === undefined || asks.length !== 1 || maxWaitMillis !== 0) {
        return LimitTable.takeAll(asks.map(claimOf), nowMillis, maxWaitMillis)
      }
      const { limit } = only
      const table = latest !== undefined && latest.limit === limit ? latest : tableOf(limit)
      const wait = LimitTable.take(table, only.key, only.cost ?? 1, nowMillis)
      return wait === 0 ? RateLimiter.ALLOWED : { allowed: false, limit: limit.name, retryAfterMillis: wait }
    },
    refund: (asks) => {
      for (const { limit, key, cost = 1 } of asks) LimitTable.refund(tableOf(limit), key, cost)
    },
    size: () => [...tables.values()].reduce((sum, table) => sum + table.slots.size, 0),
  }
}
