/** What a FIT field may hold, narrowed: a file may say anything of a field, whatever the profile says of it. */

/** Seconds between 1970-01-01 and 1989-12-31, where FIT begins to count. */
export const FIT_EPOCH_SECONDS = 631_065_600

/** Only a finite number passes: an array in its place, or nothing, is none. */
export const numberIn = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined

/** The numbers of an array field; a single one is an array of one. What is invalid keeps its place as NaN. */
export const numbersIn = (value: unknown): ReadonlyArray<number> => {
  if (typeof value === "number") return [value]
  if (!Array.isArray(value)) return []
  return value.map((item: unknown) => (typeof item === "number" ? item : Number.NaN))
}

/** Whole milliseconds since the Unix epoch of a FIT time in seconds. */
export const fitTime = (value: unknown): number | undefined => {
  const seconds = numberIn(value)
  const at = seconds === undefined ? Number.NaN : Math.round((seconds + FIT_EPOCH_SECONDS) * 1000)
  return Number.isSafeInteger(at) ? at : undefined
}
