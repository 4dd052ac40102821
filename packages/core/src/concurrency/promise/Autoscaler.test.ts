import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import * as Kernel from "../../kernel/concurrency/Autoscaler.ts"
import * as PromiseAutoscaler from "./Autoscaler.ts"
import * as PromiseWorkerPool from "./WorkerPool.ts"

const HOUR = 3_600_000
const settings = { queueLength: 50, p95Millis: 1e9, coolDownMillis: 20_000, calmForMillis: 60_000 }

describe("Autoscaler for promises", () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it("[resilience 56] drives a pool 5 → 100 → 5 with its queue, without flapping, and loses no job", async () => {
    const pool = PromiseWorkerPool.make({ name: "imports", workers: 5 })
    const sizes: Array<number> = []
    const scaler = PromiseAutoscaler.start({
      target: pool,
      settings,
      onDecision: ({ change, target }) => {
        if (change !== "hold") sizes.push(target)
      },
    })
    let done = 0
    const job = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 20_000))
      done++
    }
    const jobs = Array.from({ length: 900 }, () => pool.submit(job))
    await vi.advanceTimersByTimeAsync(1_200_000)
    await Promise.all(jobs)
    expect(done).toBe(900)
    expect(sizes).toEqual([10, 20, 40, 80, 100, 50, 25, 12, 6, 5])
    expect(pool.stats()).toMatchObject({ workers: 5, retiring: 0, busy: 0, waiting: 0, completed: 900, failed: 0 })
    scaler.stop()
    await pool.close()
  })

  it("[resilience 56] follows the prediction, and shows it ahead", async () => {
    const pool = PromiseWorkerPool.make({ name: "seats", workers: 5 })
    const startsAtMillis = Date.now() + 30 * HOUR
    const plan: Kernel.Plan = {
      schedule: [],
      events: [{ name: "spring run", startsAtMillis, endsAtMillis: startsAtMillis + HOUR, workers: 60 }],
    }
    const scaler = PromiseAutoscaler.start({ target: pool, settings, plan: () => plan, everyMillis: 600_000 })
    expect(scaler.forecast().at(-1)?.workers).toBeGreaterThan(5)
    await vi.advanceTimersByTimeAsync(30 * HOUR)
    expect(pool.stats().workers).toBe(60)
    await vi.advanceTimersByTimeAsync(3 * HOUR)
    expect(pool.stats().workers).toBe(5)
    scaler.stop()
    await pool.close()
  })

  it("goes on when what it scales fails, and decides anew", async () => {
    let workers = 5
    let failures = 2
    const errors: Array<unknown> = []
    const scaler = PromiseAutoscaler.start({
      target: {
        stats: () => ({ workers, busy: workers, waiting: 1_000, completed: 0, failed: 0, p95Millis: undefined }),
        resize: async (to) => {
          if (failures-- > 0) throw new Error("the cloud says no")
          workers = to
        },
      },
      settings: { ...settings, max: 10 },
      onError: (error) => errors.push(error),
    })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(errors).toHaveLength(2)
    expect(workers).toBe(10)
    scaler.stop()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(scaler.latest()).toMatchObject({ target: 10 })
  })

  it("decides nothing more once it is stopped, also from within a decision", async () => {
    let decisions = 0
    const pool = PromiseWorkerPool.make({ name: "p", workers: 5 })
    const scaler = PromiseAutoscaler.start({
      target: pool,
      onDecision: () => {
        if (++decisions === 3) scaler.stop()
      },
    })
    await vi.advanceTimersByTimeAsync(100_000)
    expect(decisions).toBe(3)
    expect(vi.getTimerCount()).toBe(0)
    await pool.close()
  })

  it("needs no shell for a scaler that asks: the kernel decides from plain data", () => {
    let state = Kernel.initial(Kernel.standard, 10)
    const decision = Kernel.decide(Kernel.standard, state, { queueLength: 12_400, busy: 10 }, Kernel.noPlan, Date.now())
    state = JSON.parse(JSON.stringify(decision.state))
    expect(decision).toMatchObject({
      change: "grow",
      target: 20,
      reason: "queue 12,400 is above 10,000: from 10 to 20 workers",
    })
    expect(state.workers).toBe(20)
  })
})
