import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Dispatch from "./Dispatch.ts"

const withWorkers = (strategy: Dispatch.Strategy, count: number, maxKeys?: number) => {
  const dispatch = Dispatch.make<Dispatch.Worker>(strategy, maxKeys)
  const workers = Array.from({ length: count }, (_, i) => ({ id: `worker-${i}`, load: 0 }))
  for (const worker of workers) Dispatch.add(dispatch, worker)
  return { dispatch, workers }
}

const picks = (dispatch: Dispatch.Dispatch<Dispatch.Worker>, count: number) =>
  Array.from({ length: count }, () => Dispatch.pick(dispatch)?.id)

describe("Dispatch", () => {
  it("has nobody when there is nobody", () => {
    for (const strategy of ["round-robin", "least-busy", "sticky"] as const) {
      expect(Dispatch.pick(Dispatch.make(strategy), "key")).toBeUndefined()
    }
  })

  it("[resilience 55] round robin gives each its turn, also when one leaves in between", () => {
    const { dispatch, workers } = withWorkers("round-robin", 3)
    expect(picks(dispatch, 4)).toEqual(["worker-0", "worker-1", "worker-2", "worker-0"])
    Dispatch.remove(dispatch, workers[0]!)
    expect(picks(dispatch, 3)).toEqual(["worker-1", "worker-2", "worker-1"])
  })

  it("[resilience 55] least busy takes one with the least load, and shares among equals", () => {
    const { dispatch, workers } = withWorkers("least-busy", 3)
    workers[0]!.load = 2
    workers[1]!.load = 1
    expect(picks(dispatch, 1)).toEqual(["worker-2"])
    workers[0]!.load = 0
    expect(new Set(picks(dispatch, 2))).toEqual(new Set(["worker-0", "worker-2"]))
    fc.assert(
      fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: 10 }), (loads) => {
        const many = withWorkers("least-busy", loads.length)
        loads.forEach((load, i) => {
          many.workers[i]!.load = load
        })
        expect(Dispatch.pick(many.dispatch)?.load).toBe(Math.min(...loads))
      }),
    )
  })

  it("[resilience 55] a sticky key moves only when its worker is gone", () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant("pick" as const), key: fc.nat(4) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("add" as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("retire" as const), which: fc.nat(6) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), which: fc.nat(6) }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150, size: "max" }), (steps) => {
        const { dispatch, workers } = withWorkers("sticky", 3)
        const gone = new Set<Dispatch.Worker>()
        const retired = new Set<Dispatch.Worker>()
        const at = new Map<string, Dispatch.Worker>()
        for (const s of steps) {
          const worker = s.kind === "retire" || s.kind === "remove" ? workers[s.which] : undefined
          if (s.kind === "add") {
            workers.push({ id: `worker-${workers.length}`, load: 0 })
            Dispatch.add(dispatch, workers.at(-1)!)
          } else if (s.kind === "retire" && worker !== undefined && !gone.has(worker)) {
            retired.add(worker)
            Dispatch.retire(dispatch, worker)
          } else if (s.kind === "remove" && worker !== undefined) {
            gone.add(worker)
            Dispatch.remove(dispatch, worker)
          } else if (s.kind === "pick") {
            const key = `key-${s.key}`
            const before = at.get(key)
            const now = Dispatch.pick(dispatch, key)
            if (before !== undefined && !gone.has(before)) expect(now).toBe(before)
            else if (now === undefined) expect(workers.every((w) => gone.has(w) || retired.has(w))).toBe(true)
            else expect(gone.has(now) || retired.has(now)).toBe(false)
            if (now !== undefined) at.set(key, now)
          }
        }
      }),
      { numRuns: 500 },
    )
  })

  it("[resilience 55] spreads sticky keys evenly, and those of a worker that is gone over all the rest", () => {
    const { dispatch, workers } = withWorkers("sticky", 10)
    const keys = Array.from({ length: 10_000 }, (_, i) => `athlete-${i}`)
    const countEach = () => {
      const counts = new Map<string, number>()
      for (const key of keys) {
        const id = Dispatch.pick(dispatch, key)!.id
        counts.set(id, (counts.get(id) ?? 0) + 1)
      }
      return counts
    }
    for (const count of countEach().values()) expect(Math.abs(count - 1_000)).toBeLessThan(150)
    Dispatch.remove(dispatch, workers[4]!)
    const after = countEach()
    expect(after.size).toBe(9)
    for (const count of after.values()) expect(Math.abs(count - 1_111)).toBeLessThan(170)
  })

  it("remembers the last keys, and no more than it is told", () => {
    const { dispatch } = withWorkers("sticky", 5, 100)
    const first = Dispatch.pick(dispatch, "first")
    for (let i = 0; i < 98; i++) Dispatch.pick(dispatch, `other-${i}`)
    Dispatch.add(dispatch, { id: "newcomer", load: 0 })
    expect(Dispatch.pick(dispatch, "first")).toBe(first)
    for (let i = 0; i < 10_000; i++) Dispatch.pick(dispatch, `many-${i}`)
    expect(dispatch.keys.entries.size).toBeLessThanOrEqual(100)
  })

  it("gives a retiring worker nothing new, until it is wanted again", () => {
    const { dispatch, workers } = withWorkers("round-robin", 2)
    Dispatch.retire(dispatch, workers[0]!)
    expect(new Set(picks(dispatch, 4))).toEqual(new Set(["worker-1"]))
    Dispatch.add(dispatch, workers[0]!)
    expect(new Set(picks(dispatch, 4))).toEqual(new Set(["worker-0", "worker-1"]))
  })
})
