/** The host's own clock and timers, for those who use promises without Effect. */
import type { AlarmClock } from "../../kernel/Timers.ts"

export const systemClock: AlarmClock = {
  now: () => performance.now(),
  wakeAfter: (millis, wake) => {
    const timer = setTimeout(wake, millis)
    return () => clearTimeout(timer)
  },
}
