/**
 * Ids for jobs that sort in the order in which this process drew them, so that of those that are due at the same
 * moment the first one enqueued is the first one claimed. What makes them unique is the random part.
 */

let lastMs = 0
let count = 0

/** The time in base 36 (good until the year 5188), a running number within it, and 64 random bits. */
export const drawId = (nowMs: number): string => {
  if (nowMs > lastMs) {
    lastMs = nowMs
    count = 0
  } else count++
  const time = Math.max(0, lastMs).toString(36).padStart(9, "0")
  const random = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("")
  return `${time}-${count.toString(36).padStart(5, "0")}-${random}`
}
