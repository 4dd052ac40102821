/**
 * Which store a key belongs to, and how what belongs together moves from one store to another.
 *
 * Keys are grouped into slots: by hash, by region, or by time. A slot has one owner. It moves in steps: planned →
 * copying (the owner still takes writes) → frozen (nobody does, and the last changes are copied) → switched. So at no
 * time do two shards take writes for a key, and a write that was taken is where it is read. Until the switch a move can
 * be aborted. Each change of owner raises the slot's epoch, by which a store knows a router that is out of date.
 *
 * A map is plain JSON data; each change gives a new one, with the next version.
 *
 * @example
 * const map = ShardMap.byHash(256, { paris: 1, oslo: 1 })
 * ShardMap.route(map, { key: athleteId }) // { slot: "hash/17", owner: "oslo", epoch: 1, writable: true }
 */
import * as Murmur3 from "./Murmur3.ts"
import * as Rendezvous from "./Rendezvous.ts"

export type Scheme =
  /** Evenly. How many slots there are is fixed for ever: many more than there will be shards. */
  | { readonly _tag: "Hash"; readonly slots: number }
  /** Where the law or the distance wants it. A key of no known region goes to `otherwise`. */
  | { readonly _tag: "Region"; readonly regions: ReadonlyArray<string>; readonly otherwise: string }
  /** Old data apart from new: a slot begins at each of these times and ends at the next; milliseconds, ascending. */
  | { readonly _tag: "Time"; readonly startsMs: ReadonlyArray<number> }

/** What a scheme looks at. */
export interface ShardKey {
  readonly key: string
  readonly region?: string
  readonly atMs?: number
}

export type Phase = "planned" | "copying" | "frozen"

export interface Slot {
  /** The shard that answers reads, and takes writes unless the slot is frozen. */
  readonly owner: string
  /** 1 at first, one more with each owner. */
  readonly epoch: number
  readonly move: { readonly to: string; readonly phase: Phase } | null
}

export interface ShardMap {
  readonly scheme: Scheme
  readonly version: number
  readonly slots: Readonly<Record<string, Slot>>
}

/** Slots spread over the shards by weight. */
export const byHash = (slots: number, weights: Rendezvous.Weights): ShardMap => {
  const names = Array.from({ length: slots }, (_, n) => `hash/${n}`)
  return make({ _tag: "Hash", slots }, Object.fromEntries(names.map((name) => [name, placed(name, weights)])))
}

/** @param owners the shard of each region. */
export const byRegion = (owners: Readonly<Record<string, string>>, otherwise: string): ShardMap => {
  if (!Object.hasOwn(owners, otherwise)) throw new RangeError(`"${otherwise}" is not one of the regions`)
  const scheme: Scheme = { _tag: "Region", regions: Object.keys(owners), otherwise }
  return make(scheme, Object.fromEntries(Object.entries(owners).map(([region, shard]) => [`region/${region}`, shard])))
}

/** What is older than the first start belongs to the first too. */
export const byTime = (starts: ReadonlyArray<{ readonly startMs: number; readonly shard: string }>): ShardMap => {
  if (starts.length === 0) throw new RangeError("A map by time needs a first start")
  const sorted = starts.toSorted((one, other) => one.startMs - other.startMs)
  const scheme: Scheme = { _tag: "Time", startsMs: sorted.map(({ startMs }) => startMs) }
  return make(scheme, Object.fromEntries(sorted.map(({ shard, startMs }) => [`time/${startMs}`, shard])))
}

const make = (scheme: Scheme, owners: Readonly<Record<string, string>>): ShardMap => ({
  scheme,
  version: 1,
  slots: Object.fromEntries(Object.entries(owners).map(([slot, owner]) => [slot, { owner, epoch: 1, move: null }])),
})

const placed = (slot: string, weights: Rendezvous.Weights): string => {
  const shard = Rendezvous.choose(slot, weights)
  if (shard === undefined) throw new RangeError("A shard map needs a shard with a weight")
  return shard
}

/** The slot of a key; undefined for a key without a time in a map by time. */
export const slotOf = (scheme: Scheme, { atMs, key, region }: ShardKey): string | undefined => {
  switch (scheme._tag) {
    case "Hash":
      return `hash/${Murmur3.ofText(key)[0] % scheme.slots}`
    case "Region":
      return `region/${region !== undefined && scheme.regions.includes(region) ? region : scheme.otherwise}`
    case "Time": {
      if (atMs === undefined) return undefined
      const startMs = scheme.startsMs.findLast((start) => start <= atMs) ?? scheme.startsMs[0]
      return startMs === undefined ? undefined : `time/${startMs}`
    }
  }
}

export interface Route {
  readonly slot: string
  readonly owner: string
  readonly epoch: number
  /** False while the slot is frozen: the write is to be tried again in a moment. */
  readonly writable: boolean
}

export const route = (map: ShardMap, key: ShardKey): Route | undefined => {
  const slot = slotOf(map.scheme, key)
  const found = slot === undefined ? undefined : slotAt(map, slot)
  if (slot === undefined || found === undefined) return undefined
  return { slot, owner: found.owner, epoch: found.epoch, writable: found.move?.phase !== "frozen" }
}

export const slotAt = (map: ShardMap, slot: string): Slot | undefined =>
  Object.hasOwn(map.slots, slot) ? map.slots[slot] : undefined

export type Step =
  | { readonly _tag: "Plan"; readonly to: string }
  | { readonly _tag: "Copy" }
  | { readonly _tag: "Freeze" }
  | { readonly _tag: "Switch" }
  | { readonly _tag: "Abort" }

export type Stepped =
  | { readonly _tag: "Moved"; readonly map: ShardMap }
  /** The step makes no sense where the move is; nothing changed. */
  | { readonly _tag: "Refused"; readonly phase: Phase | "settled" | "unknown" }

/** Where each step may be taken from. */
const FROM = {
  Plan: ["settled"],
  Copy: ["planned"],
  Freeze: ["copying"],
  Switch: ["frozen"],
  Abort: ["planned", "copying", "frozen"],
} as const satisfies Record<Step["_tag"], ReadonlyArray<Phase | "settled">>

export const step = (map: ShardMap, slot: string, next: Step): Stepped => {
  const found = slotAt(map, slot)
  if (found === undefined) return { _tag: "Refused", phase: "unknown" }
  const phase = found.move?.phase ?? "settled"
  const allowed: ReadonlyArray<string> = FROM[next._tag]
  const after = allowed.includes(phase) ? stepped(found, next) : undefined
  return after === undefined
    ? { _tag: "Refused", phase }
    : { _tag: "Moved", map: { ...map, version: map.version + 1, slots: { ...map.slots, [slot]: after } } }
}

const stepped = (slot: Slot, next: Step): Slot | undefined => {
  const { epoch, move, owner } = slot
  if (next._tag === "Plan") {
    return next.to === owner ? undefined : { owner, epoch, move: { to: next.to, phase: "planned" } }
  }
  if (move === null) return undefined
  switch (next._tag) {
    case "Copy":
      return { ...slot, move: { to: move.to, phase: "copying" } }
    case "Freeze":
      return { ...slot, move: { to: move.to, phase: "frozen" } }
    case "Switch":
      return { owner: move.to, epoch: epoch + 1, move: null }
    case "Abort":
      return { owner, epoch, move: null }
  }
}

/** Which slots of a map by hash would have to move, to be spread over these shards; those on the move are left alone. */
export const rebalance = (
  map: ShardMap,
  weights: Rendezvous.Weights,
): ReadonlyArray<{ readonly slot: string; readonly to: string }> =>
  map.scheme._tag !== "Hash"
    ? []
    : Object.entries(map.slots).flatMap(([slot, { move, owner }]) => {
        const to = placed(slot, weights)
        return move !== null || to === owner ? [] : [{ slot, to }]
      })

/** Begins a new slot at the end of a map by time; undefined when it would not be the last, or the map is of another kind. */
export const extend = (map: ShardMap, startMs: number, owner: string): ShardMap | undefined => {
  if (map.scheme._tag !== "Time" || startMs <= (map.scheme.startsMs.at(-1) ?? Number.POSITIVE_INFINITY))
    return undefined
  return {
    scheme: { _tag: "Time", startsMs: [...map.scheme.startsMs, startMs] },
    version: map.version + 1,
    slots: { ...map.slots, [`time/${startMs}`]: { owner, epoch: 1, move: null } },
  }
}
