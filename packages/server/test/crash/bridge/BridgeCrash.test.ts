/** A few rounds of the bridge's crash harness with every test run; CI runs hundreds (`npm run crash`). */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { bridgeKills } from "./BridgeKills.ts"
import { bridgePowerCuts } from "./BridgePowerCuts.ts"
import { bridgeRestores } from "./BridgeRestores.ts"

const seeded = <A, E>(rounds: Effect.Effect<A, E>) => Effect.withRandom(rounds, Random.make("a few rounds"))

describe("crashes of a bridge and its server, as processes", () => {
  it.live(
    "[bridge 1] [bridge 2] [bridge 3] [bridge 4] [bridge 5] [bridge 6] killed on either side at any moment: each flushed sample is stored once, in order, in whole chunks",
    () =>
      Effect.gen(function* () {
        const { acknowledged, problems } = yield* seeded(bridgeKills(10))
        expect(problems).toEqual([])
        expect(acknowledged).toBeGreaterThan(0)
      }),
    120_000,
  )

  it.live(
    "[bridge 7] a power cut loses nothing that was flushed, whatever of the unflushed writes is lost, and no identity is used twice",
    () =>
      Effect.gen(function* () {
        const { acknowledged, problems } = yield* seeded(bridgePowerCuts(40, "full"))
        expect(problems).toEqual([])
        expect(acknowledged).toBeGreaterThan(0)
      }),
    120_000,
  )

  it.live(
    "[bridge 7] with normal durability a power cut loses the newest samples, which is told, and no identity is used twice",
    () =>
      Effect.gen(function* () {
        const { lost, problems } = yield* seeded(bridgePowerCuts(40, "normal"))
        expect(problems).toEqual([])
        expect(lost).toBeGreaterThan(0)
      }),
    120_000,
  )

  it.live(
    "[bridge 8] [bridge 9] [bridge 10] restored from old backups, a buffer, two phones or the server: new data is stored once, and a gap is declared",
    () =>
      Effect.gen(function* () {
        const { acknowledged, gaps, problems } = yield* seeded(bridgeRestores(1))
        expect(problems).toEqual([])
        expect(acknowledged).toBeGreaterThan(0)
        expect(gaps).toBeGreaterThan(0)
      }),
    120_000,
  )
})
