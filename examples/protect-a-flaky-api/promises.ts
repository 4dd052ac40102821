/**
 * The same protection without Effect: plain promises and the platform's own `fetch`.
 *
 *   bun examples/protect-a-flaky-api/promises.ts
 */
import { Promises } from "@paceline/core/resilience"
import { sendCallers } from "./callers.ts"
import { startFlakyApi } from "./FlakyApi.ts"

const api = startFlakyApi(7)
const lastKnown = [{ activity: "Evening ride", kilometres: 30 }]

// The protected call. A response that is not ok is the error: its status says whether a retry may help.
const strava = Promises.policyForUser("strava", {
  breaker: { openMillis: { baseMillis: 250, maxMillis: 5_000, factor: 2 } },
})
const fetchActivities = async ({ signal }: Promises.Call): Promise<unknown> => {
  const response = await fetch(api.url, { signal })
  return response.ok ? response.json() : Promise.reject(response)
}
const activities = () => strava.executeOr(fetchActivities, () => lastKnown)

const failed = await sendCallers(api, activities, () => strava.breaker?.view().phase ?? "none")
await api.stop()
if (failed > 0) process.exitCode = 1
