/** A few rounds of the crash harness with every test run; CI runs hundreds (`bun packages/server/test/crash/main.ts`). */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { answeredBefore, cutPower, readOperations } from "./power/Disk.ts"
import { fullDisks, kills, powerCuts } from "./Rounds.ts"

const seeded = <A, E>(rounds: Effect.Effect<A, E>) => Effect.withRandom(rounds, Random.make("a few rounds"))

/** What of its acknowledged rows a plain database would have lost in power cuts, under a setting of `synchronous`. */
const lostWith = async (synchronous: "NORMAL" | "FULL"): Promise<number> => {
  const folder = mkdtempSync(join(tmpdir(), "paceline-power-"))
  try {
    const writer = Bun.spawn([process.execPath, join(import.meta.dirname, "power/Plain.ts"), folder, synchronous], {
      stdout: "inherit",
      stderr: "inherit",
    })
    expect(await writer.exited).toBe(0)
    const operations = readOperations(join(folder, "writes"))
    let lost = 0
    for (let cut = 40; cut < operations.length; cut += 40) {
      const image = join(folder, `image-${cut}`)
      cutPower(operations, cut, "nothing", () => 0, image)
      const reader = Bun.spawnSync([process.execPath, join(import.meta.dirname, "power/Plain.ts"), image])
      const found = new Set(reader.stdout.toString().trim().split(/\s+/).map(Number))
      lost += answeredBefore(operations, cut).filter((number) => !found.has(number)).length
    }
    return lost
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

describe("crashes of the embedded store", () => {
  it.live(
    "[log 11] what was acknowledged survives a power cut, whatever of the unflushed writes is lost",
    () =>
      Effect.gen(function* () {
        const { acknowledged, problems } = yield* seeded(powerCuts(24))
        expect(problems).toEqual([])
        expect(acknowledged).toBeGreaterThan(0)
      }),
    60_000,
  )

  it.live(
    "[log 5] [log 14] killed at any moment: nothing acknowledged is lost, nothing happens twice, keys are in order",
    () =>
      Effect.gen(function* () {
        const { acknowledged, problems } = yield* seeded(kills(6))
        expect(problems).toEqual([])
        expect(acknowledged).toBeGreaterThan(0)
      }),
    60_000,
  )

  it.live(
    "[log 6] a disk that fills up under load: nothing is answered falsely, and work goes on when there is room again",
    () =>
      Effect.gen(function* () {
        const { problems } = yield* seeded(fullDisks(1))
        expect(problems).toEqual([])
      }),
    60_000,
  )

  it("the simulated power cut is one: it loses what a database that does not flush each commit acknowledges", async () => {
    expect(await lostWith("NORMAL")).toBeGreaterThan(0)
    expect(await lostWith("FULL")).toBe(0)
  }, 60_000)
})
