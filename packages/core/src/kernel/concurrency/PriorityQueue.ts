/**
 * A queue of three priorities in which the low ones age, so that none waits for ever.
 *
 * Within a priority the order is strictly first in, first out. Between priorities an entry is taken by its
 * *effective arrival*: the time it arrived plus the handicap of its priority. A low entry with a handicap of
 * 5,000 is overtaken only by what arrives less than 5,000 after it, whatever else keeps coming. `now` may be
 * any number that never falls: milliseconds for a bound in time, a running count for a bound in overtakers.
 *
 * Entries are links of their own lists (intrusive), so offer, take and remove are O(1) and allocate nothing.
 *
 * `snapshot` gives the queue as data, for what fits into it: entries whose values are data. What waits by a callback
 * dies with its process, and is not worth keeping.
 *
 * @example
 * const queue = PriorityQueue.make<PriorityQueue.Entry<string>>()
 * PriorityQueue.offer(queue, PriorityQueue.entry("backup", "low"), 0)
 * PriorityQueue.offer(queue, PriorityQueue.entry("alert", "high"), 1)
 * PriorityQueue.take(queue)?.value // "alert"
 */

/** High: alerts and real-time notices. Middle: what a user waits for. Low: analytics, mail, backups. */
export type Priority = "high" | "middle" | "low"

export const PRIORITIES: ReadonlyArray<Priority> = ["high", "middle", "low"]

/** How much later than it did a priority counts as having arrived, in the unit of `now`. High has no handicap. */
export interface Aging {
  readonly middle: number
  readonly low: number
}

/** For `now` in milliseconds: middle yields to high for 1 s, low for 5 s. */
export const standardAging: Aging = { middle: 1_000, low: 5_000 }

/** What an entry of a queue must carry. The fields belong to the queue; only `priority` is the owner's choice. */
export interface Linked<Self> {
  readonly priority: Priority
  /** When it was offered, in the unit of `now`. */
  arrivedAt: number
  previous: Self | undefined
  next: Self | undefined
  queued: boolean
}

/** A ready-made entry that carries one value. */
export interface Entry<A> extends Linked<Entry<A>> {
  readonly value: A
}

export const entry = <A>(value: A, priority: Priority = "middle"): Entry<A> => ({
  value,
  priority,
  arrivedAt: 0,
  previous: undefined,
  next: undefined,
  queued: false,
})

interface Line<E> {
  handicap: number
  first: E | undefined
  last: E | undefined
}

export interface PriorityQueue<E extends Linked<E>> {
  size: number
  /** The greatest `now` seen: a clock that goes back does not reorder. */
  latest: number
  readonly high: Line<E>
  readonly middle: Line<E>
  readonly low: Line<E>
}

const line = <E>(handicap: number): Line<E> => ({ handicap, first: undefined, last: undefined })

export const make = <E extends Linked<E>>(aging: Aging = standardAging): PriorityQueue<E> => ({
  size: 0,
  latest: 0,
  high: line(0),
  middle: line(aging.middle),
  low: line(aging.low),
})

/** Puts an entry at the end of its priority. An entry that is already queued stays where it is. */
export const offer = <E extends Linked<E>>(queue: PriorityQueue<E>, added: E, now: number): void => {
  if (added.queued) return
  if (now > queue.latest) queue.latest = now
  const target = queue[added.priority]
  added.arrivedAt = queue.latest
  added.previous = target.last
  added.next = undefined
  added.queued = true
  if (target.last === undefined) target.first = added
  else target.last.next = added
  target.last = added
  queue.size++
}

/** The entry that `take` would give. */
export const peek = <E extends Linked<E>>(queue: PriorityQueue<E>): E | undefined => {
  const { high, middle, low } = queue
  let best = high.first
  let bestKey = best === undefined ? Number.POSITIVE_INFINITY : best.arrivedAt
  if (middle.first !== undefined && (best === undefined || middle.first.arrivedAt + middle.handicap < bestKey)) {
    best = middle.first
    bestKey = best.arrivedAt + middle.handicap
  }
  if (low.first !== undefined && (best === undefined || low.first.arrivedAt + low.handicap < bestKey)) best = low.first
  return best
}

/** When a queued entry counts as having arrived: of several queues of the same aging, the least is next. */
export const effectiveArrival = <E extends Linked<E>>(queue: PriorityQueue<E>, queued: E): number =>
  queued.arrivedAt + queue[queued.priority].handicap

/** Removes and returns the next entry. */
export const take = <E extends Linked<E>>(queue: PriorityQueue<E>): E | undefined => {
  const next = peek(queue)
  if (next !== undefined) remove(queue, next)
  return next
}

/** Takes an entry out, wherever it stands. False when it was not queued. */
export const remove = <E extends Linked<E>>(queue: PriorityQueue<E>, removed: E): boolean => {
  if (!removed.queued) return false
  const from = queue[removed.priority]
  if (removed.previous === undefined) from.first = removed.next
  else removed.previous.next = removed.next
  if (removed.next === undefined) from.last = removed.previous
  else removed.next.previous = removed.previous
  removed.previous = undefined
  removed.next = undefined
  removed.queued = false
  queue.size--
  return true
}

/** The entry that has waited longest of all. */
export const oldest = <E extends Linked<E>>(queue: PriorityQueue<E>): E | undefined => {
  let found = queue.high.first
  const { middle, low } = queue
  if (middle.first !== undefined && (found === undefined || middle.first.arrivedAt < found.arrivedAt)) {
    found = middle.first
  }
  if (low.first !== undefined && (found === undefined || low.first.arrivedAt < found.arrivedAt)) found = low.first
  return found
}

/** A queue as plain data; as JSON if what `keep` gives is. Each priority in the order of its line. */
export interface PriorityQueueSnapshot<D> {
  readonly version: 1
  readonly latest: number
  readonly aging: Aging
  readonly entries: ReadonlyArray<{ readonly priority: Priority; readonly arrivedAt: number; readonly data: D }>
}

export const snapshot = <E extends Linked<E>, D>(
  queue: PriorityQueue<E>,
  keep: (queued: E) => D,
): PriorityQueueSnapshot<D> => {
  const entries: Array<{ readonly priority: Priority; readonly arrivedAt: number; readonly data: D }> = []
  for (const priority of PRIORITIES) {
    for (let queued = queue[priority].first; queued !== undefined; queued = queued.next) {
      entries.push({ priority, arrivedAt: queued.arrivedAt, data: keep(queued) })
    }
  }
  const aging = { middle: queue.middle.handicap, low: queue.low.handicap }
  return { version: 1, latest: queue.latest, aging, entries }
}

/**
 * A queue that goes on where the snapshot was taken. `revive` makes an entry of the given priority. The `now` of
 * whoever goes on must not lie behind the one before: take a clock that outlives the process, or a count.
 */
export const restore = <E extends Linked<E>, D>(
  from: PriorityQueueSnapshot<D>,
  revive: (data: D, priority: Priority) => E,
): PriorityQueue<E> => {
  const queue = make<E>(from.aging)
  for (const { arrivedAt, data, priority } of from.entries) {
    const revived = revive(data, priority)
    queue.latest = 0
    offer(queue, revived, arrivedAt)
  }
  queue.latest = from.latest
  return queue
}
