/**
 * Recommendations burn, and athletes still check in: the same load twice, without bulkheads and with them.
 *
 *   bun examples/check-in-stays-up/main.ts
 *
 * Both kinds of calls share 20 database connections. A check-in needs one for 5 ms. The model behind recommendations
 * has become slow and holds one for 500 ms, and more is asked of it than all connections together could do. Without
 * bulkheads it takes every connection, and check-ins wait behind it for most of a second. With bulkheads it has 8
 * places of its own, what does not fit is refused at once, and it even answers more than before.
 */
import { Bulkhead, Permits, Timers } from "@paceline/core/concurrency"
import { Duration, Effect } from "effect"

const SECONDS = 3

/** What stands before a call. */
type Guard = <A, E, R>(call: Effect.Effect<A, E, R>) => Effect.Effect<A, unknown, R>

/** Of the calls that were answered, how long each took, in milliseconds; and how many were not. */
interface Outcome {
  readonly millis: Array<number>
  refused: number
  late: number
}

/** Sends a call every so often, whatever became of those before. Nobody at a turnstile waits longer than a second. */
const arrivals = (everyMillis: number, call: Effect.Effect<void, unknown>): Effect.Effect<Outcome> =>
  Effect.gen(function* () {
    const outcome: Outcome = { millis: [], refused: 0, late: 0 }
    const one = call.pipe(
      Effect.timeoutFail({ duration: "1 second", onTimeout: () => "late" as const }),
      Effect.timed,
      Effect.match({
        onSuccess: ([took]) => {
          outcome.millis.push(Duration.toMillis(took))
        },
        onFailure: (error) => {
          outcome[error === "late" ? "late" : "refused"]++
        },
      }),
    )
    const each = Array.from({ length: (SECONDS * 1_000) / everyMillis }, (_, i) => Effect.delay(one, i * everyMillis))
    yield* Effect.all(each, { concurrency: "unbounded", discard: true })
    return outcome
  })

/** The load of a busy evening: 50 check-ins and 200 recommendations a second. Returns the check-ins that were late. */
const evening = (guards: { readonly checkIn: Guard; readonly recommendations: Guard }) =>
  Effect.gen(function* () {
    const connections = yield* Permits.make(20)
    const checkIn = connections.withPermit(Effect.sleep("5 millis"))
    const recommend = connections.withPermit(Effect.sleep("500 millis"))
    const [checkIns, recommendations] = yield* Effect.all(
      [arrivals(20, guards.checkIn(checkIn)), arrivals(5, guards.recommendations(recommend))],
      { concurrency: "unbounded" },
    )
    console.log("                 answered  refused  gave up   median      p99")
    console.log(`check-in        ${line(checkIns)}`)
    console.log(`recommendations ${line(recommendations)}`)
    return checkIns.late + checkIns.refused
  })

const line = ({ millis, refused, late }: Outcome): string => {
  const sorted = millis.toSorted((a, b) => a - b)
  const at = (share: number): string => `${(sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(0)} ms`
  const counts = [sorted.length, refused, late].map((count) => String(count).padStart(9))
  return [...counts, at(0.5).padStart(9), at(0.99).padStart(9)].join("")
}

const program = Effect.gen(function* () {
  console.log("Without bulkheads:")
  yield* evening({ checkIn: (call) => call, recommendations: (call) => call })

  const checkIn = yield* Bulkhead.make({ name: "check-in", limit: 12, queue: 100, maxWaitMillis: 1_000 })
  const recommendations = yield* Bulkhead.make({ name: "recommendations", limit: 8, queue: 4, maxWaitMillis: 500 })
  console.log("\nWith bulkheads, 12 places for check-in and 8 for recommendations:")
  const lost = yield* evening({ checkIn: checkIn.run, recommendations: recommendations.run })
  if (lost > 0) process.exitCode = 1
})

await Effect.runPromise(Effect.provide(program, Timers.layer))
