import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as PriorityQueue from "./PriorityQueue.ts"

const drain = <A>(queue: PriorityQueue.PriorityQueue<PriorityQueue.Entry<A>>): Array<A> => {
  const taken: Array<A> = []
  for (let next = PriorityQueue.take(queue); next !== undefined; next = PriorityQueue.take(queue)) {
    taken.push(next.value)
  }
  return taken
}

/** The exact, slow model: one array, searched from the start each time. */
class Model {
  private waiting: Array<{ id: number; priority: PriorityQueue.Priority; arrivedAt: number }> = []
  private latest = 0
  private readonly aging: PriorityQueue.Aging
  constructor(aging: PriorityQueue.Aging) {
    this.aging = aging
  }
  offer(id: number, priority: PriorityQueue.Priority, now: number) {
    this.latest = Math.max(this.latest, now)
    this.waiting.push({ id, priority, arrivedAt: this.latest })
  }
  remove(id: number) {
    const before = this.waiting.length
    this.waiting = this.waiting.filter((w) => w.id !== id)
    return this.waiting.length < before
  }
  take(): number | undefined {
    const key = (w: { priority: PriorityQueue.Priority; arrivedAt: number }) =>
      w.arrivedAt + (w.priority === "high" ? 0 : this.aging[w.priority])
    const rank = (p: PriorityQueue.Priority) => PriorityQueue.PRIORITIES.indexOf(p)
    const best = [...this.waiting].sort((a, b) => key(a) - key(b) || rank(a.priority) - rank(b.priority))[0]
    if (best !== undefined) this.remove(best.id)
    return best?.id
  }
  oldest() {
    return this.waiting.reduce<number | undefined>(
      (least, w) => (least === undefined || w.arrivedAt < least ? w.arrivedAt : least),
      undefined,
    )
  }
}

const priority = fc.constantFrom<PriorityQueue.Priority>("high", "middle", "low")

describe("PriorityQueue", () => {
  it("[resilience 46] is first in, first out within a priority", () => {
    const queue = PriorityQueue.make<PriorityQueue.Entry<string>>()
    for (const name of ["a", "b", "c"]) PriorityQueue.offer(queue, PriorityQueue.entry(name), 0)
    expect(drain(queue)).toEqual(["a", "b", "c"])
  })

  it("takes high before middle before low", () => {
    const queue = PriorityQueue.make<PriorityQueue.Entry<string>>()
    PriorityQueue.offer(queue, PriorityQueue.entry("backup", "low"), 0)
    PriorityQueue.offer(queue, PriorityQueue.entry("post", "middle"), 0)
    PriorityQueue.offer(queue, PriorityQueue.entry("alert", "high"), 0)
    expect(drain(queue)).toEqual(["alert", "post", "backup"])
  })

  it("[resilience 51] lets a low entry be overtaken only by what arrives within its handicap", () => {
    const queue = PriorityQueue.make<PriorityQueue.Entry<string>>({ middle: 10, low: 50 })
    PriorityQueue.offer(queue, PriorityQueue.entry("low", "low"), 0)
    const taken: Array<string> = []
    for (let now = 1; now <= 100; now++) {
      PriorityQueue.offer(queue, PriorityQueue.entry(`high ${now}`, "high"), now)
      const next = PriorityQueue.take(queue)
      if (next !== undefined) taken.push(next.value)
    }
    expect(taken.indexOf("low")).toBe(50)
  })

  it("never lets low overtake for ever when aging is switched off", () => {
    const queue = PriorityQueue.make<PriorityQueue.Entry<string>>({
      middle: Number.POSITIVE_INFINITY,
      low: Number.POSITIVE_INFINITY,
    })
    PriorityQueue.offer(queue, PriorityQueue.entry("low", "low"), 0)
    PriorityQueue.offer(queue, PriorityQueue.entry("middle", "middle"), 1e9)
    PriorityQueue.offer(queue, PriorityQueue.entry("high", "high"), 2e9)
    expect(drain(queue)).toEqual(["high", "middle", "low"])
  })

  it("offers an entry once, and removes it once", () => {
    const queue = PriorityQueue.make<PriorityQueue.Entry<string>>()
    const only = PriorityQueue.entry("only")
    PriorityQueue.offer(queue, only, 0)
    PriorityQueue.offer(queue, only, 0)
    expect(queue.size).toBe(1)
    expect(PriorityQueue.remove(queue, only)).toBe(true)
    expect(PriorityQueue.remove(queue, only)).toBe(false)
    expect(queue.size).toBe(0)
  })

  it("does what the slow model does, whatever is offered, taken and removed", () => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ kind: fc.constant("offer" as const), priority, after: fc.integer({ min: -3, max: 9 }) }),
      },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("take" as const) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), which: fc.nat(40) }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.nat(20), fc.nat(60), (steps, middle, low) => {
        const aging = { middle, low }
        const queue = PriorityQueue.make<PriorityQueue.Entry<number>>(aging)
        const model = new Model(aging)
        const entries: Array<PriorityQueue.Entry<number>> = []
        let now = 0
        for (const s of steps) {
          if (s.kind === "offer") {
            now += s.after
            const added = PriorityQueue.entry(entries.length, s.priority)
            entries.push(added)
            PriorityQueue.offer(queue, added, now)
            model.offer(added.value, s.priority, now)
          } else if (s.kind === "take") {
            expect(PriorityQueue.take(queue)?.value).toBe(model.take())
          } else {
            const entry = entries[s.which]
            if (entry !== undefined) expect(PriorityQueue.remove(queue, entry)).toBe(model.remove(entry.value))
          }
          expect(PriorityQueue.oldest(queue)?.arrivedAt).toBe(model.oldest())
        }
        const rest: Array<number> = []
        for (let id = model.take(); id !== undefined; id = model.take()) rest.push(id)
        expect(drain(queue)).toEqual(rest)
      }),
    )
  })

  it("goes on from its JSON as if nothing had been", () => {
    const step = fc.record({
      priority: fc.constantFrom(...PriorityQueue.PRIORITIES),
      later: fc.nat(3),
      take: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step), fc.array(step), (before, after) => {
        let now = 0
        let id = 0
        type Queue = PriorityQueue.PriorityQueue<PriorityQueue.Entry<number>>
        const play = (queue: Queue, steps: typeof before, from: number): Array<number | undefined> =>
          steps.flatMap(({ later, priority, take }, i) => {
            now += later
            if (take) return [PriorityQueue.take(queue)?.value]
            PriorityQueue.offer(queue, PriorityQueue.entry(from + i, priority), now)
            return []
          })
        const one: Queue = PriorityQueue.make({ middle: 3, low: 7 })
        play(one, before, id)
        id += before.length
        const kept = JSON.parse(JSON.stringify(PriorityQueue.snapshot(one, ({ value }) => value)))
        const two: Queue = PriorityQueue.restore<PriorityQueue.Entry<number>, number>(kept, PriorityQueue.entry)
        expect(two.size).toBe(one.size)
        const then = now
        const all = (queue: Queue) => {
          now = then
          const taken = play(queue, after, id)
          while (queue.size > 0) taken.push(PriorityQueue.take(queue)?.value)
          return taken
        }
        expect(all(two)).toEqual(all(one))
      }),
    )
  })
})
