import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as CausalOrder from "./CausalOrder.ts"

const message = (id: string, ...after: ReadonlyArray<string>): CausalOrder.CausalMessage<string> => ({
  id,
  after,
  message: `text of ${id}`,
})

/** A thread as its reader keeps it. */
const thread = (capacity?: number) => {
  let state = CausalOrder.make<string>(capacity)
  const delivered: Array<string> = []
  return {
    delivered,
    state: () => state,
    offer: (offered: CausalOrder.CausalMessage<string>, nowMs = 0) => {
      const outcome = CausalOrder.offer(state, offered, nowMs, (id) => delivered.includes(id))
      // What is stored between two messages is JSON.
      state = JSON.parse(JSON.stringify(outcome.state))
      if (outcome._tag === "Deliver") delivered.push(...outcome.messages.map(({ id }) => id))
      return outcome
    },
  }
}

describe("CausalOrder", () => {
  it("holds an answer back until its question has come, and says what is missing", () => {
    const t = thread()
    expect(t.offer(message("c", "b", "a"))).toMatchObject({ _tag: "Hold", missing: ["b", "a"] })
    expect(t.offer(message("b", "a"))).toMatchObject({ _tag: "Hold", missing: ["a"] })
    expect(CausalOrder.missingOf(t.state())).toEqual(["a"])
    const outcome = t.offer(message("a"))
    expect(outcome._tag === "Deliver" && outcome.messages).toEqual([
      message("a"),
      message("b", "a"),
      message("c", "b", "a"),
    ])
    expect(t.state().held).toEqual([])
    expect(CausalOrder.missingOf(t.state())).toEqual([])
  })

  it("ignores what it has delivered or holds back already", () => {
    const t = thread()
    t.offer(message("b", "a"))
    expect(t.offer(message("b", "a"))._tag).toBe("Duplicate")
    t.offer(message("a"))
    expect(t.offer(message("a"))._tag).toBe("Duplicate")
    expect(t.offer(message("b", "a"))._tag).toBe("Duplicate")
    expect(t.delivered).toEqual(["a", "b"])
  })

  it("holds back no more than its bound, and still delivers what can be", () => {
    const t = thread(2)
    t.offer(message("b", "a"))
    t.offer(message("c", "a"))
    expect(t.offer(message("d", "a"))).toMatchObject({ _tag: "Full", missing: ["a"] })
    expect(t.offer(message("e"))._tag).toBe("Deliver")
    expect(t.offer(message("a"))._tag).toBe("Deliver")
    expect(t.offer(message("d", "a"))._tag).toBe("Deliver")
    expect(t.delivered).toEqual(["e", "a", "b", "c", "d"])
  })

  it("gives up on what has waited too long", () => {
    const t = thread()
    t.offer(message("b", "lost"), 10)
    t.offer(message("c", "a"), 20)
    const { expired, state } = CausalOrder.expire(t.state(), 20)
    expect(expired.map(({ id, missing }) => ({ id, missing }))).toEqual([{ id: "b", missing: ["lost"] }])
    expect(state.held.map(({ id }) => id)).toEqual(["c"])
  })

  it("never delivers what waits for itself", () => {
    const t = thread()
    expect(t.offer(message("a", "a"))._tag).toBe("Hold")
    t.offer(message("b", "c"))
    t.offer(message("c", "b"))
    expect(t.delivered).toEqual([])
  })

  /** Messages that each depend on some of those before, and an order in which they arrive, some twice, some never. */
  const traffic = fc.integer({ min: 1, max: 12 }).chain((count) =>
    fc.record({
      causes: fc.array(fc.array(fc.nat(count), { maxLength: 3 }), { minLength: count, maxLength: count }),
      arrivals: fc.array(fc.nat(count - 1), { maxLength: 3 * count }),
    }),
  )

  it("delivers exactly what has all its causes delivered: once, and after them", () => {
    fc.assert(
      fc.property(traffic, ({ arrivals, causes }) => {
        const messages = causes.map((after, n) =>
          message(`${n}`, ...after.filter((cause) => cause < n).map((cause) => `${cause}`)),
        )
        const t = thread()
        const arrived = new Set<string>()
        for (const n of arrivals) {
          t.offer(messages[n]!)
          arrived.add(`${n}`)
          // The slow, exact model: deliver until nothing changes.
          const closed = new Set<string>()
          for (let before = -1; before < closed.size; ) {
            before = closed.size
            for (const { after, id } of messages) {
              if (arrived.has(id) && after.every((cause) => closed.has(cause))) closed.add(id)
            }
          }
          expect(new Set(t.delivered)).toEqual(closed)
          expect(t.delivered.length).toBe(closed.size)
          expect(new Set(t.state().held.map(({ id }) => id))).toEqual(
            new Set([...arrived].filter((id) => !closed.has(id))),
          )
          const awaited = messages.filter(({ id }) => arrived.has(id) && !closed.has(id)).flatMap(({ after }) => after)
          const missing = new Set(awaited.filter((id) => !arrived.has(id)))
          expect(new Set(CausalOrder.missingOf(t.state()))).toEqual(missing)
        }
        t.delivered.forEach((id, at) => {
          for (const cause of messages[Number(id)]!.after) expect(t.delivered.indexOf(cause)).toBeLessThan(at)
        })
      }),
      { seed: 20261120, numRuns: 500 },
    )
  })
})
