/** Processes that are killed, and files that come back from a backup. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { copyFileSync, existsSync, rmSync } from "node:fs"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { type Bench, BrokenPromise, type Check, differenceOf, must } from "../Check.ts"
import type { SimulatedServer } from "../SimulatedServer.ts"
import { type WriterOrders, writerArguments } from "../Writer.ts"

const KILLS = 12

interface Life {
  recorded: number
  flushed: number
}

/** Lets a process of its own record for a moment, and kills it; what it was promised. */
const recordAndKill = async (bench: Bench, orders: WriterOrders): Promise<Life> => {
  const [program = "", ...args] = [...bench.self, ...writerArguments(orders)]
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] })
  bench.later(() => child.kill("SIGKILL"))
  const life: Life = { recorded: orders.first - 1, flushed: orders.first - 1 }
  let errors = ""
  child.stderr.on("data", (text) => {
    errors += text
  })
  const lines = createInterface({ input: child.stdout })
  lines.on("line", (line) => {
    const [verb, value] = line.split(" ")
    if (verb === "recorded") life.recorded = Number(value)
    if (verb === "flushed") life.flushed = Number(value)
  })
  const ended = Promise.all([once(child, "exit"), once(lines, "close")])
  await bench.until("the process that is to be killed has flushed", () => {
    if (child.exitCode !== null) throw new BrokenPromise(`the process ended by itself: ${errors.trim().split("\n")[0]}`)
    return life.flushed >= orders.first
  })
  await sleep(bench.random() * 60)
  child.kill("SIGKILL")
  await ended
  return life
}

/** The server has every value that was promised, none twice, and all in order. */
const held = (lives: ReadonlyArray<Life & { readonly first: number }>, server: SimulatedServer): number => {
  const { faults, values } = server
  must(faults.length === 0, `the bridge broke a rule: ${faults[0]}`)
  const stored = new Set(values)
  const recorded = values.filter((value) => lives.some((life) => life.first <= value && value <= life.recorded))
  const difference = differenceOf(
    recorded.toSorted((a, b) => a - b),
    values,
  )
  must(difference === null, difference ?? "")
  let promised = 0
  for (const { first, flushed } of lives) {
    for (let value = first; value <= flushed; value++, promised++) {
      must(stored.has(value), `sample ${value} was flushed before the kill, and is lost`)
    }
  }
  return promised
}

export const crashChecks: ReadonlyArray<Check> = [
  {
    name: "crash/kills",
    promise:
      "Killed (SIGKILL) at any moment while it records and delivers: each flushed sample is stored exactly once.",
    run: async (bench) => {
      const { server, door } = await bench.serve({ window: 32 })
      const lives: Array<Life & { readonly first: number }> = []
      for (let kill = 0; kill < KILLS; kill++) {
        const first = (lives.at(-1)?.recorded ?? -1) + 1
        lives.push({ first, ...(await recordAndKill(bench, { path: bench.bufferPath, url: door.url, first })) })
        if (bench.random() < 0.3) server.dropAll()
      }
      const bridge = bench.open(door.url)
      await bench.until("what waits is delivered", () => bridge.status().waitingChunks === 0)
      return `${KILLS} kills, ${held(lives, server)} flushed samples, ${server.redeliveries} chunks came again`
    },
  },
  {
    name: "crash/restored-backup",
    promise: "A buffer restored from an old backup delivers what it holds as what it was, and new data as new.",
    run: async (bench) => {
      const { server, door } = await bench.serve({ window: 32 })
      const orders = { path: bench.bufferPath, url: door.url }
      const before = await recordAndKill(bench, { ...orders, first: 0 })
      const backup = `${bench.bufferPath}.backup`
      copyBuffer(bench.bufferPath, backup)
      const between = await recordAndKill(bench, { ...orders, first: before.recorded + 1 })
      copyBuffer(backup, bench.bufferPath)
      const first = between.recorded + 1
      const after = await recordAndKill(bench, { ...orders, first })
      const bridge = bench.open(door.url)
      await bench.until("what waits is delivered", () => bridge.status().waitingChunks === 0)
      const values = new Map<number, number>()
      for (const value of server.values) values.set(value, (values.get(value) ?? 0) + 1)
      must(server.faults.length === 0, `the bridge broke a rule: ${server.faults[0]}`)
      must(
        Array.from(values.values()).every((count) => count === 1),
        "samples are stored twice",
      )
      for (const [from, to] of [
        [0, before.flushed],
        [first, after.flushed],
      ] as const) {
        for (let value = from; value <= to; value++) must(values.has(value), `sample ${value} was flushed, and is lost`)
      }
      return `${before.flushed + 1} samples before the backup, ${after.flushed - first + 1} after it came back`
    },
  },
  {
    name: "crash/one-owner",
    promise: "A second bridge on the same file is told that it is owned; when the first is gone, the file is free.",
    run: async (bench) => {
      const first = bench.open("ws://127.0.0.1:9")
      let refusal: unknown
      try {
        bench.open("ws://127.0.0.1:9")
      } catch (thrown) {
        refusal = thrown
      }
      must(refusal instanceof Error && refusal.name === "BufferOwned", `the second opening said: ${String(refusal)}`)
      await first.close()
      await bench.open("ws://127.0.0.1:9").close()
      return refusal instanceof Error ? refusal.message.replace(bench.folder, "…") : ""
    },
  },
]

const copyBuffer = (from: string, to: string): void => {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(to + suffix, { force: true })
  for (const suffix of ["", "-wal"]) if (existsSync(from + suffix)) copyFileSync(from + suffix, to + suffix)
}
