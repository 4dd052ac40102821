/** What it costs to have a million things wait for a time. Each in a process of its own, so its memory is its own. */
import { compare, inFreshProcess } from "../Harness.ts"

type Who = "wheel" | "fibers"

/** A process measures both rows at once; what the one row does not use is kept for the other. */
const kept = {
  wheel: { bytes: [] as number[], nanoseconds: [] as number[] },
  fibers: { bytes: [] as number[], nanoseconds: [] as number[] },
}

/** Node takes most of a minute to start a million fibers. What is shown of it beside is per sleeper, from fewer. */
const sleepers = "Bun" in globalThis ? 1_000_000 : 200_000

const each = (who: Who, what: "bytes" | "nanoseconds") => (): number => {
  const left = kept[who][what].shift()
  if (left !== undefined) return left
  const script = new URL("./processes/million-waiting.ts", import.meta.url)
  const [bytes, nanoseconds] = numbers(inFreshProcess(script, who, `${sleepers}`))
  if (bytes === undefined || nanoseconds === undefined) throw new Error("The process measured nothing.")
  kept[who].bytes.push(bytes)
  kept[who].nanoseconds.push(nanoseconds)
  return kept[who][what].shift() ?? Number.NaN
}

const numbers = (printed: unknown): ReadonlyArray<number> => (Array.isArray(printed) ? printed.map(Number) : [])

export const rows = [
  compare({
    name: "1,000,000 waiting on the wheel: memory",
    unit: "bytes/sleeper",
    goal: 0.05,
    rounds: 5,
    warmUp: false,
    ours: each("wheel", "bytes"),
    peers: { "Effect 3 sleeping fibers": each("fibers", "bytes") },
    note: "ours wait as callbacks, as the timeouts, delays and expiries of this package do, theirs as fibers; under Node 200,000",
  }),
  compare({
    name: "1,000,000 waiting on the wheel: start",
    unit: "ns/sleeper",
    goal: 0.05,
    rounds: 5,
    warmUp: false,
    ours: each("wheel", "nanoseconds"),
    peers: { "Effect 3 sleeping fibers": each("fibers", "nanoseconds") },
  }),
]
