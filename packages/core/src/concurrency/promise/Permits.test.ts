import * as fc from "fast-check"
import { describe, expect, it, vi } from "vitest"
import * as PromisePermits from "./Permits.ts"

/** A task that runs until it is told to end. */
const openTask = () => {
  let end = (): void => {}
  const done = new Promise<void>((resolve) => {
    end = resolve
  })
  return { done, end }
}

const turns = async (count = 10): Promise<void> => {
  for (let i = 0; i < count; i++) await Promise.resolve()
}

describe("Permits for promises", () => {
  it("settles as the task does", async () => {
    const permits = PromisePermits.make(1)
    expect(await permits.run(() => 7)).toBe(7)
    expect(await permits.run(async () => "later")).toBe("later")
    await expect(permits.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no")
    await expect(
      permits.run(() => {
        throw new Error("at once")
      }),
    ).rejects.toThrow("at once")
    expect(permits.stats()).toEqual({ limit: 1, inFlight: 0, waiting: 0 })
  })

  it("[resilience 46] runs waiting tasks first in, first out", async () => {
    const permits = PromisePermits.make(2)
    const order: Array<number> = []
    await Promise.all(Array.from({ length: 50 }, (_, i) => permits.run(async () => order.push(i))))
    expect(order).toEqual(Array.from({ length: 50 }, (_, i) => i))
  })

  it("[resilience 47] takes an aborted waiter out of the line, and its task never runs", async () => {
    const permits = PromisePermits.make(1)
    const holder = openTask()
    const running = permits.run(() => holder.done)
    const abort = new AbortController()
    const waiting = permits.run(() => expect.unreachable(), { signal: abort.signal })
    const behind = permits.run(() => "behind")
    abort.abort(new Error("gone"))
    await expect(waiting).rejects.toThrow("gone")
    expect(permits.stats().waiting).toBe(1)
    holder.end()
    await running
    expect(await behind).toBe("behind")
    await expect(permits.run(() => expect.unreachable(), { signal: abort.signal })).rejects.toThrow("gone")
  })

  it("keeps what it started when its signal is aborted later", async () => {
    const permits = PromisePermits.make(1)
    const abort = new AbortController()
    const holder = openTask()
    const running = permits.run(() => holder.done, { signal: abort.signal })
    abort.abort()
    expect(permits.stats().inFlight).toBe(1)
    holder.end()
    await running
    expect(permits.stats().inFlight).toBe(0)
  })

  it("[resilience 49] can be raised and lowered while running", async () => {
    const permits = PromisePermits.make(1)
    const tasks = Array.from({ length: 4 }, openTask)
    const all = tasks.map((task) => permits.run(() => task.done))
    expect(permits.stats()).toEqual({ limit: 1, inFlight: 1, waiting: 3 })
    permits.resize(3)
    expect(permits.stats()).toEqual({ limit: 3, inFlight: 3, waiting: 1 })
    permits.resize(1)
    tasks[0]?.end()
    tasks[1]?.end()
    await turns()
    expect(permits.stats()).toEqual({ limit: 1, inFlight: 1, waiting: 1 })
    for (const task of tasks) task.end()
    await Promise.all(all)
    expect(permits.stats()).toEqual({ limit: 1, inFlight: 0, waiting: 0 })
  })

  it("gives back an acquired permit once, however often release is called", async () => {
    const permits = PromisePermits.make(2)
    const first = await permits.acquire({ weight: 2 })
    const second = permits.acquire()
    first()
    first()
    ;(await second)()
    expect(permits.stats().inFlight).toBe(0)
  })

  it("survives 100,000 waiting tasks that throw at once", async () => {
    const permits = PromisePermits.make(1)
    const holder = openTask()
    const running = permits.run(() => holder.done)
    let failures = 0
    const all = Array.from({ length: 100_000 }, () =>
      permits
        .run(() => {
          throw failures
        })
        .catch(() => {
          failures++
        }),
    )
    holder.end()
    await running
    await Promise.all(all)
    expect(failures).toBe(100_000)
  })

  it("[resilience 44] never has more in flight than the limit, and loses no permit, under random aborts", () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(
          fc.record({
            weight: fc.integer({ min: 1, max: 5 }),
            turns: fc.nat(6),
            abortAfter: fc.option(fc.nat(12)),
            fails: fc.boolean(),
          }),
          { maxLength: 40 },
        ),
        async (limit, jobs) => {
          const permits = PromisePermits.make(limit)
          let held = 0
          let most = 0
          const all = jobs.map(async (job) => {
            const abort = new AbortController()
            const weight = Math.min(job.weight, limit)
            const result = permits.run(
              async () => {
                held += weight
                most = Math.max(most, held)
                await turns(job.turns)
                held -= weight
                if (job.fails) throw new Error("failed")
              },
              { weight: job.weight, signal: abort.signal },
            )
            if (job.abortAfter !== null) void turns(job.abortAfter).then(() => abort.abort())
            await result.catch(() => {})
          })
          await Promise.all(all)
          expect(most).toBeLessThanOrEqual(limit)
          expect(permits.stats()).toEqual({ limit, inFlight: 0, waiting: 0 })
        },
      ),
    ))

  it("is not spoilt for good by a weight that is no number", async () => {
    const permits = PromisePermits.make(2)
    for (const weight of [Number.NaN, -3, 0.5]) await permits.run(() => {}, { weight })
    expect(permits.stats()).toEqual({ limit: 2, inFlight: 0, waiting: 0 })
  })

  it("asks for the signal only if it has to wait", async () => {
    const permits = PromisePermits.make(1)
    const signal = vi.fn(() => new AbortController().signal)
    const call = {
      aborted: false,
      get signal() {
        return signal()
      },
    }
    const first = openTask()
    const running = permits.run(() => first.done, call)
    expect(signal).not.toHaveBeenCalled()
    const waiting = permits.run(() => "second", call)
    expect(signal).toHaveBeenCalledTimes(1)
    first.end()
    await running
    expect(await waiting).toBe("second")
  })
})
