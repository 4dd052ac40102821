/**
 * One wheel driven by one alarm: everything in a process that waits for a time can share it.
 *
 * It cannot be kept over a restart, and nothing would be won: what waits are callbacks, and its clock has an origin of
 * its own in each process. What must happen after a restart too is a row with a time, not a timer.
 *
 * The clock is given by the caller. It is armed once, for the wheel's next poll, and again only when something
 * earlier is scheduled; a cancelled entry leaves the alarm as it is.
 *
 * @example
 * const timers = Timers.make({
 *   now: () => performance.now(),
 *   wakeAfter: (millis, wake) => {
 *     const timer = setTimeout(wake, millis)
 *     return () => clearTimeout(timer)
 *   },
 * })
 * const handle = Timers.after(timers, 5_000, () => connection.close())
 * Timers.cancel(timers, handle)
 */
import * as TimerWheel from "./TimerWheel.ts"

/** What tells the time and wakes. `now` is in milliseconds from any origin, best one that never goes back. */
export interface AlarmClock {
  readonly now: () => number
  /** Calls `wake` once after so many milliseconds, never before it has returned. Returns what revokes it. */
  readonly wakeAfter: (millis: number, wake: () => void) => () => void
}

export interface Timers {
  readonly clock: AlarmClock
  wheel: TimerWheel.TimerWheel<() => void>
  /** The time the alarm is set to, Infinity when it is off, -Infinity when it is closed. */
  armedFor: number
  disarm: () => void
  /** While due entries run: the time they are due at. What they schedule in turn is due later than this. */
  ringingAt: number
}

export type Handle = TimerWheel.Handle

/** The greatest delay that hosts' timers take; a longer one is waited for in parts. */
const LONGEST_DELAY_MILLIS = 2 ** 31 - 1

const CLOSED = Number.NEGATIVE_INFINITY

const nothing = (): void => {}

export const make = (clock: AlarmClock): Timers => ({
  clock,
  wheel: TimerWheel.make(clock.now()),
  armedFor: Number.POSITIVE_INFINITY,
  disarm: nothing,
  ringingAt: Number.NEGATIVE_INFINITY,
})

/** Names nothing that waits. */
const NO_HANDLE: Handle = -1

/**
 * Calls `run` once, not before `millis` have passed; never, once closed. It must not throw; if it does, the rest still
 * runs.
 */
export const after = (timers: Timers, millis: number, run: () => void): Handle => {
  if (timers.armedFor === CLOSED) return NO_HANDLE
  const deadline = Math.max(timers.clock.now() + millis, timers.ringingAt + 1)
  const handle = TimerWheel.schedule(timers.wheel, deadline, run)
  // What is not a number is due at once, and so must have its alarm.
  if (!(deadline >= timers.armedFor)) arm(timers)
  return handle
}

/** False when it ran or was cancelled before. */
export const cancel = (timers: Timers, handle: Handle): boolean => TimerWheel.cancel(timers.wheel, handle)

/** Drops all that waits and turns the alarm off. */
export const close = (timers: Timers): void => {
  timers.disarm()
  timers.disarm = nothing
  timers.armedFor = CLOSED
  timers.wheel = TimerWheel.make(timers.wheel.elapsed)
}

const arm = (timers: Timers): void => {
  if (timers.ringingAt !== Number.NEGATIVE_INFINITY) return
  const next = TimerWheel.nextPoll(timers.wheel)
  timers.disarm()
  timers.disarm = nothing
  timers.armedFor = next
  if (next === Number.POSITIVE_INFINITY) return
  const delay = Math.max(0, Math.ceil(next - timers.clock.now()))
  timers.disarm = timers.clock.wakeAfter(Math.min(delay, LONGEST_DELAY_MILLIS), () => ring(timers))
}

const ring = (timers: Timers): void => {
  const now = timers.clock.now()
  timers.ringingAt = now
  timers.disarm = nothing
  try {
    for (let run = TimerWheel.poll(timers.wheel, now); run !== undefined; run = TimerWheel.poll(timers.wheel, now)) {
      run()
    }
  } finally {
    timers.ringingAt = Number.NEGATIVE_INFINITY
    if (timers.armedFor !== CLOSED) arm(timers)
  }
}
