/**
 * How far a consumer group is, exactly: every record ever appended is done, failed, skipped, or waiting.
 *
 * Done was handled. Failed lies among the dead letters, or was dropped from there by hand. Skipped was dropped from the
 * log before the group had read it. Waiting is the lag, what the group has not moved past, and what it has parked to
 * try again.
 *
 * @example
 * Progress.bar(progress, 10) // "█████████▌  95.0 %  950 done, 10 failed, 40 waiting"
 */

export interface Counts {
  /** All records ever appended to the topic. */
  readonly total: number
  /** Those that the group's offsets have passed. */
  readonly passed: number
  /** Of those, copies that are tried again. */
  readonly parked: number
  /** Of those, dead letters, and dead letters that were dropped. */
  readonly failed: number
  /** Of those, what was dropped from the log unread. */
  readonly skipped: number
}

export interface Progress {
  readonly total: number
  readonly done: number
  readonly failed: number
  readonly skipped: number
  readonly waiting: number
  /** Records that the group has not moved past. */
  readonly lag: number
  /** Waiting, but not in the log's line any more: failed before, to be tried again. */
  readonly parked: number
  /** Of the total, how much is not waiting; 100 when there is nothing. */
  readonly percent: number
}

export const of = (counts: Counts): Progress => {
  const { parked, passed, skipped, total } = counts
  const lag = total - passed
  const waiting = lag + parked
  const settled = total - waiting
  // A group that went back is handed again what lies among its dead letters: it cannot be more than has passed.
  const lost = Math.min(skipped, settled)
  const failed = Math.min(counts.failed, settled - lost)
  const done = settled - lost - failed
  const percent = total === 0 ? 100 : (100 * settled) / total
  return { total, done, failed, skipped: lost, waiting, lag, parked, percent }
}

/** Eighths of a block, from none to seven. */
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const

const count = (n: number): string => n.toString().replace(/\B(?=(\d{3})+$)/g, ",")

/** One line for a terminal: a bar of `width` columns, and the figures. Full only when nothing waits. */
export const bar = (progress: Progress, width: number): string => {
  const columns = Math.max(1, Math.floor(width))
  const eighths = Math.floor((columns * 8 * progress.percent) / 100)
  const drawn = "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "")
  // Rounded down: 100.0 % is only said of what is finished.
  const percent = (Math.floor(progress.percent * 10) / 10).toFixed(1).padStart(5)
  const figures = [
    `${count(progress.done)} done`,
    `${count(progress.failed)} failed`,
    ...(progress.skipped > 0 ? [`${count(progress.skipped)} skipped`] : []),
    `${count(progress.waiting)} waiting`,
  ]
  return `${drawn.padEnd(columns)} ${percent} %  ${figures.join(", ")}`
}
