/**
 * A bulkhead's decisions: who runs, who waits, and who is refused at the door, so that one part of a system that
 * is overloaded does not sink the rest.
 *
 * At most `limit` run; a bounded number waits, each for no longer than `maxWaitMillis`. As the queue fills, the
 * lowest priority is refused first: each priority has its own mark, and one that arrives when as many wait as its
 * mark is refused. Refusal happens only on arrival: who was let into the queue is never pushed out by another, nor
 * by a lowered limit. It runs, gives up, or has waited its longest wait, which it knew from the start.
 *
 * To keep a bulkhead, keep its `permits` (`Permits.snapshot`) and build it anew from its settings around them; that
 * makes sense only where `now` goes on too, for waits are counted by it.
 *
 * @example
 * const bulkhead = Bulkhead.make<() => void>({ limit: 10, queue: 20, maxWaitMillis: 1_000 })
 * const call = Bulkhead.waiter(resume, "low")
 * Bulkhead.enter(bulkhead, call, now) // "run", "wait" or "full"
 */
import * as Permits from "./Permits.ts"
import * as PriorityQueue from "./PriorityQueue.ts"

/** How many may wait, of all priorities together, for one more of this priority to be let in. */
export type QueueMarks = Readonly<Record<PriorityQueue.Priority, number>>

export interface Settings {
  /** How many may run at once. */
  readonly limit: number
  /** The size of the queue: all of it for high, 80 % for middle, 50 % for low, unless the marks are given. Default 0. */
  readonly queue?: number | QueueMarks
  /** The longest wait in the queue. Default Infinity. */
  readonly maxWaitMillis?: number
  /** In milliseconds. */
  readonly aging?: PriorityQueue.Aging
}

export interface Bulkhead<A> {
  readonly permits: Permits.Permits<A>
  readonly marks: QueueMarks
  readonly maxWaitMillis: number
}

export type Waiter<A> = Permits.Waiter<A>

export const make = <A>(settings: Settings): Bulkhead<A> => ({
  permits: Permits.make(settings.limit, settings.aging ?? PriorityQueue.standardAging),
  marks: marksOf(settings.queue ?? 0),
  maxWaitMillis: settings.maxWaitMillis ?? Number.POSITIVE_INFINITY,
})

export const waiter = <A>(value: A, priority?: PriorityQueue.Priority): Waiter<A> => Permits.waiter(value, 1, priority)

/** Runs at once if there is room and nobody waits; who gets true owes a `leave`. */
export const tryEnter = <A>(bulkhead: Bulkhead<A>): boolean => Permits.tryTake(bulkhead.permits, 1)

/** At the door. After "run", whoever entered owes an `end`; after "wait" the caller asks `next`. */
export const enter = <A>(bulkhead: Bulkhead<A>, entering: Waiter<A>, nowMillis: number): "run" | "wait" | "full" => {
  if (tryEnter(bulkhead)) {
    entering.held = 1
    return "run"
  }
  if (bulkhead.permits.queue.size >= bulkhead.marks[entering.priority]) return "full"
  Permits.wait(bulkhead.permits, entering, nowMillis)
  return "wait"
}

/**
 * The next waiter whose wait is over, or nothing: it may run when `held` is 1, and has waited its longest when
 * `held` is 0. Ask until there is nothing, after every change and at `nextExpiry`.
 */
export const next = <A>(bulkhead: Bulkhead<A>, nowMillis: number): Waiter<A> | undefined => {
  if (nowMillis >= nextExpiry(bulkhead)) {
    const overdue = PriorityQueue.oldest(bulkhead.permits.queue)
    if (overdue !== undefined) PriorityQueue.remove(bulkhead.permits.queue, overdue)
    return overdue
  }
  return Permits.next(bulkhead.permits)
}

/** When the longest wait of the one who waits longest is over, Infinity when none will be. */
export const nextExpiry = <A>(bulkhead: Bulkhead<A>): number => {
  const longest = PriorityQueue.oldest(bulkhead.permits.queue)
  return longest === undefined ? Number.POSITIVE_INFINITY : longest.arrivedAt + bulkhead.maxWaitMillis
}

/** One that `tryEnter` let in is done. */
export const leave = <A>(bulkhead: Bulkhead<A>): void => Permits.release(bulkhead.permits, 1)

/** Ends a waiter in whatever state: it leaves the queue, or its place comes back. */
export const end = <A>(bulkhead: Bulkhead<A>, ended: Waiter<A>): void => Permits.end(bulkhead.permits, ended)

/** Changes how many may run. Who waits goes on waiting. */
export const resize = <A>(bulkhead: Bulkhead<A>, limit: number): void => Permits.resize(bulkhead.permits, limit)

const marksOf = (queue: number | QueueMarks): QueueMarks =>
  typeof queue === "number" ? { high: queue, middle: Math.ceil(queue * 0.8), low: Math.ceil(queue * 0.5) } : queue
