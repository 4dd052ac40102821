import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import { type Due, DueQueue } from "./DueQueue.ts"

describe("what is due next, in memory", () => {
  it("gives out the latest version of each, by time and then by id, whatever was pushed and changed before", () => {
    const change = fc.record({ id: fc.constantFrom("a", "b", "c", "d", "e"), dueAtMs: fc.option(fc.nat(9)) })
    fc.assert(
      fc.property(fc.array(fc.oneof(change, fc.constant("pop" as const))), (steps) => {
        const current = new Map<string, Due>()
        const queue = new DueQueue((due) => current.get(due.id) === due)
        let version = 0
        for (const step of steps) {
          if (step === "pop") {
            const [expected] = Array.from(current.values()).toSorted(
              (a, b) => a.dueAtMs - b.dueAtMs || (a.id < b.id ? -1 : 1),
            )
            expect(queue.peek()).toBe(expected)
            expect(queue.pop()).toBe(expected)
            if (expected !== undefined) current.delete(expected.id)
          } else if (step.dueAtMs === null) {
            current.delete(step.id)
          } else {
            const due = { id: step.id, dueAtMs: step.dueAtMs, version: ++version }
            current.set(step.id, due)
            queue.push(due)
          }
        }
      }),
    )
  })
})
