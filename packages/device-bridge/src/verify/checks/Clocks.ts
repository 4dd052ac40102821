/** Clocks that jump. Times are labels: they order nothing, and nothing is dropped for them. */
import { type Check, must } from "../Check.ts"

const HOUR_MILLIS = 3_600_000
const YEAR_MILLIS = 365 * 24 * HOUR_MILLIS

export const clockChecks: ReadonlyArray<Check> = [
  {
    name: "clock/jumps",
    promise: "The device's clock goes back an hour and forward a year: nothing is dropped, reordered or stored twice.",
    run: async (bench) => {
      const { server, door } = await bench.serve()
      const bridge = bench.open(door.url)
      const now = Date.now
      let offset = 0
      Date.now = () => now() + offset
      bench.later(() => {
        Date.now = now
      })
      try {
        for (const jump of [0, -HOUR_MILLIS, YEAR_MILLIS, -YEAR_MILLIS]) {
          offset += jump
          await bench.append(bridge, 5)
          server.dropAll()
          await bench.until("it is connected again", () => bridge.status().connected)
        }
        await bench.delivered(bridge, server)
      } finally {
        Date.now = now
      }
      return `4 jumps of the wall clock, ${server.stored.length} chunks in order`
    },
  },
  {
    name: "clock/samples",
    promise: "Samples whose own times go back, stand still or lie far ahead come with exactly these times, in order.",
    run: async (bench) => {
      const { server, door } = await bench.serve()
      const bridge = bench.open(door.url)
      const times = [5_000, 4_000, 4_000, -1, YEAR_MILLIS * 300, 0, 1_700_000_000_000]
      for (const [value, at] of times.entries()) {
        bridge.record("strap-01", "power", at, value)
        bench.recorded.push(value)
        await bridge.flush()
      }
      await bench.delivered(bridge, server)
      const stored = server.samples.map(({ atMillis }) => atMillis)
      must(stored.join() === times.join(), `the times came as ${stored.join(", ")}`)
      return `${times.length} samples with times out of order`
    },
  },
]
