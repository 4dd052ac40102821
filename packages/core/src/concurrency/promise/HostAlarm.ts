/** The host's wheel of timers, for all promises of a process. */
import * as HostTimers from "../../resilience/HostTimers.ts"
import type { Alarm } from "../Alarm.ts"

export const hostAlarm: Alarm = {
  now: () => performance.now(),
  schedule: HostTimers.after,
  cancel: HostTimers.cancel,
}
