/**
 * Order within a key, none between keys: what belongs to one athlete, seat or stream happens one after the other,
 * and everything else at the same time.
 *
 * A key has a lane only while something of it runs or waits, so the number of keys seen costs nothing. A lane may
 * be made wider than one; then it is a semaphore for each key. Every operation is O(1).
 *
 * `snapshot` gives the lanes as data, where those who wait and run are data too. Who runs is the caller's to know:
 * `ongoing` makes the waiter with which it is ended.
 *
 * @example
 * const lanes = Lanes.make<string, () => void>()
 * const one = Lanes.waiter("seat-7", first)
 * Lanes.enter(lanes, one) // true: runs now
 * Lanes.enter(lanes, Lanes.waiter("seat-7", second)) // false: waits for the first
 * Lanes.end(lanes, one)?.value() // hands over to the second
 */

/** One who wants to run in a lane. `value` is what the caller needs to let it run. */
export interface Waiter<K, A> {
  readonly key: K
  readonly value: A
  state: "new" | "waiting" | "running" | "over"
  previous: Waiter<K, A> | undefined
  next: Waiter<K, A> | undefined
}

interface Lane<K, A> {
  running: number
  first: Waiter<K, A> | undefined
  last: Waiter<K, A> | undefined
}

export interface Lanes<K, A> {
  /** How many of one key may run at once. */
  readonly width: number
  /** Only keys of which something runs. */
  readonly lanes: Map<K, Lane<K, A>>
  running: number
  waiting: number
}

export const make = <K, A>(width = 1): Lanes<K, A> => ({
  width: width >= 1 ? Math.floor(width) : 1,
  lanes: new Map(),
  running: 0,
  waiting: 0,
})

export const waiter = <K, A>(key: K, value: A): Waiter<K, A> => ({
  key,
  value,
  state: "new",
  previous: undefined,
  next: undefined,
})

/** True when it may run now; otherwise it waits at the end of its lane, to be handed over to by `end`. */
export const enter = <K, A>(lanes: Lanes<K, A>, entering: Waiter<K, A>): boolean => {
  const lane = lanes.lanes.get(entering.key)
  if (lane === undefined) {
    lanes.lanes.set(entering.key, { running: 1, first: undefined, last: undefined })
  } else if (lane.running < lanes.width) {
    lane.running++
  } else {
    entering.state = "waiting"
    entering.previous = lane.last
    if (lane.last === undefined) lane.first = entering
    else lane.last.next = entering
    lane.last = entering
    lanes.waiting++
    return false
  }
  entering.state = "running"
  lanes.running++
  return true
}

/**
 * Ends one, whatever its state. If it ran, its place goes to the next of its lane, which is returned and is to run
 * now; if it waited, it leaves the lane and never runs.
 */
export const end = <K, A>(lanes: Lanes<K, A>, ended: Waiter<K, A>): Waiter<K, A> | undefined => {
  const lane = lanes.lanes.get(ended.key)
  const state = ended.state
  ended.state = "over"
  if (lane === undefined) return undefined
  if (state === "waiting") {
    unlink(lanes, lane, ended)
    return undefined
  }
  if (state !== "running") return undefined
  const next = lane.first
  if (next !== undefined) {
    unlink(lanes, lane, next)
    next.state = "running"
    return next
  }
  lanes.running--
  lane.running--
  if (lane.running === 0) lanes.lanes.delete(ended.key)
  return undefined
}

const unlink = <K, A>(lanes: Lanes<K, A>, lane: Lane<K, A>, removed: Waiter<K, A>): void => {
  if (removed.previous === undefined) lane.first = removed.next
  else removed.previous.next = removed.next
  if (removed.next === undefined) lane.last = removed.previous
  else removed.next.previous = removed.previous
  removed.previous = undefined
  removed.next = undefined
  lanes.waiting--
}

/** Lanes as plain data; as JSON if keys and values are. */
export interface LanesSnapshot<K, A> {
  readonly version: 1
  readonly width: number
  /** How many run of each key, and who waits, in order. */
  readonly lanes: ReadonlyArray<{ readonly key: K; readonly running: number; readonly waiting: ReadonlyArray<A> }>
}

export const snapshot = <K, A>(lanes: Lanes<K, A>): LanesSnapshot<K, A> => ({
  version: 1,
  width: lanes.width,
  lanes: Array.from(lanes.lanes, ([key, lane]) => {
    const waiting: Array<A> = []
    for (let one = lane.first; one !== undefined; one = one.next) waiting.push(one.value)
    return { key, running: lane.running, waiting }
  }),
})

/** Lanes that go on where the snapshot was taken; `revived` is told each who waits, in order to end it one day. */
export const restore = <K, A>(
  from: LanesSnapshot<K, A>,
  revived: (waiter: Waiter<K, A>) => void = () => {},
): Lanes<K, A> => {
  const lanes = make<K, A>(from.width)
  for (const { key, running, waiting } of from.lanes) {
    lanes.lanes.set(key, { running, first: undefined, last: undefined })
    lanes.running += running
    // The lane is as full as it was: all of these wait again.
    for (const value of waiting) {
      const one = waiter(key, value)
      enter(lanes, one)
      revived(one)
    }
  }
  return lanes
}

/** One that ran when the snapshot was taken. */
export const ongoing = <K, A>(key: K, value: A): Waiter<K, A> => ({ ...waiter(key, value), state: "running" })
