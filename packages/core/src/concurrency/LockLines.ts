/**
 * The lines of those in this process who want a lock: one a resource, first in, first out.
 *
 * Only the front asks the store, so a thousand waiters cost it no more than one, and a lock that is released goes to
 * the next in line without anybody else waking up.
 */
import { Effect } from "effect"
import * as Permits from "../kernel/concurrency/Permits.ts"
import type { TimersService } from "./Timers.ts"

interface Line {
  readonly permits: Permits.Permits<() => void>
  /** How often a release was heard of. */
  hints: number
  /** Wakes the front while it waits for the next hint. */
  wake: (() => void) | undefined
}

/** A place in a line. */
export interface Place {
  /** Suspends until this is the front: true. False when `deadline` came first. To be left in either case. */
  readonly front: Effect.Effect<boolean>
  /** How often a release was heard of: to be read before the store is asked. */
  readonly hints: () => number
  /** Suspends until more than `seen` hints were heard, or for so many milliseconds. */
  readonly hinted: (seen: number, millis: number) => Effect.Effect<void>
  /** Lets the next one to the front. Twice does nothing. */
  readonly leave: () => void
}

export class LockLines {
  readonly #timers: TimersService
  readonly #lines = new Map<string, Line>()

  constructor(timers: TimersService) {
    this.#timers = timers
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

  /** Gets in line. `deadline` is on the clock of the timers. */
  enter(resource: string, deadline: number): Place {
    const line = this.#lines.get(resource) ?? { permits: Permits.make<() => void>(1), hints: 0, wake: undefined }
    this.#lines.set(resource, line)
    let onFront = (): void => {}
    let left = false
    const waiter = Permits.waiter(() => onFront())
    Permits.wait(line.permits, waiter)
    settle(line)
    return {
      front: Effect.async<boolean>((resume) => {
        if (waiter.held > 0) return resume(Effect.succeed(true))
        const late = this.#timers.schedule(deadline - this.#timers.now(), () => resume(Effect.succeed(false)))
        onFront = () => {
          this.#timers.cancel(late)
          resume(Effect.succeed(true))
        }
        return Effect.sync(() => void this.#timers.cancel(late))
      }),
      hints: () => line.hints,
      hinted: (seen, millis) =>
        Effect.async<void>((resume) => {
          if (line.hints !== seen) return resume(Effect.void)
          const timer = this.#timers.schedule(millis, () => end())
          const end = (): void => {
            this.#timers.cancel(timer)
            line.wake = undefined
            resume(Effect.void)
          }
          line.wake = end
          return Effect.sync(end)
        }),
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

const settle = (line: Line): void => Permits.next(line.permits)?.value()
