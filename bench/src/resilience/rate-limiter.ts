/** What a rate limit costs, what a key weighs, and whether it holds in every window. */
import { LimitTable, RateLimiter } from "@paceline/core/kernel"
import { Promises } from "@paceline/core/resilience"
import { RateLimiterMemory } from "rate-limiter-flexible"
import { compare, count, inFreshProcess, nanosecondsEach } from "../Harness.ts"

const CALLS = 50_000
const keys = Array.from({ length: 1_000 }, (_, i) => `athlete-${i}`)
const keyOf = (i: number): string => keys[i % keys.length] ?? ""

const wide = { name: "wide", limit: 1_000_000_000, windowMillis: 60_000, burst: 1_000_000_000 }
const narrow = { name: "narrow", limit: 1, windowMillis: 86_400_000, burst: 1, adapts: false }

const ours = Promises.rateLimiter()
const theirs = new RateLimiterMemory({ points: 1_000_000_000, duration: 60 })
const theirsNarrow = new RateLimiterMemory({ points: 1, duration: 86_400 })

const each = (call: (key: string) => unknown): Promise<number> =>
  nanosecondsEach(CALLS, async () => {
    for (let i = 0; i < CALLS; i++) await call(keyOf(i))
  })

const ignore = (): void => {}

for (const key of keys) {
  ours.ask([{ limit: narrow, key }])
  await theirsNarrow.consume(key)
}

const bytesAKey = (who: "ours" | "theirs"): number =>
  Number(inFreshProcess(new URL("./processes/rate-limit-keys.ts", import.meta.url), who, "500000"))

const { api } = RateLimiter.limits.user

/** The most admissions in any window of a minute. */
const mostInAnyMinute = (admitted: ReadonlyArray<number>): number => {
  let most = 0
  for (let first = 0, last = 0; last < admitted.length; last++) {
    while ((admitted[last] ?? 0) - (admitted[first] ?? 0) >= 60_000) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}

/** The worst there is: two minutes of idling, then a try every millisecond for three minutes, and that again. */
const attempts = function* (): Generator<number> {
  for (const round of [0, 1]) for (let i = 0; i < 180_000; i++) yield round * 300_000 + 120_000 + i
}

const admittedByOurs = (): number => {
  const table = LimitTable.make({ ...api, adapts: false })
  const admitted = [...attempts()].filter((now) => LimitTable.take(table, "athlete", 1, now) === 0)
  return mostInAnyMinute(admitted)
}

/** The peer reads `Date.now`, which stands still here while it decides. */
const admittedByTheirs = async (): Promise<number> => {
  const limiter = new RateLimiterMemory({ points: 100, duration: 60 })
  const realNow = Date.now
  const admitted: Array<number> = []
  try {
    for (const now of [0, ...Array.from({ length: 400 }, (_, i) => 59_900 + i)]) {
      Date.now = () => 1_700_000_000_000 + now
      await limiter.consume("athlete").then(() => admitted.push(now), ignore)
    }
  } finally {
    Date.now = realNow
  }
  return mostInAnyMinute(admitted)
}

export const rows = [
  compare({
    name: "rate limit, allowed",
    unit: "ns/call",
    goal: 0.8,
    ours: () => each((key) => ours.ask([{ limit: wide, key }])),
    peers: { "rate-limiter-flexible memory": () => each((key) => theirs.consume(key)) },
    note: "1,000 keys, both awaited; ours answers without a promise, so nothing but the await is asynchronous",
  }),
  compare({
    name: "rate limit, rejected",
    unit: "ns/call",
    goal: 0.4,
    ours: () => each((key) => ours.ask([{ limit: narrow, key }])),
    peers: { "rate-limiter-flexible memory": () => each((key) => theirsNarrow.consume(key).catch(ignore)) },
    note: "ours gives a verdict, theirs rejects a promise",
  }),
  compare({
    name: "rate limit, bytes a key",
    unit: "bytes",
    goal: 0.5,
    rounds: 5,
    ours: () => bytesAKey("ours"),
    peers: { "rate-limiter-flexible memory": () => bytesAKey("theirs") },
    note: "resident memory for 500,000 keys, each in a process of its own, the key's string included",
  }),
  count({
    name: "most admitted in any sliding minute, 100 a minute",
    unit: "calls",
    bound: api.limit + api.burst,
    ours: admittedByOurs,
    peers: { "rate-limiter-flexible memory": admittedByTheirs },
    note: `limit ${api.limit} + burst ${api.burst}; the peer's limit is 100 without a burst`,
  }),
]
