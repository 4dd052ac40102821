import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Lanes from "./Lanes.ts"

/** The exact, slow model: who runs and who waits, in arrays that are searched. */
class Model {
  running: Array<{ id: number; key: string }> = []
  waiting: Array<{ id: number; key: string }> = []
  private readonly width: number
  constructor(width: number) {
    this.width = width
  }
  enter(id: number, key: string) {
    const free = this.running.filter((r) => r.key === key).length < this.width
    ;(free ? this.running : this.waiting).push({ id, key })
    return free
  }
  end(id: number) {
    this.waiting = this.waiting.filter((w) => w.id !== id)
    const ended = this.running.find((r) => r.id === id)
    if (ended === undefined) return undefined
    this.running = this.running.filter((r) => r !== ended)
    const next = this.waiting.find((w) => w.key === ended.key)
    if (next === undefined) return undefined
    this.waiting = this.waiting.filter((w) => w !== next)
    this.running.push(next)
    return next.id
  }
}

describe("Lanes", () => {
  it("[resilience 57] keeps the order of one key and lets other keys pass", () => {
    const lanes = Lanes.make<string, string>()
    const first = Lanes.waiter("a", "first")
    const second = Lanes.waiter("a", "second")
    const third = Lanes.waiter("a", "third")
    expect(Lanes.enter(lanes, first)).toBe(true)
    expect(Lanes.enter(lanes, second)).toBe(false)
    expect(Lanes.enter(lanes, Lanes.waiter("b", "other"))).toBe(true)
    expect(Lanes.enter(lanes, third)).toBe(false)
    expect(Lanes.end(lanes, first)?.value).toBe("second")
    expect(Lanes.end(lanes, second)?.value).toBe("third")
  })

  it("keeps nothing of a key that is idle", () => {
    const lanes = Lanes.make<number, number>()
    for (let key = 0; key < 1_000; key++) {
      const one = Lanes.waiter(key, 0)
      Lanes.enter(lanes, one)
      Lanes.end(lanes, one)
    }
    expect(lanes.lanes.size).toBe(0)
  })

  it("does what the slow model does, whatever enters and ends", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("enter" as const), key: fc.constantFrom("a", "b", "c") }),
      fc.record({ kind: fc.constant("end" as const), which: fc.nat(40) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 1, max: 3 }), (steps, width) => {
        const lanes = Lanes.make<string, number>(width)
        const model = new Model(width)
        const waiters: Array<Lanes.Waiter<string, number>> = []
        for (const s of steps) {
          if (s.kind === "enter") {
            const one = Lanes.waiter(s.key, waiters.length)
            waiters.push(one)
            expect(Lanes.enter(lanes, one)).toBe(model.enter(one.value, s.key))
          } else {
            const one = waiters[s.which]
            if (one !== undefined) expect(Lanes.end(lanes, one)?.value).toBe(model.end(one.value))
          }
          expect(lanes.running).toBe(model.running.length)
          expect(lanes.waiting).toBe(model.waiting.length)
          expect(lanes.lanes.size).toBe(new Set(model.running.map((r) => r.key)).size)
        }
      }),
    )
  })

  it("goes on from its JSON as if nothing had been", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(fc.constantFrom("a", "b", "c")), (width, keys) => {
        const one = Lanes.make<string, number>(width)
        const running: Array<[string, number]> = []
        keys.forEach((key, i) => {
          if (Lanes.enter(one, Lanes.waiter(key, i))) running.push([key, i])
        })
        const two = Lanes.restore<string, number>(JSON.parse(JSON.stringify(Lanes.snapshot(one))))
        const drain = (lanes: Lanes.Lanes<string, number>) => {
          const order: Array<number> = []
          const ending = running.map(([key, value]) => Lanes.ongoing(key, value))
          for (let ended = ending.shift(); ended !== undefined; ended = ending.shift()) {
            const next = Lanes.end(lanes, ended)
            if (next === undefined) continue
            order.push(next.value)
            ending.push(next)
          }
          return { order, keys: lanes.lanes.size, running: lanes.running, waiting: lanes.waiting }
        }
        expect(drain(two)).toEqual(drain(one))
        expect(drain(two)).toEqual({ order: [], keys: 0, running: 0, waiting: 0 })
      }),
    )
  })
})
