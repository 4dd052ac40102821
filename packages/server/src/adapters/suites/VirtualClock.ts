/**
 * A clock that stands still until a test lets time pass, for tests whose programs poll for hours.
 *
 * Unlike Effect's `TestClock` it does not step through each sleep in between: it jumps, wakes all whose time has come,
 * and leaves the waiting to the test, which knows what it waits for. So an hour of polls costs as much as its steps.
 */
import { Clock, Duration, Effect } from "effect"

export class VirtualClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  #now = 0
  readonly #sleepers = new Set<{ readonly until: number; readonly wake: () => void }>()

  unsafeCurrentTimeMillis(): number {
    return this.#now
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(Math.round(this.#now * 1e6))
  }

  readonly currentTimeMillis = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const sleeper = { until: this.#now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
      if (sleeper.until <= this.#now) return sleeper.wake()
      this.#sleepers.add(sleeper)
      return Effect.sync(() => {
        this.#sleepers.delete(sleeper)
      })
    })
  }

  /** Lets so many milliseconds pass at once, and wakes those whose time has come, the earliest first. */
  jump(millis: number): void {
    this.#now += millis
    const due = [...this.#sleepers].filter(({ until }) => until <= this.#now).toSorted((a, b) => a.until - b.until)
    for (const sleeper of due) {
      this.#sleepers.delete(sleeper)
      sleeper.wake()
    }
  }
}
