/** Times as people read them on a wall. */

/** A duration as `m:ss`, or `h:mm:ss` from an hour on. Never negative: a clock that was set back shows 0:00. */
export const clockFace = (millis: number): string => {
  const seconds = Math.max(0, Math.floor(millis / 1000))
  const h = Math.floor(seconds / 3600)
  const m = Math.floor(seconds / 60) % 60
  const tail = `:${two(seconds % 60)}`
  return h > 0 ? `${h}:${two(m)}${tail}` : `${m}${tail}`
}

/** The time of day as `HH:MM`, in the time zone of the screen. */
export const timeOfDay = (atMs: number): string => {
  const date = new Date(atMs)
  return `${two(date.getHours())}:${two(date.getMinutes())}`
}

const two = (n: number): string => String(n).padStart(2, "0")
