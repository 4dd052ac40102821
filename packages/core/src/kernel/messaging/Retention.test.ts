import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as Retention from "./Retention.ts"

const DAY = 24 * 3_600_000

/** Segments of ten records; `ages` in days, oldest first. */
const segments = (...ages: ReadonlyArray<number>): ReadonlyArray<Retention.Segment> =>
  ages.map((age, i) => ({ firstOffset: i * 10, endOffset: i * 10 + 10, newestAtMs: -age * DAY }))

const plan = (
  given: ReadonlyArray<Retention.Segment>,
  groups: Readonly<Record<string, number>>,
  settings: Partial<Retention.RetentionSettings> = {},
) =>
  Retention.plan(
    given,
    Object.entries(groups).map(([group, committed]) => ({ group, committed })),
    0,
    { ...Retention.standard, ...settings },
  )

describe("retention", () => {
  test("[log 23] drops whole segments older than seven days, and never the one being written", () => {
    expect(plan(segments(20, 9, 7, 6, 0), {})).toMatchObject({ dropBefore: 30, segments: 3, skipped: [] })
    expect(plan(segments(6, 5, 0), {})).toMatchObject({ dropBefore: null, segments: 0 })
    expect(plan(segments(20), {})).toMatchObject({ dropBefore: null })
    expect(plan([], { g: 0 })).toMatchObject({ dropBefore: null, segments: 0, skipped: [] })
  })

  test("[log 23] keeps what a known group has not read, and says who holds it", () => {
    expect(plan(segments(20, 19, 18, 0), { fast: 40, slow: 15 })).toEqual({
      dropBefore: 10,
      segments: 1,
      skipped: [],
      held: { segments: 2, groups: ["slow"] },
    })
    expect(plan(segments(20, 19, 0), { new: 0 })).toMatchObject({ dropBefore: null, held: { segments: 2 } })
  })

  test("[log 23] drops what is unread only when told to, and says who misses what", () => {
    expect(plan(segments(20, 19, 18, 0), { fast: 40, slow: 15, gone: 0 }, { dropUnread: true })).toEqual({
      dropBefore: 30,
      segments: 3,
      skipped: [
        { group: "slow", from: 15, to: 30 },
        { group: "gone", from: 0, to: 30 },
      ],
      held: { segments: 0, groups: [] },
    })
  })

  test("a group that missed records before misses only the new ones now", () => {
    const later = segments(20, 19, 18, 0).slice(1)
    expect(plan(later, { gone: 0 }, { dropUnread: true }).skipped).toEqual([{ group: "gone", from: 10, to: 30 }])
  })

  test("[log 23] nothing that a group has not read goes unsaid, whatever it looks like", () => {
    const given = fc.array(fc.nat(30), { maxLength: 12 })
    fc.assert(
      fc.property(given, fc.dictionary(fc.string(), fc.nat(130)), fc.boolean(), (ages, groups, dropUnread) => {
        const all = segments(...ages)
        const { dropBefore, skipped } = plan(all, groups, { dropUnread })
        if (dropBefore === null) return
        expect(all.slice(0, -1).map(({ endOffset }) => endOffset)).toContain(dropBefore)
        for (const { endOffset, newestAtMs } of all) {
          if (endOffset <= dropBefore) expect(newestAtMs).toBeLessThanOrEqual(-7 * DAY)
        }
        for (const [group, committed] of Object.entries(groups)) {
          const said = skipped.find((one) => one.group === group)
          if (committed < dropBefore) expect(said).toEqual({ group, from: committed, to: dropBefore })
          else expect(said).toBe(undefined)
        }
        if (!dropUnread) expect(skipped).toEqual([])
      }),
    )
  })
})
