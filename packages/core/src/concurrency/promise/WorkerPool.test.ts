import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import * as PromiseWorkerPool from "./WorkerPool.ts"

/** A task that runs until it is told to end. */
const openTask = () => {
  let end = (): void => {}
  const done = new Promise<void>((resolve) => {
    end = resolve
  })
  return { done, end }
}

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await Promise.resolve()
}

describe("Worker pool for promises", () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it("settles as each job does, and runs as many at once as it has workers", async () => {
    const pool = PromiseWorkerPool.make({ name: "p", workers: 3 })
    let running = 0
    let most = 0
    const results = Array.from({ length: 50 }, (_, i) =>
      pool.submit(async () => {
        most = Math.max(most, ++running)
        await turns(i % 4)
        running--
        return i
      }),
    )
    expect(await Promise.all(results)).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(most).toBe(3)
    await expect(pool.submit(() => Promise.reject(new Error("no")))).rejects.toThrow("no")
    await expect(
      pool.submit(() => {
        throw new Error("at once")
      }),
    ).rejects.toThrow("at once")
    expect(pool.stats()).toMatchObject({ workers: 3, busy: 0, waiting: 0, completed: 52, failed: 2 })
    await pool.close()
  })

  it("[resilience 55] keeps the order of a key on its sticky worker, while the pool shrinks and grows", async () => {
    const pool = PromiseWorkerPool.make({ name: "p", workers: 6, dispatch: "sticky" })
    const started = new Map<string, Array<number>>()
    const running = new Set<string>()
    const all = Array.from({ length: 300 }, (_, i) => {
      const key = `k${i % 7}`
      return pool.submit(
        async () => {
          expect(running.has(key)).toBe(false)
          running.add(key)
          started.set(key, [...(started.get(key) ?? []), i])
          await turns(i % 5)
          running.delete(key)
        },
        { key },
      )
    })
    for (const workers of [2, 8, 1, 6, 3]) {
      await turns(60)
      pool.resize(workers)
    }
    await Promise.all(all)
    for (const order of started.values()) expect(order).toEqual([...order].sort((a, b) => a - b))
    expect([...started.values()].flat()).toHaveLength(300)
    await pool.close()
  })

  it("[resilience 56] loses no job while shrinking: the lines of those that go are handed over", async () => {
    for (const dispatch of ["round-robin", "least-busy", "sticky"] as const) {
      const pool = PromiseWorkerPool.make({ name: dispatch, workers: 100, dispatch })
      const gate = openTask()
      let done = 0
      const jobs = Array.from({ length: 1_000 }, (_, i) =>
        pool.submit(
          async () => {
            await gate.done
            done++
          },
          { key: `k${i % 300}` },
        ),
      )
      await turns(20)
      pool.resize(5)
      expect(pool.stats().workers).toBe(5)
      gate.end()
      await Promise.all(jobs)
      await turns(20)
      expect(done).toBe(1_000)
      expect(pool.stats()).toMatchObject({ workers: 5, retiring: 0, busy: 0, waiting: 0, completed: 1_000 })
      await pool.close()
    }
  })

  it("replaces a worker's resource after a failure that broke it, and loses no other job", async () => {
    const log: Array<string> = []
    let made = 0
    const pool = PromiseWorkerPool.makeWith(
      { name: "p", workers: 1, isBroken: (error) => error === "broken" },
      {
        acquire: async () => {
          log.push(`open ${made}`)
          return made++
        },
        release: (id) => {
          log.push(`close ${id}`)
        },
      },
    )
    const jobs = [
      pool.submit((id) => id),
      pool.submit(() => Promise.reject("broken")),
      pool.submit((id) => id),
      pool.submit(() => Promise.reject("expected")),
      pool.submit((id) => id),
    ]
    expect(await Promise.allSettled(jobs)).toEqual([
      { status: "fulfilled", value: 0 },
      { status: "rejected", reason: "broken" },
      { status: "fulfilled", value: 1 },
      { status: "rejected", reason: "expected" },
      { status: "fulfilled", value: 1 },
    ])
    await pool.close()
    expect(log).toEqual(["open 0", "close 0", "open 1", "close 1"])
  })

  it("tries again to acquire a worker's resource while its jobs wait, and tells of what cannot be released", async () => {
    let attempts = 0
    const events: Array<string> = []
    const pool = PromiseWorkerPool.makeWith(
      { name: "p", workers: 1, onEvent: ({ _tag }) => events.push(_tag) },
      {
        acquire: () => {
          if (++attempts < 4) throw new Error("not yet")
          return "up"
        },
        release: () => Promise.reject(new Error("stuck")),
      },
    )
    const job = pool.submit((resource) => resource)
    await vi.advanceTimersByTimeAsync(30_000)
    expect(await job).toBe("up")
    await pool.close()
    expect(events).toEqual([
      "WorkerStarted",
      "AcquireFailed",
      "AcquireFailed",
      "AcquireFailed",
      "JobStarted",
      "WorkerRetiring",
      "WorkerGone",
      "ReleaseFailed",
    ])
  })

  it("does not wait with closing for a resource that cannot be had", async () => {
    const pool = PromiseWorkerPool.makeWith(
      { name: "p", workers: 2 },
      { acquire: () => Promise.reject(new Error("never")) },
    )
    await turns(20)
    // No timer is moved on: it must not wait for the pause between attempts.
    await pool.close()
    expect(pool.stats()).toMatchObject({ workers: 0, retiring: 0 })
  })

  it("[resilience 47] takes an aborted job out of the line, or tells the job that runs", async () => {
    const pool = PromiseWorkerPool.make({ name: "p", workers: 1 })
    const abort = new AbortController()
    const running = pool.submit(
      (_, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
        ),
      { signal: abort.signal },
    )
    const waiting = pool.submit(() => expect.unreachable(), { signal: abort.signal })
    const behind = pool.submit(() => "behind")
    await turns(10)
    expect(pool.stats()).toMatchObject({ busy: 1, waiting: 2 })
    abort.abort(new Error("gone"))
    await expect(waiting).rejects.toThrow("gone")
    await expect(running).rejects.toThrow("gone")
    expect(await behind).toBe("behind")
    await expect(pool.submit(() => expect.unreachable(), { signal: abort.signal })).rejects.toThrow("gone")
    await pool.close()
  })

  it("refuses what its queue does not hold", async () => {
    const pool = PromiseWorkerPool.make({ name: "imports", workers: 1, queue: 1 })
    const task = openTask()
    const first = pool.submit(() => task.done)
    await turns(10)
    const second = pool.submit(() => task.done)
    await expect(pool.submit(() => task.done)).rejects.toBeInstanceOf(PromiseWorkerPool.PoolFull)
    task.end()
    await Promise.all([first, second])
    await pool.close()
  })

  it("[resilience 45] finishes all that was accepted before it closes, and accepts nothing more", async () => {
    const pool = PromiseWorkerPool.make({ name: "p", workers: 2 })
    const jobs = Array.from({ length: 40 }, (_, i) =>
      pool.submit(async () => {
        await turns(i % 4)
        return i
      }),
    )
    const closing = pool.close()
    await expect(pool.submit(() => expect.unreachable())).rejects.toBeInstanceOf(PromiseWorkerPool.PoolClosed)
    await closing
    expect(await Promise.all(jobs)).toEqual(Array.from({ length: 40 }, (_, i) => i))
    expect(pool.stats()).toMatchObject({ workers: 0, retiring: 0 })
  })

  it("answers every caller when it is closed by interruption", async () => {
    const pool = PromiseWorkerPool.make({ name: "p", workers: 1 })
    const running = pool.submit(
      (_, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
        ),
    )
    await turns(10)
    const waiting = pool.submit(() => expect.unreachable())
    const closing = pool.close("interrupt")
    await expect(waiting).rejects.toBeInstanceOf(PromiseWorkerPool.PoolClosed)
    await expect(running).rejects.toThrow('"p" is closed')
    await closing
  })

  it("takes no more workers when it is closed, though a scaler is a step behind", async () => {
    let opened = 0
    const pool = PromiseWorkerPool.makeWith({ name: "p", workers: 2 }, { acquire: () => ++opened })
    await pool.close()
    pool.resize(20)
    await turns(20)
    expect([opened, pool.stats().workers]).toEqual([2, 0])
    expect(() => PromiseWorkerPool.make({ name: "p", workers: Number.POSITIVE_INFINITY })).toThrow(RangeError)
  })
})
