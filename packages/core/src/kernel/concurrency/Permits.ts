/**
 * A semaphore's decisions: who may run now, and who is next.
 *
 * A released permit is handed directly to the waiter at the front; nobody else is woken and nobody who comes
 * later can grab it first (no barging). The front waits for as many permits as it asked for while those behind
 * it wait too, so a taker of many is not starved by takers of one. Between priorities the order is that of
 * `PriorityQueue`: a lower priority ages. Every operation is O(1), whatever the number that waits.
 *
 * Who asks for more than the limit gets all there is and runs alone; so lowering the limit never strands anyone.
 * The limit may be 0: nobody new runs until it is raised.
 *
 * The kernel resumes nobody. After `wait`, `release`, `cancel` or `resize` the caller asks `next` until it
 * returns nothing, and lets each waiter that it returns run.
 *
 * `snapshot` gives all of it as data, where waiters and holders are data too (jobs of a row, an object that is evicted
 * from memory): who held permits must be known to the caller, and `release`s what it held.
 *
 * @example
 * const permits = Permits.make<() => void>(1)
 * Permits.tryTake(permits, 1) // true
 * Permits.wait(permits, Permits.waiter(resume, 1))
 * Permits.release(permits, 1)
 * Permits.next(permits)?.value() // runs the waiter, which now holds the permit
 */
import * as PriorityQueue from "./PriorityQueue.ts"

/** One who asked. `value` is what the caller needs to let it run. */
export interface Waiter<A> extends PriorityQueue.Linked<Waiter<A>> {
  readonly value: A
  /** How many permits it asked for, at least 1. */
  readonly weight: number
  /** How many it was given: 0 until granted and after it gave them back. */
  held: number
}

export interface Permits<A> {
  /** How many permits there are. Lowered below `inFlight`, it takes effect as permits come back. */
  limit: number
  /** How many are given out. */
  inFlight: number
  readonly queue: PriorityQueue.PriorityQueue<Waiter<A>>
}

/** Counted in arrivals, for callers without a clock: middle is overtaken by at most 100 later ones, low by 1,000. */
export const agingByArrivals: PriorityQueue.Aging = { middle: 100, low: 1_000 }

export const make = <A>(limit: number, aging: PriorityQueue.Aging = agingByArrivals): Permits<A> => ({
  limit: wholeLimit(limit),
  inFlight: 0,
  queue: PriorityQueue.make(aging),
})

export const waiter = <A>(value: A, weight = 1, priority: PriorityQueue.Priority = "middle"): Waiter<A> => ({
  value,
  weight: wholeWeight(weight),
  held: 0,
  priority,
  arrivedAt: 0,
  previous: undefined,
  next: undefined,
  queued: false,
})

/** Takes `weight` permits if they are free and nobody waits. Who gets true owes `release(permits, weight)`. */
export const tryTake = <A>(permits: Permits<A>, weight: number): boolean => {
  if (permits.queue.size > 0 || permits.inFlight + weight > permits.limit) return false
  permits.inFlight += weight
  return true
}

/** Gets in line. `now` drives the aging; left out, arrivals are counted. */
export const wait = <A>(permits: Permits<A>, waiting: Waiter<A>, now: number = permits.queue.latest + 1): void =>
  PriorityQueue.offer(permits.queue, waiting, now)

/** The next waiter that may run, which now holds its permits, or nothing when the front must go on waiting. */
export const next = <A>(permits: Permits<A>): Waiter<A> | undefined => {
  if (permits.queue.size === 0 || permits.inFlight >= permits.limit) return undefined
  const front = PriorityQueue.peek(permits.queue)
  if (front === undefined) return undefined
  const needed = Math.min(front.weight, permits.limit)
  if (permits.inFlight + needed > permits.limit) return undefined
  PriorityQueue.remove(permits.queue, front)
  front.held = needed
  permits.inFlight += needed
  return front
}

/** Gives permits back. */
export const release = <A>(permits: Permits<A>, held: number): void => {
  permits.inFlight -= held
}

/**
 * Ends a waiter, in whatever state it is: waiting, it leaves the line; granted, its permits come back.
 * So a waiter that was granted and interrupted before it could start loses nothing.
 */
export const end = <A>(permits: Permits<A>, ended: Waiter<A>): void => {
  PriorityQueue.remove(permits.queue, ended)
  permits.inFlight -= ended.held
  ended.held = 0
}

/** Changes the limit while running. */
export const resize = <A>(permits: Permits<A>, limit: number): void => {
  permits.limit = wholeLimit(limit)
}

/** What counts as a weight: a whole number from 1. What is no number counts as 1, or it would spoil the count for good. */
export const wholeWeight = (weight: number): number => (weight >= 1 ? Math.min(Math.floor(weight), MOST) : 1)

/** More than any limit, and sums of it are still exact. */
const MOST = 2 ** 32

const wholeLimit = (limit: number): number => (limit > 0 ? Math.floor(limit) : 0)

/** Permits as plain data; as JSON if the waiters' values are. */
export interface PermitsSnapshot<A> {
  readonly version: 1
  readonly limit: number
  readonly inFlight: number
  readonly queue: PriorityQueue.PriorityQueueSnapshot<{ readonly value: A; readonly weight: number }>
}

export const snapshot = <A>(permits: Permits<A>): PermitsSnapshot<A> => ({
  version: 1,
  limit: permits.limit,
  inFlight: permits.inFlight,
  queue: PriorityQueue.snapshot(permits.queue, ({ value, weight }) => ({ value, weight })),
})

/** Permits that go on where the snapshot was taken; `revived` is told each waiter, in order to end it one day. */
export const restore = <A>(from: PermitsSnapshot<A>, revived: (waiter: Waiter<A>) => void = () => {}): Permits<A> => ({
  limit: from.limit,
  inFlight: from.inFlight,
  queue: PriorityQueue.restore(from.queue, ({ value, weight }, priority) => {
    const waiting = waiter(value, weight, priority)
    revived(waiting)
    return waiting
  }),
})
