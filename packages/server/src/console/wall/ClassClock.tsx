/**
 * The clock of the class: the time of day, and beside it a stopwatch that the coach starts with one press. The
 * stopwatch outlives a reload of the page.
 */
import { useState } from "preact/hooks"
import { clockFace, timeOfDay } from "../parts/ClockFace.ts"
import { StopwatchIcon } from "../parts/Icons.tsx"
import { useSeconds } from "../parts/Seconds.ts"

export const ClassClock = ({ classId }: { readonly classId: string }) => {
  const now = useSeconds()
  const [startedAtMs, setStartedAtMs] = useState(() => remembered(classId))
  const press = () => {
    const next = startedAtMs === null ? Date.now() : null
    remember(classId, next)
    setStartedAtMs(next)
  }
  return (
    <div class="clock">
      <button
        type="button"
        class="clock-stopwatch"
        data-running={startedAtMs !== null}
        onClick={press}
        title={startedAtMs === null ? "Start the stopwatch" : "Clear the stopwatch"}
      >
        <StopwatchIcon />
        <span class="visually-hidden">{startedAtMs === null ? "Start the stopwatch" : "Clear the stopwatch"}</span>
        {startedAtMs !== null && <span aria-hidden="true">{clockFace(now - startedAtMs)}</span>}
      </button>
      <time class="clock-day">{timeOfDay(now)}</time>
    </div>
  )
}

const storageKey = (classId: string): string => `paceline.stopwatch.${classId}`

const remembered = (classId: string): number | null => {
  try {
    const startedAtMs = Number(localStorage.getItem(storageKey(classId)))
    return Number.isSafeInteger(startedAtMs) && startedAtMs > 0 && startedAtMs <= Date.now() ? startedAtMs : null
  } catch {
    // Storage is forbidden here: the stopwatch lasts as long as the page.
    return null
  }
}

const remember = (classId: string, startedAtMs: number | null): void => {
  try {
    if (startedAtMs === null) localStorage.removeItem(storageKey(classId))
    else localStorage.setItem(storageKey(classId), String(startedAtMs))
  } catch {
    // See above.
  }
}
