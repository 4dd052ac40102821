import { describe, expect, it } from "vitest"
import * as Progress from "./Progress.ts"

const clock = () => {
  let millis = 0
  return { now: () => millis, pass: (by: number) => (millis += by) }
}

/** What a terminal would show in the end: only the last state of each line. */
const screen = (text: string): ReadonlyArray<string> =>
  text.split("\n").map((line) => line.slice(line.lastIndexOf("\u001b[2K") + (line.includes("\u001b[2K") ? 4 : 0)))

describe("progress", () => {
  it("is plain lines in a log: one when a phase is over, one a note, no bar and no escape codes", () => {
    const { now, pass } = clock()
    let text = ""
    const progress = Progress.to({ write: (part) => (text += part) }, now)
    progress.phase("Starting the server")
    pass(1200)
    progress.phase("The class trains")
    for (let i = 0; i < 100; i++) progress.advance(i / 100, "all well")
    progress.note("bridge killed")
    pass(20_000)
    progress.end(false)
    expect(text).toBe("done: Starting the server (1.2 s)\n  bridge killed\nFAILED: The class trains (20.0 s)\n")
  })

  it("is one line a phase on a terminal, with a bar that is gone when the phase is over", () => {
    const { now, pass } = clock()
    let text = ""
    const progress = Progress.to({ isTTY: true, columns: 60, write: (part) => (text += part) }, now)
    progress.phase("The class trains")
    progress.advance(0.5, "the network is away")
    expect(screen(text)).toEqual(
      ["· The class trains  ██████████░░░░░░░░░░  the network is away"].map((l) => l.slice(0, 59)),
    )
    progress.note("bridge killed")
    progress.advance(7, "")
    pass(20_000)
    progress.end(true)
    expect(screen(text)).toEqual(["  bridge killed", "✓ The class trains  20.0 s", ""])
  })

  it("takes a terminal without a width for one of 80 columns", () => {
    let text = ""
    Progress.to({ isTTY: true, columns: 0, write: (part) => (text += part) }).phase("x".repeat(100))
    expect(screen(text)).toEqual([`· ${"x".repeat(77)}`])
  })

  it("writes nothing when nothing changed", () => {
    let writes = 0
    const progress = Progress.to({ isTTY: true, write: () => writes++ })
    progress.phase("The class trains")
    for (let i = 0; i < 50; i++) progress.advance(0.5, "all well")
    expect(writes).toBe(2)
  })
})
