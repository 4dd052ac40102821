/**
 * All that waits for a time, on one hierarchical wheel: a million sleepers in a few typed arrays.
 *
 * Nine levels of 64 slots stand for the base-64 digits of a time in whole milliseconds. An entry lies on the
 * level of the highest digit in which its deadline differs from the wheel's time, and moves down as that digit
 * comes up, at most eight times (G. Varghese, T. Lauck, "Hashed and Hierarchical Timing Wheels", 1987). Schedule
 * and cancel are O(1); nothing is allocated but when the wheel grows.
 *
 * Never early: a deadline is rounded up and `now` down. Entries come out in order of their deadline, and in order
 * of scheduling within a millisecond. A deadline that has passed is due at once. A clock that goes back is ignored.
 *
 * @example
 * const wheel = TimerWheel.make<string>(0)
 * const handle = TimerWheel.schedule(wheel, 250, "time out")
 * TimerWheel.poll(wheel, 249) // undefined
 * TimerWheel.poll(wheel, 250) // "time out"
 */

/** Names one scheduled entry, also after its place was given to another. */
export type Handle = number

export interface TimerWheel<A extends {}> {
  /** The wheel's time, in whole milliseconds: the greatest `now` polled. */
  elapsed: number
  /** How many wait. */
  size: number
  readonly slots: Slots
  entries: Entries<A>
}

/** Slots are numbered level × 64 + digit; bit d of `low` or `high` says whether slot d of a level is occupied. */
interface Slots {
  readonly first: Int32Array
  readonly last: Int32Array
  readonly low: Int32Array
  readonly high: Int32Array
}

/** Entry i is spread over arrays. `slot` is -1 while i is free; the free ones are chained through `next`. */
interface Entries<A> {
  deadline: Float64Array
  next: Int32Array
  previous: Int32Array
  slot: Int16Array
  generation: Int32Array
  readonly values: Array<A | undefined>
  free: number
  used: number
}

const LEVELS = 9
const DIGIT_BITS = 6
const SLOTS = 1 << DIGIT_BITS
const MASK = SLOTS - 1
/** Digits 0–4 of a time are its low half, digits 5–8 its high half: each fits the integers of bit operations. */
const HALF = 2 ** 30
const HALF_DIGITS = 5
const NONE = -1
const MAX_ENTRIES = 2 ** 26
const GENERATIONS = 2 ** 26

/** A wheel whose time starts at `now`, in milliseconds, not negative. */
export const make = <A extends {}>(now = 0, capacity = 16): TimerWheel<A> => ({
  elapsed: Math.max(0, Math.floor(now)),
  size: 0,
  slots: {
    first: new Int32Array(LEVELS * SLOTS).fill(NONE),
    last: new Int32Array(LEVELS * SLOTS).fill(NONE),
    low: new Int32Array(LEVELS),
    high: new Int32Array(LEVELS),
  },
  entries: {
    deadline: new Float64Array(capacity),
    next: new Int32Array(capacity),
    previous: new Int32Array(capacity),
    slot: new Int16Array(capacity),
    generation: new Int32Array(capacity),
    values: [],
    free: NONE,
    used: 0,
  },
})

/** Schedules `value` for the time `deadline` (milliseconds, on the clock of `poll`). */
export const schedule = <A extends {}>(wheel: TimerWheel<A>, deadline: number, value: A): Handle => {
  const entries = wheel.entries
  let index = entries.free
  if (index === NONE) {
    index = entries.used
    if (index === entries.deadline.length) grow(entries)
    entries.used++
  } else {
    entries.free = entries.next[index] ?? NONE
  }
  const whole = Math.ceil(deadline)
  entries.deadline[index] = whole > wheel.elapsed ? Math.min(whole, Number.MAX_SAFE_INTEGER) : wheel.elapsed
  entries.values[index] = value
  place(wheel, index)
  wheel.size++
  return (entries.generation[index] ?? 0) * MAX_ENTRIES + index
}

/** Takes an entry off the wheel. False when it was due or cancelled before. */
export const cancel = <A extends {}>(wheel: TimerWheel<A>, handle: Handle): boolean => {
  const index = handle % MAX_ENTRIES
  const { generation, slot, used } = wheel.entries
  // A handle that was never given out: of another wheel, say.
  if (index >= used) return false
  if (generation[index] !== Math.floor(handle / MAX_ENTRIES) || slot[index] === NONE) return false
  takeOff(wheel, index)
  return true
}

/** The next entry that is due at `now`, or nothing. Ask until there is nothing. */
export const poll = <A extends {}>(wheel: TimerWheel<A>, now: number): A | undefined => {
  const target = Math.max(wheel.elapsed, Math.floor(now))
  for (;;) {
    const slot = nextSlot(wheel.slots)
    const start = slot === NONE ? Number.POSITIVE_INFINITY : startOf(wheel.elapsed, slot)
    if (start > target) {
      wheel.elapsed = target
      return undefined
    }
    if (start > wheel.elapsed) wheel.elapsed = start
    const index = wheel.slots.first[slot] ?? NONE
    if (slot < SLOTS) return takeOff(wheel, index)
    moveDown(wheel, slot, index)
  }
}

/**
 * When to poll next: no entry is due before it. Infinity when nothing waits. For an entry that is far away it may
 * be earlier than the deadline, so that the wheel can move it down.
 */
export const nextPoll = <A extends {}>(wheel: TimerWheel<A>): number => {
  const slot = nextSlot(wheel.slots)
  return slot === NONE ? Number.POSITIVE_INFINITY : Math.max(wheel.elapsed, startOf(wheel.elapsed, slot))
}

/** The first occupied slot of the lowest level that has one: what it holds is earlier than all the rest. */
const nextSlot = (slots: Slots): number => {
  for (let level = 0; level < LEVELS; level++) {
    const low = slots.low[level] ?? 0
    if (low !== 0) return level * SLOTS + lowestBit(low)
    const high = slots.high[level] ?? 0
    if (high !== 0) return level * SLOTS + 32 + lowestBit(high)
  }
  return NONE
}

const lowestBit = (bits: number): number => 31 - Math.clz32(bits & -bits)

/** The first millisecond of a slot: the digits of `elapsed` above its level, its own digit, zeros below. */
const startOf = (elapsed: number, slot: number): number => {
  const level = slot >> DIGIT_BITS
  const unit = SLOTS ** level
  return (Math.floor(elapsed / (unit * SLOTS)) * SLOTS + (slot & MASK)) * unit
}

/** The slot of a deadline that is not before `elapsed`. */
const slotOf = (elapsed: number, deadline: number): number => {
  const deadlineHigh = Math.floor(deadline / HALF)
  const elapsedHigh = Math.floor(elapsed / HALF)
  if (deadlineHigh === elapsedHigh) {
    const deadlineLow = deadline - deadlineHigh * HALF
    const level = highestDigit(deadlineLow ^ (elapsed - elapsedHigh * HALF))
    return level * SLOTS + ((deadlineLow >>> (level * DIGIT_BITS)) & MASK)
  }
  const level = highestDigit(deadlineHigh ^ elapsedHigh)
  return (HALF_DIGITS + level) * SLOTS + ((deadlineHigh >>> (level * DIGIT_BITS)) & MASK)
}

const highestDigit = (bits: number): number => ((31 - Math.clz32(bits | 1)) / DIGIT_BITS) | 0

const place = <A extends {}>(wheel: TimerWheel<A>, index: number): void => {
  const { slots, entries } = wheel
  const slot = slotOf(wheel.elapsed, entries.deadline[index] ?? 0)
  const last = slots.last[slot] ?? NONE
  entries.slot[index] = slot
  entries.previous[index] = last
  entries.next[index] = NONE
  slots.last[slot] = index
  if (last !== NONE) {
    entries.next[last] = index
    return
  }
  slots.first[slot] = index
  const level = slot >> DIGIT_BITS
  const half = slot & 32 ? slots.high : slots.low
  half[level] = (half[level] ?? 0) | (1 << (slot & 31))
}

const clear = (slots: Slots, slot: number): void => {
  slots.first[slot] = NONE
  slots.last[slot] = NONE
  const level = slot >> DIGIT_BITS
  const half = slot & 32 ? slots.high : slots.low
  half[level] = (half[level] ?? 0) & ~(1 << (slot & 31))
}

/** Spreads a slot, whose time has come, over the levels below, in order. */
const moveDown = <A extends {}>(wheel: TimerWheel<A>, slot: number, first: number): void => {
  clear(wheel.slots, slot)
  for (let index = first; index !== NONE; ) {
    const following = wheel.entries.next[index] ?? NONE
    place(wheel, index)
    index = following
  }
}

/** Unlinks an entry, frees its place and returns what it carried. */
const takeOff = <A extends {}>(wheel: TimerWheel<A>, index: number): A | undefined => {
  const { slots, entries } = wheel
  const slot = entries.slot[index] ?? NONE
  const next = entries.next[index] ?? NONE
  const previous = entries.previous[index] ?? NONE
  if (next === NONE && previous === NONE) {
    clear(slots, slot)
  } else {
    if (previous === NONE) slots.first[slot] = next
    else entries.next[previous] = next
    if (next === NONE) slots.last[slot] = previous
    else entries.previous[next] = previous
  }
  const value = entries.values[index]
  entries.values[index] = undefined
  entries.slot[index] = NONE
  entries.generation[index] = ((entries.generation[index] ?? 0) + 1) % GENERATIONS
  entries.next[index] = entries.free
  entries.free = index
  wheel.size--
  return value
}

const grow = <A>(entries: Entries<A>): void => {
  const capacity = Math.max(16, entries.deadline.length * 2)
  if (capacity > MAX_ENTRIES) throw new RangeError(`A timer wheel holds at most ${MAX_ENTRIES} entries.`)
  const deadline = new Float64Array(capacity)
  deadline.set(entries.deadline)
  entries.deadline = deadline
  entries.next = widened(entries.next, capacity)
  entries.previous = widened(entries.previous, capacity)
  entries.generation = widened(entries.generation, capacity)
  const slot = new Int16Array(capacity)
  slot.set(entries.slot)
  entries.slot = slot
}

const widened = (array: Int32Array, capacity: number): Int32Array => {
  const wider = new Int32Array(capacity)
  wider.set(array)
  return wider
}
