/** What a circuit breaker costs: closed, open, and whatever is in its window. */
import { BreakerSettings, CircuitBreaker as Kernel } from "@paceline/core/kernel"
import { CircuitBreaker, Promises } from "@paceline/core/resilience"
import * as cockatiel from "cockatiel"
import { Effect, Exit } from "effect"
import * as Effect4 from "effect4/Effect"
import * as Breaker4 from "effect4/persistence/CircuitBreaker"
import Opossum from "opossum"
import { compare, nanosecondsEach } from "../Harness.ts"

const CALLS = 50_000

const operation = async (): Promise<number> => CALLS

const oneAfterAnother = (call: () => Promise<unknown>): Promise<number> =>
  nanosecondsEach(CALLS, async () => {
    for (let i = 0; i < CALLS; i++) await call()
  })

const ours = Promises.circuitBreaker("bench")

const cockatielBreaker = (): cockatiel.CircuitBreakerPolicy =>
  cockatiel.circuitBreaker(cockatiel.handleAll, {
    halfOpenAfter: 3_600_000,
    breaker: new cockatiel.SamplingBreaker({ threshold: 0.5, duration: 30_000 }),
  })
const theirs = cockatielBreaker()

const inFiber = async (): Promise<number> => {
  const breaker = await Effect.runPromise(CircuitBreaker.make("bench"))
  const job = Effect.sync(() => CALLS)
  const all = Effect.gen(function* () {
    for (let i = 0; i < CALLS; i++) yield* breaker.run(job)
  })
  return nanosecondsEach(CALLS, () => Effect.runPromise(all))
}

const inFiber4 = (tripPolicy: Breaker4.TripPolicy): Promise<number> =>
  Effect4.runPromise(
    Effect4.scoped(
      Effect4.gen(function* () {
        const breaker = yield* Breaker4.make({ tripPolicy, openDuration: "5 seconds" })
        const job = Effect4.sync(() => CALLS)
        const before = performance.now()
        for (let i = 0; i < CALLS; i++) yield* breaker.execute(job, { key: "bench" })
        return ((performance.now() - before) * 1e6) / CALLS
      }),
    ).pipe(Effect4.provide(Breaker4.layerStoreMemory())),
  )

const ignore = (): void => {}

const ourOpen = Promises.circuitBreaker("open", {
  openMillis: { baseMillis: 3_600_000, maxMillis: 3_600_000, factor: 1 },
})
const cockatielOpen = cockatielBreaker()
const opossumOpen = new Opossum(operation, { timeout: false })

const openAll = async (): Promise<void> => {
  const down = (): Promise<never> => Promise.reject(new Error("down"))
  opossumOpen.open()
  for (let i = 0; i < 1_000; i++) {
    await ourOpen.execute(down).catch(ignore)
    await cockatielOpen.execute(down).catch(ignore)
  }
  for (const call of [
    () => ourOpen.execute(operation),
    () => cockatielOpen.execute(operation),
    () => opossumOpen.fire(),
  ]) {
    const passed = await call().then(
      () => true,
      () => false,
    )
    if (passed) throw new Error("A breaker that should be open let a call pass")
  }
}
await openAll()

/** Keeps closed whatever happens, with a million calls in its window. */
const holding = {
  window: { kind: "count", calls: 1_000_000 },
  errorRate: 1,
  slowCallRate: 1,
  consecutiveFailures: 0,
  steps: [],
} as const
const fill = (state: Kernel.CircuitBreaker): void => {
  for (let i = 0; i < 1_000_000; i++) Kernel.succeed(state, Kernel.admit(state, i), i, 1)
}
const full = await Effect.runPromise(CircuitBreaker.make("full", holding))
const fullOfAnything = await Effect.runPromise(CircuitBreaker.make("full", { ...holding, kindOf: () => "transient" }))
const fullForPromises = Promises.circuitBreaker("full", holding)
const fullAlone = Kernel.make(BreakerSettings.make(holding))
for (const { cell } of [full, fullOfAnything, fullForPromises]) fill(cell.state)
fill(fullAlone)

/** Operations whose outcome was made before, good or bad: what differs is what a breaker makes of it. */
const success = Exit.succeed(CALLS)
const good = Effect.suspend(() => success)
const error = new Error("down")
const failure = Exit.fail(error)
const bad = Effect.suspend(() => failure)
const resolved = Promise.resolve(CALLS)
const rejected = Promise.reject(error)
rejected.catch(ignore)

/** Many, and many rounds: what is to be seen is smaller than a machine's noise. */
const WHOLE_CALLS = 4 * CALLS
const ROUNDS = 15

/** A whole call, and a caller who takes the outcome for what it is. */
const wholeCalls = (call: Effect.Effect<number, unknown>): Promise<number> => {
  const outcome = Effect.exit(call)
  const all = Effect.gen(function* () {
    for (let i = 0; i < WHOLE_CALLS; i++) yield* outcome
  })
  return nanosecondsEach(WHOLE_CALLS, () => Effect.runPromise(all))
}
const wholePromises = (call: () => Promise<number>): Promise<number> =>
  nanosecondsEach(WHOLE_CALLS, async () => {
    for (let i = 0; i < WHOLE_CALLS; i++) await call().then(ignore, ignore)
  })

/** From admission to result, in the kernel alone. Two loops, so that neither is compiled for the other. */
const settlements = 40 * CALLS
const failing = (): Promise<number> =>
  nanosecondsEach(settlements, () => {
    for (let now = 0; now < settlements; now++) Kernel.fail(fullAlone, Kernel.admit(fullAlone, now), now, 1, false)
  })
const succeeding = (): Promise<number> =>
  nanosecondsEach(settlements, () => {
    for (let now = 0; now < settlements; now++) Kernel.succeed(fullAlone, Kernel.admit(fullAlone, now), now, 1)
  })

export const rows = [
  compare({
    name: "breaker closed, promises",
    unit: "ns/call",
    goal: 0.9,
    ours: () => oneAfterAnother(() => ours.execute(operation)),
    peers: { "cockatiel sampling": () => oneAfterAnother(() => theirs.execute(operation)) },
    note: "ours also measures how long each call takes, for the slow-call rate; cockatiel does not",
  }),
  compare({
    name: "breaker closed, inside a fiber",
    unit: "ns/call",
    goal: 0.3,
    ours: inFiber,
    peers: {
      "Effect 4, consecutive": () => inFiber4(Breaker4.consecutive(5)),
      "Effect 4, rate": () => inFiber4(Breaker4.rate({ threshold: 0.5, size: 100 })),
    },
    note: "each on its own runtime: ours on Effect 3, theirs on Effect 4 with its memory store, keyed",
  }),
  compare({
    name: "breaker open, rejecting",
    unit: "ns/call",
    goal: 0.25,
    ours: () => oneAfterAnother(() => ourOpen.execute(operation).catch(ignore)),
    peers: {
      cockatiel: () => oneAfterAnother(() => cockatielOpen.execute(operation).catch(ignore)),
      opossum: () => oneAfterAnother(() => opossumOpen.fire().catch(ignore)),
    },
    note: "ours rejects with one prebuilt error for each opening; theirs build one for each call",
  }),
  compare({
    name: "failing call / succeeding call, 1,000,000 samples in the window",
    unit: "ns/call",
    goal: 1.2,
    rounds: ROUNDS,
    ours: () => wholeCalls(full.run(bad)),
    peers: { "ours, succeeding": () => wholeCalls(full.run(good)) },
    note: "whole calls inside a fiber; the outcome was made before, so that no time goes into building an error; what remains above 1 is finding out whether the error, a plain Error, speaks against the dependency",
  }),
  compare({
    name: "every error counted (kindOf): failing call / succeeding call, 1,000,000 samples in the window",
    unit: "ns/call",
    goal: 1.2,
    rounds: ROUNDS,
    ours: () => wholeCalls(fullOfAnything.run(bad)),
    peers: { "ours, succeeding": () => wholeCalls(fullOfAnything.run(good)) },
    note: "as the row above, without finding out what the error means",
  }),
  compare({
    name: "no breaker at all: failing / succeeding inside a fiber",
    unit: "ns/call",
    goal: 1.2,
    rounds: ROUNDS,
    ours: () => wholeCalls(bad),
    peers: { "Effect, succeeding": () => wholeCalls(good) },
    note: "for comparison: the same outcomes and callers, with nothing of ours between",
  }),
  compare({
    name: "promises: failing call / succeeding call, 1,000,000 samples in the window",
    unit: "ns/call",
    goal: 1.2,
    rounds: ROUNDS,
    ours: () => wholePromises(() => fullForPromises.execute(() => rejected)),
    peers: { "ours, succeeding": () => wholePromises(() => fullForPromises.execute(() => resolved)) },
    note: "the operation returns a promise that was settled before; a handler can reject only by throwing, which is dear, or by handing on a rejected promise, which takes two more turns of the queue. That and finding out what the error means is what remains above 1",
  }),
  compare({
    name: "kernel alone: failing / succeeding result, 1,000,000 samples in the window",
    unit: "ns/call",
    goal: 1.2,
    ours: failing,
    peers: { "ours, succeeding": succeeding },
    note: "from admission to result, without the clock, the error and the caller",
  }),
]
