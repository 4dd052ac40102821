/** What the program says: for programs under names that stay, for people no more often than they want to hear. */
import { describe, expect, test } from "vitest"
import type { BridgeStatus } from "../index.ts"
import { parseFlags } from "./Flags.ts"
import { parseImportFlags } from "./ImportFlags.ts"
import { importReporter } from "./ImportReporter.ts"
import { figures, reporter } from "./Reporter.ts"

const status: BridgeStatus = {
  connected: false,
  state: "waiting",
  transport: "http",
  recordedSamples: 9,
  droppedSamples: 3,
  pendingSamples: 1,
  waitingChunks: 2,
  waitingBytes: 40,
  waitingGaps: 1,
  gapSamples: 3,
  bytesOnDisk: 4_096,
  keptPackets: 0,
  keptPacketBytes: 0,
  oldestWaitingAtMs: 5,
  deliveredChunks: 6,
  quarantinedChunks: 0,
  lastAckAtMs: null,
  lastProblem: { code: "unreachable", message: "No connection to ws://gym: nobody answers." },
}

const output = () => {
  const [out, errors]: [Array<string>, Array<string>] = [[], []]
  return {
    out,
    errors,
    write: (line: string) => void out.push(line),
    writeError: (line: string) => void errors.push(line),
  }
}

const least = ["--url", "ws://gym", "--device", "d"]
const env = { PACELINE_DEVICE_KEY: "k" }

const flagsOf = (...more: ReadonlyArray<string>) => {
  const parsed = parseFlags([...least, ...more], env, 0)
  if (parsed._tag !== "Run") throw new Error(parsed._tag)
  return parsed.flags
}

const importFlagsOf = (...more: ReadonlyArray<string>) => {
  const parsed = parseImportFlags(["a.fit", ...least, ...more], env)
  if (parsed._tag !== "Run") throw new Error(parsed._tag)
  return parsed.flags
}

describe("a status as JSON", () => {
  const wanted = {
    connected: false,
    state: "waiting",
    transport: "http",
    recorded: 9,
    dropped: 3,
    pending: 1,
    waiting: 2,
    waitingBytes: 40,
    waitingGaps: 1,
    gapSamples: 3,
    oldestWaitingAtMs: 5,
    delivered: 6,
    quarantined: 0,
    lastAckAtMs: null,
    problem: { code: "unreachable", message: "No connection to ws://gym: nobody answers." },
  }

  test("has what waits, what is missing, and over what it is delivered", () => {
    expect(figures(status)).toEqual(wanted)
    const said = output()
    reporter(flagsOf("--json"), said).status(status)
    importReporter(importFlagsOf("--json"), said).status(status)
    expect(said.out.map((line) => JSON.parse(line))).toEqual([
      { event: "status", ...wanted },
      { event: "status", ...wanted },
    ])
  })
})

describe("for people", () => {
  test("one trouble that each attempt puts in other words is said once in a while", () => {
    const said = output()
    const { status: tell } = reporter(flagsOf(), said)
    tell(status)
    tell({ ...status, lastProblem: { code: "unreachable", message: "No connection to ws://gym: refused." } })
    expect(said.out).toEqual([
      "waiting: No connection to ws://gym: nobody answers. 9 samples recorded, 2 chunks waiting, 6 chunks delivered.",
    ])
    tell({ ...status, state: "refused", lastProblem: { code: "unauthorized", message: "The key is wrong." } })
    tell({ ...status, state: "connected", connected: true, lastProblem: null })
    expect(said.out.slice(1)).toEqual([
      "refused: The key is wrong. 9 samples recorded, 2 chunks waiting, 6 chunks delivered.",
      "connected: 9 samples recorded, 2 chunks waiting, 6 chunks delivered.",
    ])
  })

  test("an import that waits for a server says so, and nothing while it is there", () => {
    const said = output()
    const { status: tell } = importReporter(importFlagsOf(), said)
    tell({ ...status, waitingChunks: 0 })
    tell({ ...status, connected: true })
    expect(said.errors).toEqual([])
    tell(status)
    tell(status)
    expect(said.errors).toEqual(["2 chunks wait for the server. No connection to ws://gym: nobody answers."])
    expect(said.out).toEqual([])
  })
})
