/**
 * Chooses a worker (or a server) for a job: in turn, the least busy, or always the same for a key.
 *
 * A key that stuck to a worker moves only when that worker is gone, not when others come. Where it goes is
 * decided by rendezvous hashing (D. Thaler, C. Ravishankar, 1998): the keys of a worker that is gone spread
 * evenly over the rest. Which key sticks where is remembered for `maxKeys` keys; what was not asked for lately goes first.
 *
 * A retiring worker gets nothing new, but keeps the keys that stick to it until it is removed.
 *
 * @example
 * const dispatch = Dispatch.make<Dispatch.Worker>("sticky")
 * Dispatch.add(dispatch, { id: "worker-1", load: 0 })
 * Dispatch.pick(dispatch, "athlete-7")?.id
 */
import * as BoundedMap from "../resilience/BoundedMap.ts"

export type Strategy = "round-robin" | "least-busy" | "sticky"

export interface Worker {
  /** Different for every worker there ever was. */
  readonly id: string
  /** How busy it is, in any unit; kept by its owner. */
  load: number
}

export interface Dispatch<W extends Worker> {
  readonly strategy: Strategy
  /** Those that get new work, in the order in which they came. */
  readonly active: Array<W>
  readonly retiring: Set<W>
  cursor: number
  readonly keys: BoundedMap.BoundedMap<string, W>
}

export const make = <W extends Worker>(strategy: Strategy, maxKeys = 100_000): Dispatch<W> => ({
  strategy,
  active: [],
  retiring: new Set(),
  cursor: 0,
  keys: BoundedMap.make(maxKeys),
})

/** A new worker, or one that was to retire and is wanted again. */
export const add = <W extends Worker>(dispatch: Dispatch<W>, worker: W): void => {
  dispatch.retiring.delete(worker)
  if (!dispatch.active.includes(worker)) dispatch.active.push(worker)
}

/** No new work for this one. */
export const retire = <W extends Worker>(dispatch: Dispatch<W>, worker: W): void => {
  if (takeOut(dispatch, worker)) dispatch.retiring.add(worker)
}

/** It is gone: its keys move when they come again. */
export const remove = <W extends Worker>(dispatch: Dispatch<W>, worker: W): void => {
  takeOut(dispatch, worker)
  dispatch.retiring.delete(worker)
}

/** The worker for a job, or nothing when there is none. Without a key, sticky chooses the least busy. */
export const pick = <W extends Worker>(dispatch: Dispatch<W>, key?: string): W | undefined => {
  if (dispatch.strategy === "sticky" && key !== undefined) return sticky(dispatch, key)
  return dispatch.strategy === "round-robin" ? inTurn(dispatch) : leastBusy(dispatch)
}

const inTurn = <W extends Worker>(dispatch: Dispatch<W>): W | undefined => {
  const { active } = dispatch
  if (active.length === 0) return undefined
  if (dispatch.cursor >= active.length) dispatch.cursor = 0
  return active[dispatch.cursor++]
}

/** Of equally busy ones, the next in turn: they share. */
const leastBusy = <W extends Worker>(dispatch: Dispatch<W>): W | undefined => {
  const { active } = dispatch
  const from = dispatch.cursor
  let best: W | undefined
  for (let i = 0; i < active.length; i++) {
    const at = (from + i) % active.length
    const worker = active[at]
    if (worker === undefined || (best !== undefined && worker.load >= best.load)) continue
    best = worker
    dispatch.cursor = at + 1
    if (worker.load === 0) break
  }
  return best
}

const sticky = <W extends Worker>(dispatch: Dispatch<W>, key: string): W | undefined => {
  const known = BoundedMap.get(dispatch.keys, key)
  if (known !== undefined && isHere(dispatch, known)) return known
  const worker = rendezvous(dispatch.active, key)
  if (worker !== undefined) BoundedMap.set(dispatch.keys, key, worker)
  return worker
}

const isHere = <W extends Worker>(dispatch: Dispatch<W>, worker: W): boolean =>
  dispatch.retiring.has(worker) || dispatch.active.includes(worker)

/** The worker whose hash with the key is the greatest. */
const rendezvous = <W extends Worker>(workers: ReadonlyArray<W>, key: string): W | undefined => {
  const keyHash = hash(key, FNV_OFFSET)
  let best: W | undefined
  let greatest = -1
  for (const worker of workers) {
    const score = scattered(hash(worker.id, keyHash))
    if (score > greatest) {
      greatest = score
      best = worker
    }
  }
  return best
}

const takeOut = <W extends Worker>(dispatch: Dispatch<W>, worker: W): boolean => {
  const at = dispatch.active.indexOf(worker)
  if (at < 0) return false
  dispatch.active.splice(at, 1)
  if (at < dispatch.cursor) dispatch.cursor--
  return true
}

const FNV_OFFSET = 0x811c9dc5

/** FNV-1a over UTF-16 units, continued from `seed`. */
const hash = (text: string, seed: number): number => {
  let value = seed
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value
}

/** MurmurHash3's finaliser: FNV alone scatters similar ids badly. */
const scattered = (value: number): number => {
  let mixed = value ^ (value >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
