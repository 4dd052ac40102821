/**
 * The lines of those in this process who want a lock: one a resource, first in, first out. It tells through callbacks
 * and knows neither fibers nor promises.
 *
 * Only the front asks the store, so a thousand waiters cost it no more than one, and a lock that is released goes to
 * the next in line without anybody else waking up.
 */
import * as Permits from "../kernel/concurrency/Permits.ts"
import type { Alarm } from "./Alarm.ts"

interface Line {
  readonly permits: Permits.Permits<() => void>
  /** How often a release was heard of. */
  hints: number
  /** Wakes the front while it waits for the next hint. */
  wake: (() => void) | undefined
}

/** Takes the wish to be told back. */
type Forget = () => void

/** A place in a line. */
export interface Place {
  /** Tells true when this is the front, perhaps at once; false when `deadline` came first. To be left in either case. */
  readonly front: (tell: (front: boolean) => void) => Forget
  /** How often a release was heard of: to be read before the store is asked. */
  readonly hints: () => number
  /** Tells when more than `seen` hints were heard, perhaps at once, or after so many milliseconds. */
  readonly hinted: (seen: number, millis: number, tell: () => void) => Forget
  /** Lets the next one to the front. Twice does nothing. */
  readonly leave: () => void
}

export class LockLines {
  readonly #alarm: Alarm
  readonly #lines = new Map<string, Line>()

  constructor(alarm: Alarm) {
    this.#alarm = alarm
  }

  /** How many resources somebody waits for or holds. */
  get size(): number {
    return this.#lines.size
  }

  /** Tells who is at the front that the resource, or any, may be free. */
  readonly wake = (resource?: string): void => {
    const lines = resource === undefined ? [...this.#lines.values()] : [this.#lines.get(resource)]
    for (const line of lines) {
      if (line === undefined) continue
      line.hints++
      line.wake?.()
    }
  }

  /** Gets in line. `deadline` is on the clock of the alarm. */
  enter(resource: string, deadline: number): Place {
    const alarm = this.#alarm
    const line = this.#lines.get(resource) ?? { permits: Permits.make<() => void>(1), hints: 0, wake: undefined }
    this.#lines.set(resource, line)
    let onFront = nothing
    let left = false
    const waiter = Permits.waiter(() => onFront())
    Permits.wait(line.permits, waiter)
    settle(line)
    return {
      front: (tell) => {
        if (waiter.held > 0) {
          tell(true)
          return nothing
        }
        const end = (): void => {
          onFront = nothing
          alarm.cancel(late)
        }
        const late = alarm.schedule(deadline - alarm.now(), () => {
          end()
          tell(false)
        })
        onFront = () => {
          end()
          tell(true)
        }
        return end
      },
      hints: () => line.hints,
      hinted: (seen, millis, tell) => {
        if (line.hints !== seen) {
          tell()
          return nothing
        }
        const end = (): void => {
          line.wake = undefined
          alarm.cancel(timer)
        }
        const ring = (): void => {
          end()
          tell()
        }
        const timer = alarm.schedule(millis, ring)
        line.wake = ring
        return end
      },
      leave: () => {
        if (left) return
        left = true
        Permits.end(line.permits, waiter)
        settle(line)
        if (line.permits.inFlight === 0 && line.permits.queue.size === 0) this.#lines.delete(resource)
      },
    }
  }
}

const nothing = (): void => {}

const settle = (line: Line): void => Permits.next(line.permits)?.value()
