import fc from "fast-check"
import { expect, test } from "vitest"
import { World } from "../../test/ModelWorld.ts"

const happenings = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: 1, max: 4 }).map((count) => (world: World) => world.append(count)) },
    { weight: 4, arbitrary: fc.constant((world: World) => world.open()) },
    { weight: 6, arbitrary: fc.nat(4).map((count) => (world: World) => world.up(count)) },
    { weight: 6, arbitrary: fc.nat(4).map((count) => (world: World) => world.down(count)) },
    { weight: 4, arbitrary: fc.constantFrom(20, 200, 5_000, 12_000).map((ms) => (world: World) => world.wait(ms)) },
    { weight: 2, arbitrary: fc.constant((world: World) => world.cut()) },
    { weight: 1, arbitrary: fc.constant((world: World) => world.repeat()) },
    { weight: 1, arbitrary: fc.constant((world: World) => world.restart()) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom("unavailable" as const, "out-of-order" as const, "unauthorized" as const)
        .map((code) => (world: World) => world.problem(code)),
    },
  ),
  { maxLength: 200 },
)

test("[bridge 3] [bridge 4] whatever happens on the way, each chunk is stored once, in order, and deleted only then", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), happenings, (window, all) => {
      const world = new World(window)
      for (const happen of all) happen(world)
      // Then the network is well again.
      for (let i = 0; i < 2_000 && world.waiting.length > 0; i++) {
        world.open()
        world.up(10)
        world.down(10)
        world.wait(100)
      }
      expect(world.waiting).toEqual([])
      expect(world.stored).toEqual(world.appended)
    }),
    { numRuns: 500, seed: 20_261_120 },
  )
})
