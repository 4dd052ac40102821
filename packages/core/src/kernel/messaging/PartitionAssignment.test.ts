import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { heartbeat, isInForce, type Lease, type Leases, leave, shares } from "./PartitionAssignment.ts"

const held = (...holders: ReadonlyArray<string | undefined>): Leases =>
  holders.map((holder, i) => (holder === undefined ? undefined : { epoch: i + 1, holder, takenOver: false }))

const holdersOf = (leases: Leases) => leases.map((lease) => lease?.holder)

const apply = (leases: Leases, changes: ReadonlyArray<{ partition: number; lease: Lease }>): Leases =>
  leases.map((lease, i) => changes.find(({ partition }) => partition === i)?.lease ?? lease)

const count = (owners: ReadonlyArray<string | undefined>, member: string) =>
  owners.filter((owner) => owner === member).length

const names = ["a", "b", "c", "d", "e", "f", "g"]

/** Any state: partitions that members, dead ones and nobody hold. */
const state = fc.record({
  leases: fc
    .array(fc.option(fc.constantFrom(...names), { nil: undefined }), { maxLength: 12 })
    .map((holders) => held(...holders)),
  members: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 }),
})

const runs = { numRuns: 500, seed: 20261120 }

describe("partition assignment", () => {
  it("gives every partition an owner, and nobody two more than another", () => {
    fc.assert(
      fc.property(state, ({ leases, members }) => {
        const owners = shares(leases, members)
        expect(owners.length).toBe(leases.length)
        for (const owner of owners) expect(members).toContain(owner)
        const counts = members.map((member) => count(owners, member))
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
      }),
      runs,
    )
  })

  it("moves as few partitions as an even sharing allows", () => {
    fc.assert(
      fc.property(state, ({ leases, members }) => {
        const holders = holdersOf(leases)
        const kept = shares(leases, members).filter((owner, i) => owner === holders[i]).length
        // The most that any even sharing keeps: the larger shares go to those who hold most.
        const smaller = Math.floor(leases.length / members.length)
        const most = members
          .map((member) => count(holders, member))
          .toSorted((a, b) => b - a)
          .map((holds, i) => Math.min(holds, smaller + (i < leases.length % members.length ? 1 : 0)))
          .reduce((sum, n) => sum + n, 0)
        expect(kept).toBe(most)
      }),
      runs,
    )
  })

  it("does not depend on the order in which members are named", () => {
    fc.assert(
      fc.property(state, ({ leases, members }) => {
        expect(shares(leases, members.toReversed())).toEqual(shares(leases, members))
        expect(shares(leases, members.toSorted())).toEqual(shares(leases, members))
      }),
      runs,
    )
  })

  it("has no owners without members, and none without partitions", () => {
    expect(shares(held("a", "b"), [])).toEqual([])
    expect(shares([], ["a"])).toEqual([])
  })

  it("[log 19] whatever joins, leaves and dies: a live holder is never robbed, epochs only grow, and all is held in the end", () => {
    const step = fc.record({
      what: fc.constantFrom("beat", "beat", "beat", "beat", "leave", "die"),
      who: fc.constantFrom(...names),
    })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9 }), fc.array(step, { maxLength: 80 }), (partitions, steps) => {
        let leases: Leases = Array.from({ length: partitions }, () => undefined)
        let lastEpoch = 0
        const living = new Set<string>()
        const beat = (who: string) => {
          living.add(who)
          const before = leases
          const beaten = heartbeat(leases, Array.from(living), who, lastEpoch)
          for (const { lease, partition } of beaten.changes) {
            const was = before[partition]
            if (was?.holder !== undefined && was.holder !== who) expect(living.has(was.holder)).toBe(false)
            if (lease.holder === who) {
              expect(lease.epoch).toBeGreaterThan(lastEpoch)
              expect(lease.takenOver).toBe(was?.holder !== undefined)
            }
          }
          leases = apply(leases, beaten.changes)
          expect(beaten.held).toEqual(
            leases.flatMap((lease, partition) => (lease?.holder === who ? [{ partition, lease }] : [])),
          )
          expect(beaten.lastEpoch).toBeGreaterThanOrEqual(lastEpoch)
          lastEpoch = beaten.lastEpoch
        }
        for (const { what, who } of steps) {
          if (what === "beat") beat(who)
          else if (what === "leave") leases = apply(leases, leave(leases, who))
          if (what !== "beat") living.delete(who)
        }
        if (living.size === 0) living.add("a")
        // Two rounds: in the first the holders give back, in the second the others take.
        for (const _ of [1, 2]) for (const who of Array.from(living)) beat(who)
        const settled = holdersOf(leases)
        for (const holder of settled) expect(living).toContain(holder)
        const counts = Array.from(living, (who) => count(settled, who))
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
        // And then nothing changes any more.
        for (const who of living) {
          expect(heartbeat(leases, Array.from(living), who, lastEpoch).changes).toEqual([])
        }
      }),
      runs,
    )
  })

  it("a partition is taken over from a holder that no longer lives, and is not from one that gave it back", () => {
    const leases: Leases = [
      { epoch: 7, holder: "dead", takenOver: false },
      { epoch: 5, holder: undefined, takenOver: true },
      undefined,
    ]
    const { changes, lastEpoch } = heartbeat(leases, [], "a", 9)
    expect(changes).toEqual([
      { partition: 0, lease: { epoch: 10, holder: "a", takenOver: true } },
      { partition: 1, lease: { epoch: 11, holder: "a", takenOver: false } },
      { partition: 2, lease: { epoch: 12, holder: "a", takenOver: false } },
    ])
    expect(lastEpoch).toBe(12)
  })

  it("[log 20] an epoch is in force until the lease is given back or goes to another", () => {
    const [lease] = held("a")
    expect(isInForce(lease, 1)).toBe(true)
    expect(isInForce(lease, 2)).toBe(false)
    expect(isInForce(undefined, 1)).toBe(false)
    const [given] = leave(held("a"), "a")
    expect(given?.lease.epoch).toBe(1)
    expect(isInForce(given?.lease, 1)).toBe(false)
  })
})
