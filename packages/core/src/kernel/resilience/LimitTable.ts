/**
 * The keys of one rate limit, in memory: their numbers side by side in one array, and no timer at all.
 *
 * A key that is as good as fresh is dropped in passing: each new key, and now and then a call, looks at a few old
 * ones. There are never more than `maxKeys`: when all are in use, the one among a few that has used least goes.
 */
import * as RateLimiter from "./RateLimiter.ts"
import * as Snapshot from "./Snapshot.ts"

export interface LimitTable {
  limit: RateLimiter.Limit
  readonly maxKeys: number
  /** Where a key's cells begin. */
  readonly slots: Map<string, number>
  cells: Float64Array
  /** Places of keys that are gone. */
  readonly free: Array<number>
  /** Goes round the keys, a few at a time. */
  hand: Iterator<[string, number]>
  calls: number
}

const FIRST_KEYS = 16
const LOOKS_PER_KEY = 2
const CALLS_PER_LOOK = 64
const CANDIDATES = 8

/** @throws RangeError when the limit's numbers or `maxKeys` are not whole and from 1 */
export const make = (limit: RateLimiter.Limit, maxKeys = 100_000): LimitTable => {
  if (!Number.isSafeInteger(maxKeys) || maxKeys < 1) throw new RangeError(`maxKeys must be from 1, not ${maxKeys}`)
  const slots = new Map<string, number>()
  return {
    limit: RateLimiter.requireLimit(limit),
    maxKeys,
    slots,
    cells: new Float64Array(FIRST_KEYS * RateLimiter.CELLS),
    free: [],
    hand: slots.entries(),
    calls: 0,
  }
}

/** As `RateLimiter.take`, for a key. */
export const take = (table: LimitTable, key: string, cost: number, nowMillis: number): number => {
  const known = ++table.calls % CALLS_PER_LOOK === 0 ? undefined : table.slots.get(key)
  const offset = known === undefined ? slotOf(table, key, nowMillis) : known
  return RateLimiter.take(table.cells, offset, table.limit, cost, nowMillis)
}

/** One of several limits that a call needs at once. */
export interface TableClaim {
  readonly table: LimitTable
  readonly key: string
  readonly cost: number
}

/**
 * As `RateLimiter.takeAll`. A key is looked up when its turn comes: a key before it may have moved the table, or have
 * taken the place of another.
 */
export const takeAll = (
  claims: ReadonlyArray<TableClaim>,
  nowMillis: number,
  maxWaitMillis: number,
): RateLimiter.Verdict =>
  RateLimiter.takeEach(
    claims,
    ({ table, key, cost }) => {
      const offset = slotOf(table, key, nowMillis)
      return { cells: table.cells, offset, limit: table.limit, cost }
    },
    nowMillis,
    maxWaitMillis,
  )

/** Gives back what a call took that was not made. */
export const refund = (table: LimitTable, key: string, cost: number): void => {
  const offset = table.slots.get(key)
  if (offset !== undefined) RateLimiter.refund(table.cells, offset, table.limit, cost)
}

/** Changes the limit; what was used stays used. */
export const setLimit = (table: LimitTable, limit: RateLimiter.Limit): void => {
  RateLimiter.requireLimit(limit)
  if (limit.windowMillis !== table.limit.windowMillis) {
    const scale = limit.windowMillis / table.limit.windowMillis
    for (const offset of table.slots.values()) table.cells[offset] = Math.ceil((table.cells[offset] ?? 0) * scale)
  }
  table.limit = limit
}

/** What `snapshot` gives: plain JSON. */
export interface LimitSnapshot {
  readonly windowMillis: number
  /** Each key with its numbers. */
  readonly keys: ReadonlyArray<readonly [key: string, cells: ReadonlyArray<number>]>
}

/** What every key has used. */
export const snapshot = (table: LimitTable): LimitSnapshot => ({
  windowMillis: table.limit.windowMillis,
  keys: [...table.slots].map(([key, offset]) => [key, [...table.cells.subarray(offset, offset + RateLimiter.CELLS)]]),
})

export const readSnapshot = (json: unknown): LimitSnapshot | Snapshot.InvalidSnapshot =>
  Snapshot.read(json, (from) => ({
    windowMillis: from.field("windowMillis").whole(1),
    keys: from.field("keys").list((entry) => {
      const [key, cells] = entry.list((part) => part)
      if (key === undefined || cells === undefined) return entry.refuse("a key and its numbers")
      const numbers = cells.list((cell) => cell.number(0))
      return numbers.length === RateLimiter.CELLS
        ? ([key.string(), numbers] as const)
        : cells.refuse(`${RateLimiter.CELLS} numbers`)
    }),
  }))

/**
 * A table that goes on where the other was; what was used stays used when the limit has changed. Of more than
 * `maxKeys` those that have used most stay.
 */
export const restore = (limit: RateLimiter.Limit, from: LimitSnapshot, maxKeys?: number): LimitTable => {
  const table = make({ ...limit, windowMillis: from.windowMillis }, maxKeys)
  const used = ([, cells]: LimitSnapshot["keys"][number]): number => cells[0] ?? 0
  const kept =
    from.keys.length > table.maxKeys
      ? [...from.keys].sort((a, b) => used(b) - used(a)).slice(0, table.maxKeys)
      : from.keys
  table.cells = new Float64Array(Math.max(FIRST_KEYS, kept.length) * RateLimiter.CELLS)
  for (const [key, cells] of kept) {
    const offset = table.slots.size * RateLimiter.CELLS
    table.slots.set(key, offset)
    table.cells.set(cells, offset)
  }
  setLimit(table, limit)
  return table
}

const slotOf = (table: LimitTable, key: string, nowMillis: number): number => {
  look(table, LOOKS_PER_KEY, nowMillis)
  return table.slots.get(key) ?? add(table, key, nowMillis)
}

const add = (table: LimitTable, key: string, nowMillis: number): number => {
  look(table, LOOKS_PER_KEY, nowMillis)
  if (table.slots.size >= table.maxKeys) evict(table, nowMillis)
  const offset = table.free.pop() ?? table.slots.size * RateLimiter.CELLS
  if (offset >= table.cells.length) grow(table)
  table.cells.fill(0, offset, offset + RateLimiter.CELLS)
  table.cells[offset + 1] = nowMillis
  table.slots.set(key, offset)
  return offset
}

const grow = (table: LimitTable): void => {
  const most = table.maxKeys * RateLimiter.CELLS
  const larger = new Float64Array(Math.min(most, Math.ceil(table.cells.length * 1.5)))
  larger.set(table.cells)
  table.cells = larger
}

/** The next key on the way round. */
const nextOf = (table: LimitTable): [string, number] | undefined => {
  const next = table.hand.next()
  if (next.done !== true) return next.value
  table.hand = table.slots.entries()
  const first = table.hand.next()
  return first.done === true ? undefined : first.value
}

/** Drops those of the next few keys that are as good as fresh. */
const look = (table: LimitTable, looks: number, nowMillis: number): void => {
  for (let i = 0; i < looks; i++) {
    const next = nextOf(table)
    if (next === undefined) return
    if (RateLimiter.isFresh(table.cells, next[1], table.limit, nowMillis)) drop(table, next[0], next[1])
  }
}

/** Makes room: the key that has used least, of a few. */
const evict = (table: LimitTable, nowMillis: number): void => {
  let least: [string, number] | undefined
  for (let i = 0; i < CANDIDATES; i++) {
    const next = nextOf(table)
    if (next === undefined) break
    RateLimiter.isFresh(table.cells, next[1], table.limit, nowMillis)
    if (least === undefined || (table.cells[next[1]] ?? 0) < (table.cells[least[1]] ?? 0)) least = next
  }
  if (least !== undefined) drop(table, least[0], least[1])
}

const drop = (table: LimitTable, key: string, offset: number): void => {
  if (table.slots.delete(key)) table.free.push(offset)
}
