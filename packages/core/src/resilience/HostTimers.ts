/**
 * The timer wheel on the host's own clock, one for all timeouts of a process.
 *
 * Nearly every timeout is cancelled, and the wheel makes that cheap. While nothing waits, its alarm does not keep
 * the process alive.
 */
import * as Timers from "../kernel/concurrency/Timers.ts"

interface HostTimers {
  readonly timers: Timers.Timers
  /** The host's timer function that this wheel is on: test tools put fake ones in its place. */
  readonly setTimeout: typeof globalThis.setTimeout
  alarm: unknown
}

let host: HostTimers | undefined

const start = (): HostTimers => {
  const started: HostTimers = {
    timers: Timers.make({
      now: () => performance.now(),
      wakeAfter: (millis, wake) => {
        const timer = setTimeout(wake, millis)
        started.alarm = timer
        return () => clearTimeout(timer)
      },
    }),
    setTimeout: globalThis.setTimeout,
    alarm: undefined,
  }
  return started
}

/** Calls `run` after so many milliseconds. */
export const after = (millis: number, run: () => void): Timers.Handle => {
  if (host === undefined || host.setTimeout !== globalThis.setTimeout) host = start()
  const handle = Timers.after(host.timers, millis, run)
  if (host.timers.wheel.size === 1) setReferenced(host.alarm, true)
  return handle
}

/** False when it ran or was cancelled before. */
export const cancel = (handle: Timers.Handle): boolean => {
  if (host === undefined) return false
  const cancelled = Timers.cancel(host.timers, handle)
  if (host.timers.wheel.size === 0) setReferenced(host.alarm, false)
  return cancelled
}

/** Node's and Bun's timers can let the process end; a browser's is a number. */
const setReferenced = (timer: unknown, referenced: boolean): void => {
  if (typeof timer !== "object" || timer === null) return
  const method: unknown = Reflect.get(timer, referenced ? "ref" : "unref")
  if (typeof method === "function") method.call(timer)
}
