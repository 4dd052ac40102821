/**
 * Protects calls to an API that fails every fourth time and is down for a while, with Effect; then once more without
 * Effect, see promises.ts.
 *
 *   bun examples/protect-a-flaky-api/main.ts
 *
 * Callers never see a failure: what a retry can mend is mended, within a budget. When the API is down, the breaker
 * opens, calls are no longer sent, and callers get what was known before, marked as degraded. When the API is back,
 * traffic returns in steps.
 */
import { Policy } from "@paceline/core/resilience"
import { Effect, Runtime } from "effect"
import { sendCallers } from "./callers.ts"
import { startFlakyApi } from "./FlakyApi.ts"

const program = Effect.gen(function* () {
  const api = yield* Effect.acquireRelease(
    Effect.sync(() => startFlakyApi(7)),
    (started) => Effect.promise(started.stop),
  )
  const lastKnown = [{ activity: "Evening ride", kilometres: 30 }]

  // The protected call. A response that is not ok is the error: its status says whether a retry may help.
  const strava = yield* Policy.forUser("strava", {
    breaker: { openMillis: { baseMillis: 250, maxMillis: 5_000, factor: 2 } },
  })
  const fetchActivities = Effect.tryPromise((signal) => fetch(api.url, { signal })).pipe(
    Effect.filterOrFail(
      (response) => response.ok,
      (response) => response,
    ),
    Effect.flatMap((response) => Effect.tryPromise(() => response.json())),
  )
  const activities = strava.runOr(fetchActivities, () => Effect.succeed(lastKnown))

  const run = Runtime.runPromise(yield* Effect.runtime())
  const phase = () => strava.breaker?.cell.state.phase ?? "none"
  const failed = yield* Effect.promise(() => sendCallers(api, () => run(activities), phase))
  if (failed > 0) process.exitCode = 1
})

console.log("With Effect:")
await Effect.runPromise(Effect.scoped(program))

console.log("\nWithout Effect:")
await import("./promises.ts")
