import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as ShardMap from "./ShardMap.ts"

const moved = (map: ShardMap.ShardMap, slot: string, ...steps: ReadonlyArray<ShardMap.Step>): ShardMap.ShardMap =>
  steps.reduce((before, next) => {
    const outcome = ShardMap.step(before, slot, next)
    if (outcome._tag === "Refused") throw new Error(`${next._tag} refused when ${outcome.phase}`)
    return outcome.map
  }, map)

const plan = (to: string): ShardMap.Step => ({ _tag: "Plan", to })
const copy: ShardMap.Step = { _tag: "Copy" }
const freeze: ShardMap.Step = { _tag: "Freeze" }
const switchOver: ShardMap.Step = { _tag: "Switch" }
const abort: ShardMap.Step = { _tag: "Abort" }

describe("ShardMap, routes", () => {
  it("by hash: a key always has the same slot, and slots are spread over the shards", () => {
    const map = ShardMap.byHash(256, { paris: 1, oslo: 1 })
    const owners = Array.from({ length: 2000 }, (_, i) => ShardMap.route(map, { key: `athlete-${i}` })?.owner)
    const inParis = owners.filter((owner) => owner === "paris").length
    expect(Math.abs(inParis - 1000)).toBeLessThan(250)
    const slots = ["", "athlete-1", "🚴"].map((key) => ShardMap.slotOf(map.scheme, { key }))
    // Stored data depends on it.
    expect(slots).toMatchInlineSnapshot(`
      [
        "hash/0",
        "hash/116",
        "hash/129",
      ]
    `)
  })

  it("by region: where it is said, and elsewhere when the region is unknown", () => {
    const map = ShardMap.byRegion({ eu: "paris", us: "boston" }, "eu")
    const ownerOf = (region?: string) =>
      ShardMap.route(map, region === undefined ? { key: "k" } : { key: "k", region })?.owner
    expect([ownerOf("us"), ownerOf("eu"), ownerOf("moon"), ownerOf()]).toEqual(["boston", "paris", "paris", "paris"])
    expect(() => ShardMap.byRegion({ eu: "paris" }, "us")).toThrow(RangeError)
  })

  it("by time: a start belongs to its own slot, what is older to the first, and new ones begin at the end", () => {
    const map = ShardMap.byTime([
      { startMs: 200, shard: "new" },
      { startMs: 100, shard: "old" },
    ])
    const ownerAt = (from: ShardMap.ShardMap, atMs: number) => ShardMap.route(from, { key: "k", atMs })?.owner
    expect([0, 100, 199, 200, 999].map((atMs) => ownerAt(map, atMs))).toEqual(["old", "old", "old", "new", "new"])
    expect(ShardMap.route(map, { key: "k" })).toBeUndefined()
    expect(ShardMap.extend(map, 200, "x")).toBeUndefined()
    expect(ShardMap.extend(ShardMap.byHash(2, { a: 1 }), 300, "x")).toBeUndefined()
    const longer = ShardMap.extend(map, 300, "newest")!
    expect([299, 300].map((atMs) => ownerAt(longer, atMs))).toEqual(["new", "newest"])
    expect(longer.version).toBe(map.version + 1)
    expect(() => ShardMap.byTime([])).toThrow(RangeError)
  })

  it("rebalances with the fewest moves: a shard that joins gets its share, and nothing else moves", () => {
    const map = ShardMap.byHash(300, { a: 1, b: 1 })
    expect(ShardMap.rebalance(map, { a: 1, b: 1 })).toEqual([])
    const moves = ShardMap.rebalance(map, { a: 1, b: 1, c: 1 })
    expect(moves.every(({ to }) => to === "c")).toBe(true)
    expect(Math.abs(moves.length - 100)).toBeLessThan(30)
    const first = moves[0]!
    const moving = moved(map, first.slot, plan("c"))
    expect(ShardMap.rebalance(moving, { a: 1, b: 1, c: 1 }).length).toBe(moves.length - 1)
    expect(ShardMap.rebalance(map, { a: 0, b: 1 }).every(({ to }) => to === "b")).toBe(true)
    expect(() => ShardMap.byHash(2, { a: 0 })).toThrow(RangeError)
  })
})

describe("ShardMap, moves", () => {
  const map = ShardMap.byRegion({ eu: "paris", us: "boston" }, "eu")
  const routeOf = (from: ShardMap.ShardMap) => ShardMap.route(from, { key: "k", region: "us" })

  it("takes writes at the old owner until frozen, then nowhere, then at the new one", () => {
    const planned = moved(map, "region/us", plan("oslo"))
    expect(routeOf(planned)).toEqual({ slot: "region/us", owner: "boston", epoch: 1, writable: true })
    const copying = moved(planned, "region/us", copy)
    expect(routeOf(copying)).toMatchObject({ owner: "boston", writable: true })
    const frozen = moved(copying, "region/us", freeze)
    expect(routeOf(frozen)).toMatchObject({ owner: "boston", epoch: 1, writable: false })
    const switched = moved(frozen, "region/us", switchOver)
    expect(routeOf(switched)).toEqual({ slot: "region/us", owner: "oslo", epoch: 2, writable: true })
    expect(switched.version).toBe(map.version + 4)
    expect(ShardMap.route(switched, { key: "k", region: "eu" })?.owner).toBe("paris")
  })

  it("can be aborted at any time before the switch", () => {
    for (const steps of [[], [copy], [copy, freeze]]) {
      const back = moved(map, "region/us", plan("oslo"), ...steps, abort)
      expect(routeOf(back)).toEqual({ slot: "region/us", owner: "boston", epoch: 1, writable: true })
    }
  })

  it("refuses a step out of turn, a move to where it is, and slots that are not there", () => {
    expect(ShardMap.step(map, "region/us", copy)).toEqual({ _tag: "Refused", phase: "settled" })
    expect(ShardMap.step(map, "region/us", plan("boston"))).toEqual({ _tag: "Refused", phase: "settled" })
    const planned = moved(map, "region/us", plan("oslo"))
    expect(ShardMap.step(planned, "region/us", plan("rome"))).toEqual({ _tag: "Refused", phase: "planned" })
    expect(ShardMap.step(planned, "region/us", switchOver)).toEqual({ _tag: "Refused", phase: "planned" })
    expect(ShardMap.step(map, "toString", copy)).toEqual({ _tag: "Refused", phase: "unknown" })
  })

  const act = fc.oneof(
    fc.constantFrom("write" as const, "write" as const, "stale write" as const),
    fc.constantFrom<ShardMap.Step>(plan("a"), plan("b"), copy, freeze, switchOver, abort),
  )

  it("loses no write that was taken, and never has two owners that take writes, in any order of steps", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        let current = ShardMap.byRegion({ eu: "a" }, "eu")
        /** A router that has not heard of the changes since. */
        let stale = current
        /** What each shard has stored, and the highest epoch that it knows of: what it refuses writes below. */
        const stores = new Map([
          ["a", new Set<number>()],
          ["b", new Set<number>()],
        ])
        const gate = new Map([["a", { epoch: 1, open: true }]])
        const taken = new Set<number>()
        let n = 0
        const write = (router: ShardMap.ShardMap) => {
          const to = ShardMap.route(router, { key: "k" })!
          const at = gate.get(to.owner)
          if (!to.writable || at === undefined || !at.open || at.epoch !== to.epoch) return
          stores.get(to.owner)!.add(++n)
          taken.add(n)
        }
        for (const each of acts) {
          if (each === "write") write(current)
          else if (each === "stale write") write(stale)
          else {
            const before = current
            const outcome = ShardMap.step(JSON.parse(JSON.stringify(current)), "region/eu", each)
            if (outcome._tag === "Refused") continue
            if (n % 2 === 0) stale = before
            current = outcome.map
            const was = before.slots["region/eu"]!
            const is = current.slots["region/eu"]!
            expect(is.epoch).toBe(was.epoch + (is.owner === was.owner ? 0 : 1))
            // What the mover does at each step: the copies, and the gates of the stores.
            if (each._tag === "Copy" || each._tag === "Freeze") {
              gate.set(is.owner, { epoch: is.epoch, open: each._tag === "Copy" })
              for (const item of stores.get(is.owner)!) stores.get(is.move!.to)!.add(item)
            } else if (each._tag !== "Plan") {
              gate.set(is.owner, { epoch: is.epoch, open: true })
            }
          }
          const open = [...gate].filter(([shard, { open, epoch }]) => {
            const is = current.slots["region/eu"]!
            return open && epoch === is.epoch && shard === is.owner
          })
          expect([...gate.values()].filter((each) => each.open).length).toBeLessThanOrEqual(1)
          expect(open.length).toBe(ShardMap.route(current, { key: "k" })!.writable ? 1 : 0)
          // Whoever reads where the map says sees every write that was taken.
          const visible = stores.get(ShardMap.route(current, { key: "k" })!.owner)!
          for (const item of taken) expect(visible.has(item)).toBe(true)
        }
      }),
      { seed: 20261120, numRuns: 1000 },
    )
  })
})
