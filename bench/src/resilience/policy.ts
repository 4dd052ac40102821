/** All guards together: what a good call pays for them, and what they do when everything fails. */
import { PromiseBulkhead } from "@paceline/core/concurrency"
import { type Promises as Guards, Promises } from "@paceline/core/resilience"
import * as cockatiel from "cockatiel"
import { compare, count, nanosecondsEach } from "../Harness.ts"

const CALLS = 20_000

const operation = async (): Promise<number> => CALLS

const bulkhead = PromiseBulkhead.make({ name: "bench", limit: 100, queue: 100 })
const ours = Promises.policyForUser("bench", { bulkhead })

const theirs = cockatiel.wrap(
  cockatiel.fallback(cockatiel.handleAll, 0),
  cockatiel.retry(cockatiel.handleAll, { maxAttempts: 4, backoff: new cockatiel.ExponentialBackoff() }),
  cockatiel.bulkhead(100, 100),
  cockatiel.circuitBreaker(cockatiel.handleAll, {
    halfOpenAfter: 5_000,
    breaker: new cockatiel.SamplingBreaker({ threshold: 0.5, duration: 30_000 }),
  }),
  cockatiel.timeout(10_000, cockatiel.TimeoutStrategy.Aggressive),
)

const oneAfterAnother = (call: () => Promise<unknown>): Promise<number> =>
  nanosecondsEach(CALLS, async () => {
    for (let i = 0; i < CALLS; i++) await call()
  })

const later = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))
const down = (): Promise<never> => Promise.reject(new Error("down"))
const ignore = (): void => {}

/** Callers who try until they get through, and the most that were served at once from closing until the first result. */
const atClosing = async (
  execute: (operation: () => Promise<void>) => Promise<void>,
  onClosed: (listener: () => void) => void,
): Promise<number> => {
  const watch = { closed: false, inFlight: 0, most: 0, served: false }
  onClosed(() => {
    watch.closed = true
  })
  const serve = async (): Promise<void> => {
    const duringFirstStep = watch.closed && !watch.served
    if (duringFirstStep) watch.most = Math.max(watch.most, ++watch.inFlight)
    await later(50)
    if (duringFirstStep) watch.served = true
  }
  const caller = async (): Promise<void> => {
    while (!watch.served) {
      const through = await execute(serve).then(
        () => true,
        () => false,
      )
      if (through) return
      await later(5)
    }
  }
  await Promise.all(Array.from({ length: 10_000 }, caller))
  return watch.most
}

const oursAtClosing = async (): Promise<number> => {
  const breaker = Promises.circuitBreaker("closing", {
    openMillis: { baseMillis: 20, maxMillis: 20, factor: 1 },
    probes: 1,
  })
  for (let i = 0; i < 20; i++) await breaker.execute(down).catch(ignore)
  return atClosing(breaker.execute, (listener) => {
    breaker.subscribe((event) => event._tag === "Closed" && listener())
  })
}

const theirsAtClosing = async (): Promise<number> => {
  const breaker = cockatiel.circuitBreaker(cockatiel.handleAll, {
    halfOpenAfter: 20,
    breaker: new cockatiel.ConsecutiveBreaker(20),
  })
  for (let i = 0; i < 20; i++) await breaker.execute(down).catch(ignore)
  return atClosing(
    (operation) => breaker.execute(operation),
    (listener) => {
      breaker.onReset(listener)
    },
  )
}

const CALLERS = 1_000

/** Calls sent for each caller, when three layers each retry and nothing works. */
const underOutage = async (
  nested: (operation: () => Promise<never>) => Promise<unknown>,
  callers: number,
): Promise<number> => {
  let sent = 0
  const failing = (): Promise<never> => {
    sent++
    return down()
  }
  await Promise.all(Array.from({ length: callers }, () => nested(failing).catch(ignore)))
  return sent / callers
}

const oursUnderOutage = (): Promise<number> => {
  const backoff = { baseMillis: 1, maxMillis: 10, factor: 2 }
  const [a, b, c]: ReadonlyArray<Guards.PromiseRetry> = [0, 1, 2].map(() => Promises.retryForUser({ backoff }))
  if (a === undefined || b === undefined || c === undefined) throw new Error("there are three")
  return underOutage(
    (operation) => a.execute((outer) => b.execute((inner) => c.execute(operation, inner), outer)),
    CALLERS,
  )
}

const theirsUnderOutage = (): Promise<number> => {
  const retry = () =>
    cockatiel.retry(cockatiel.handleAll, { maxAttempts: 4, backoff: new cockatiel.ConstantBackoff(1) })
  const nested = cockatiel.wrap(retry(), retry(), retry())
  return underOutage((operation) => nested.execute(operation), 50)
}

export const rows = [
  compare({
    name: "timeout + retry + breaker + bulkhead + fallback",
    unit: "ns/call",
    goal: 0.7,
    ours: () => oneAfterAnother(() => ours.executeOr(operation, () => 0)),
    peers: { "cockatiel, all five": () => oneAfterAnother(() => theirs.execute(operation)) },
    note: "ours also adapts its timeout, keeps a retry budget and a total time, and tags the answer",
  }),
  count({
    name: "concurrency at the moment of closing, 10,000 callers waiting",
    unit: "calls at once",
    bound: 10,
    ours: oursAtClosing,
    peers: { cockatiel: theirsAtClosing },
    note: "from closing until the first result after it; ours refuses while half-open, so callers come again every 5 ms",
  }),
  count({
    name: "calls for each caller under a total outage, three nested layers",
    unit: "calls",
    bound: 1.2,
    ours: oursUnderOutage,
    peers: { "cockatiel, 4 retries a layer": theirsUnderOutage },
    note: "retries alone, without a breaker that would stop them earlier; ours is handed the call by the layer outside",
  }),
]
