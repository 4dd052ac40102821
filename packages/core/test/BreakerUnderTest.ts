/** A circuit breaker kernel on a clock that the test moves. */
import * as BreakerSettings from "../src/kernel/resilience/BreakerSettings.ts"
import * as CircuitBreaker from "../src/kernel/resilience/CircuitBreaker.ts"

/** A breaker with a clock of its own, and calls that take no time. */
export const bench = (changes: Partial<BreakerSettings.BreakerSettings> = {}) => {
  const settings = BreakerSettings.make({ steps: [], ...changes })
  const breaker = CircuitBreaker.make(settings)
  const clock = { now: 1_000_000 }
  const admit = () => CircuitBreaker.admit(breaker, clock.now)
  const succeed = (ticket = admit(), durationMillis = 0) =>
    CircuitBreaker.succeed(breaker, ticket, clock.now, durationMillis)
  const fail = (ticket = admit(), timedOut = false) => CircuitBreaker.fail(breaker, ticket, clock.now, 0, timedOut)
  const times = (n: number, action: () => void) => {
    for (let i = 0; i < n; i++) action()
  }
  const trip = () => {
    times(settings.minimumCalls, () => fail())
    if (breaker.phase !== "open") throw new Error("the breaker should have opened")
  }
  const wait = (millis: number) => {
    clock.now += millis
  }
  const tags = () => breaker.events.map((event) => event._tag)
  return { breaker, settings, clock, admit, succeed, fail, times, trip, wait, tags }
}
