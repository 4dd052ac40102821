/**
 * What a person sees while a rehearsal runs: on a terminal one line a phase with a bar that fills, elsewhere
 * (a log, a pipe) plain lines that stay readable.
 *
 * @example
 * const progress = Progress.to(process.stderr)
 * progress.phase("The class trains")
 * progress.advance(0.5, "the network is away")
 * progress.end()
 */

export interface Progress {
  /** A new part of the run begins; the one before is over and well. */
  readonly phase: (title: string) => void
  /** How far the phase is, from 0 to 1, and what is going on. Costs nothing to call often. */
  readonly advance: (share: number, detail: string) => void
  /** Something worth a line of its own. */
  readonly note: (text: string) => void
  /** The last phase is over, well or not. */
  readonly end: (well: boolean) => void
}

export interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly write: (text: string) => unknown
}

/** @param now milliseconds on any clock that only goes forward */
export const to = (output: Output, now: () => number = performance.now.bind(performance)): Progress =>
  output.isTTY === true ? onTerminal(output, now) : inLines(output, now)

const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`

const inLines = (output: Output, now: () => number): Progress => {
  let current: { readonly title: string; readonly since: number } | null = null
  const finish = (word: string) => {
    if (current !== null) output.write(`${word} ${current.title} (${seconds(now() - current.since)})\n`)
    current = null
  }
  return {
    phase: (title) => {
      finish("done:")
      current = { title, since: now() }
    },
    advance: () => {},
    note: (text) => void output.write(`  ${text}\n`),
    end: (well) => finish(well ? "done:" : "FAILED:"),
  }
}

const BAR_CELLS = 20
const CLEAR_LINE = "\r\u001b[2K"

const onTerminal = (output: Output, now: () => number): Progress => {
  let current: { readonly title: string; readonly since: number } | null = null
  let shown = ""
  const show = (line: string) => {
    // A line that wraps could not be taken back. Some terminals say that they have 0 columns.
    const cut = [...line].slice(0, (output.columns || 80) - 1).join("")
    if (cut !== shown) output.write(`${CLEAR_LINE}${cut}`)
    shown = cut
  }
  const keep = (line: string) => {
    output.write(`${CLEAR_LINE}${line}\n`)
    shown = ""
  }
  const finish = (mark: string) => {
    if (current !== null) keep(`${mark} ${current.title}  ${seconds(now() - current.since)}`)
    current = null
  }
  return {
    phase: (title) => {
      finish("✓")
      current = { title, since: now() }
      show(`· ${title}`)
    },
    advance: (share, detail) => {
      if (current === null) return
      const full = Math.round(BAR_CELLS * Math.min(1, Math.max(0, share)))
      show(`· ${current.title}  ${"█".repeat(full)}${"░".repeat(BAR_CELLS - full)}  ${detail}`)
    },
    note: (text) => {
      const again = shown
      keep(`  ${text}`)
      if (again !== "") show(again)
    },
    end: (well) => finish(well ? "✓" : "✗"),
  }
}
