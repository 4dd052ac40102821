import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as ActivityGroups from "./ActivityGroups.ts"
import type { Recording } from "./SameActivity.ts"

const MINUTE = 60_000

const recording = (id: string, from: number, to: number): Recording => ({
  id,
  startedAtMs: from * MINUTE,
  endedAtMs: to * MINUTE,
  sport: null,
  heartRate: null,
  speed: null,
})

const watch = recording("watch", 0, 60)
const phone = recording("phone", 1, 60)
const file = recording("file", 0, 61)
const evening = recording("evening", 600, 640)

const membersOf = (groups: ReadonlyArray<ActivityGroups.Group>) => groups.map(({ members }) => members)

describe("recordings", () => {
  test("of one activity are one group, held together by reasons; another activity is another", () => {
    const groups = ActivityGroups.of([watch, evening, phone, file])
    expect(membersOf(groups)).toEqual([["evening"], ["file", "phone", "watch"]])
    expect(groups[1]?.links).toHaveLength(2)
    expect(groups[1]?.links[0]?.reason).toMatch(/^they overlap for/)
  })

  test("that a person took apart are never together again, also where a third is the same as both", () => {
    const apart = [{ a: "phone", b: "watch", apart: true }]
    expect(membersOf(ActivityGroups.of([watch, phone], apart))).toEqual([["phone"], ["watch"]])
    const groups = membersOf(ActivityGroups.of([watch, phone, file], apart))
    expect(groups).toHaveLength(2)
    expect(groups.some((group) => group.includes("phone") && group.includes("watch"))).toBe(false)
  })

  test("that a person put together are, though nothing says that they are the same", () => {
    const groups = ActivityGroups.of([watch, evening], [{ a: "evening", b: "watch", apart: false }])
    expect(groups).toMatchObject([{ members: ["evening", "watch"], links: [{ reason: "put together by hand" }] }])
  })

  test("are grouped the same in whatever order they arrive, and every one is in exactly one group", () => {
    const spans = fc.uniqueArray(
      fc.record({
        id: fc.string({ unit: fc.constantFrom("a", "b", "c", "d"), minLength: 1, maxLength: 3 }),
        from: fc.nat(200),
        length: fc.integer({ min: 1, max: 70 }),
      }),
      { selector: ({ id }) => id, maxLength: 9 },
    )
    const scenario = spans.chain((all) => {
      const recordings = all.map(({ from, id, length }) => recording(id, from, from + length))
      const ids = all.map(({ id }) => id)
      const pair = fc.subarray(ids, { minLength: Math.min(2, ids.length), maxLength: Math.min(2, ids.length) })
      return fc.record({
        recordings: fc.constant(recordings),
        arrival: fc.shuffledSubarray(recordings, { minLength: recordings.length }),
        decisions: fc.uniqueArray(
          fc.tuple(pair, fc.boolean()).map(([[a = "", b = ""], apart]) => ({ a, b, apart })),
          { selector: ({ a, b }) => [a, b].toSorted().join("/"), maxLength: 4 },
        ),
      })
    })
    fc.assert(
      fc.property(scenario, ({ arrival, decisions, recordings }) => {
        const groups = ActivityGroups.of(recordings, decisions)
        expect(ActivityGroups.of(arrival, decisions.toReversed())).toEqual(groups)
        expect(groups.flatMap(({ members }) => members).toSorted()).toEqual(recordings.map(({ id }) => id).toSorted())
        for (const { links, members } of groups) {
          expect(links).toHaveLength(members.length - 1)
          for (const { a, apart, b } of decisions) {
            if (apart && a !== b) expect(members.includes(a) && members.includes(b)).toBe(false)
          }
        }
      }),
      { seed: 20261120, numRuns: 400 },
    )
  })
})
