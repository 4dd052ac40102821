import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as PromisePriorityQueue from "./PriorityQueue.ts"

describe("Priority queue for promises", () => {
  it("gives high before middle before low, and what is equal in order", async () => {
    const queue = PromisePriorityQueue.make<string>({ name: "notices" })
    queue.offer("mail", "low")
    queue.offer("like 1")
    queue.offer("like 2")
    queue.offer("alert", "high")
    expect(await queue.take()).toBe("alert")
    expect(queue.takeUpTo(5)).toEqual(["like 1", "like 2", "mail"])
    expect(queue.size()).toBe(0)
  })

  it("serves those who wait in line, and skips who gave up", async () => {
    const queue = PromisePriorityQueue.make<number>({ name: "notices" })
    const abort = new AbortController()
    const first = queue.take()
    const gone = queue.take({ signal: abort.signal })
    const third = queue.take({ signal: new AbortController().signal })
    abort.abort(new Error("gave up"))
    queue.offer(1)
    queue.offer(2)
    await expect(gone).rejects.toThrow("gave up")
    expect(await Promise.all([first, third])).toEqual([1, 2])
    await expect(queue.take({ signal: abort.signal })).rejects.toThrow("gave up")
  })

  it("refuses what it does not hold, and drops nothing", () => {
    const queue = PromisePriorityQueue.make<number>({ name: "notices", capacity: 2 })
    queue.offer(1)
    queue.offer(2)
    expect(() => queue.offer(3, "high")).toThrow(PromisePriorityQueue.QueueFull)
    expect(queue.takeUpTo(9)).toEqual([1, 2])
  })

  it("gives every value once, whoever takes and gives up", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("offer" as const, "take" as const, "abort" as const), { maxLength: 60 }),
        async (steps) => {
          const queue = PromisePriorityQueue.make<number>({ name: "notices" })
          const takers: Array<{ readonly abort: AbortController; readonly taken: Promise<number | undefined> }> = []
          let offered = 0
          for (const step of steps) {
            if (step === "offer") queue.offer(offered++)
            else if (step === "take") {
              const abort = new AbortController()
              takers.push({ abort, taken: queue.take({ signal: abort.signal }).catch(() => undefined) })
            } else takers[(offered * 7) % Math.max(1, takers.length)]?.abort.abort()
          }
          for (const { abort } of takers) abort.abort()
          const taken = (await Promise.all(takers.map((taker) => taker.taken))).filter((value) => value !== undefined)
          const all = [...taken, ...queue.takeUpTo(100)].sort((a, b) => a - b)
          expect(all).toEqual(Array.from({ length: offered }, (_, i) => i))
        },
      ),
      { numRuns: 200 },
    ))
})
