/** Callers who come every 10 ms for five seconds, while the API is flaky, then down, then back; and what they got. */
import type { Answer } from "@paceline/core/resilience"
import type { FlakyApi } from "./FlakyApi.ts"

const TICK_MILLIS = 10
const TICKS = 500
const isDown = (tick: number): boolean => tick >= 150 && tick < 300

interface Tally {
  callers: number
  fresh: number
  degraded: number
  failed: number
}

const nobody = (): Tally => ({ callers: 0, fresh: 0, degraded: 0, failed: 0 })

/** Prints a line every half second, and a sum. Resolves with how many callers got no answer at all. */
export const sendCallers = async (
  api: FlakyApi,
  ask: () => Promise<Answer<unknown>>,
  breakerPhase: () => string,
): Promise<number> => {
  const all = nobody()
  let now = nobody()
  let requestsBefore = 0
  const note = (what: keyof Tally): void => {
    now[what]++
    all[what]++
  }
  const caller = async (): Promise<void> => {
    note("callers")
    await ask().then(
      (answer) => note(answer._tag === "Fresh" ? "fresh" : "degraded"),
      () => note("failed"),
    )
  }

  console.log("second  API    breaker    callers    fresh  degraded   failed  requests sent")
  const callers: Array<Promise<void>> = []
  const startedAt = performance.now()
  for (let tick = 1; tick <= TICKS; tick++) {
    api.setDown(isDown(tick - 1))
    callers.push(caller())
    await Bun.sleep(Math.max(0, startedAt + tick * TICK_MILLIS - performance.now()))
    if (tick % 50 === 0) {
      const counts = [now.callers, now.fresh, now.degraded, now.failed, api.requests() - requestsBefore]
      const second = ((tick * TICK_MILLIS) / 1_000).toFixed(1).padStart(6)
      const columns = counts.map((count, i) => String(count).padStart([8, 9, 10, 9, 15][i] ?? 0)).join("")
      console.log(`${second}  ${isDown(tick - 1) ? "down " : "flaky"}  ${breakerPhase().padEnd(9)}${columns}`)
      now = nobody()
      requestsBefore = api.requests()
    }
  }
  await Promise.all(callers)
  console.log(
    `Of ${all.callers} callers ${all.fresh} got a fresh answer, ${all.degraded} what was known before, ${all.failed} none.`,
  )
  return all.failed
}
