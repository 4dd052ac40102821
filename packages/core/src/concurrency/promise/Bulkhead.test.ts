import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import * as PromiseBulkhead from "./Bulkhead.ts"

/** A task that runs until it is told to end. */
const openTask = () => {
  let end = (): void => {}
  const done = new Promise<void>((resolve) => {
    end = resolve
  })
  return { done, end }
}

describe("Bulkhead for promises", () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it("runs what there is room for, in order, and refuses the rest without starting it", async () => {
    const bulkhead = PromiseBulkhead.make({ name: "b", limit: 1, queue: { high: 1, middle: 1, low: 0 } })
    const holder = openTask()
    const running = bulkhead.run(() => holder.done)
    const waiting = bulkhead.run(() => "second")
    await expect(bulkhead.run(() => expect.unreachable())).rejects.toBeInstanceOf(PromiseBulkhead.BulkheadFull)
    expect(bulkhead.stats()).toEqual({ limit: 1, running: 1, waiting: 1 })
    holder.end()
    await running
    expect(await waiting).toBe("second")
    expect(bulkhead.stats()).toEqual({ limit: 1, running: 0, waiting: 0 })
  })

  it("[resilience 50] ends a wait at its longest", async () => {
    const bulkhead = PromiseBulkhead.make({ name: "b", limit: 1, queue: 5, maxWaitMillis: 100 })
    const holder = openTask()
    const running = bulkhead.run(() => holder.done)
    let outcome: unknown
    const waiting = bulkhead
      .run(() => expect.unreachable())
      .catch((error: unknown) => {
        outcome = error
      })
    await vi.advanceTimersByTimeAsync(98)
    expect(outcome).toBeUndefined()
    await vi.advanceTimersByTimeAsync(3)
    await waiting
    expect(outcome).toBeInstanceOf(PromiseBulkhead.BulkheadWaitExceeded)
    holder.end()
    await running
  })

  it("[resilience 47] takes an aborted waiter out of the line, and its task never runs", async () => {
    const bulkhead = PromiseBulkhead.make({ name: "b", limit: 1, queue: 5 })
    const holder = openTask()
    const running = bulkhead.run(() => holder.done)
    const abort = new AbortController()
    const waiting = bulkhead.run(() => expect.unreachable(), { signal: abort.signal })
    const behind = bulkhead.run(() => "behind")
    await Promise.resolve()
    abort.abort(new Error("gone"))
    await expect(waiting).rejects.toThrow("gone")
    holder.end()
    await running
    expect(await behind).toBe("behind")
    await expect(bulkhead.run(() => expect.unreachable(), { signal: abort.signal })).rejects.toThrow("gone")
  })

  it("gives the place back when a task fails or throws", async () => {
    const bulkhead = PromiseBulkhead.make({ name: "b", limit: 1 })
    await expect(bulkhead.run(() => Promise.reject(new Error("failed")))).rejects.toThrow("failed")
    await expect(
      bulkhead.run(() => {
        throw new Error("threw")
      }),
    ).rejects.toThrow("threw")
    expect(bulkhead.stats().running).toBe(0)
  })

  it("can be resized while calls wait", async () => {
    const bulkhead = PromiseBulkhead.make({ name: "b", limit: 1, queue: 5 })
    const holder = openTask()
    const running = bulkhead.run(() => holder.done)
    const waiting = bulkhead.run(() => "second")
    bulkhead.resize(2)
    expect(await waiting).toBe("second")
    holder.end()
    await running
  })

  it("asks for the signal only if it has to wait", async () => {
    const bulkhead = PromiseBulkhead.make({ name: "b", limit: 1, queue: 1 })
    const controller = new AbortController()
    let asked = 0
    const call = {
      priority: "high" as const,
      get aborted() {
        return controller.signal.aborted
      },
      get signal() {
        asked++
        return controller.signal
      },
    }
    const holder = openTask()
    const running = bulkhead.run(() => holder.done, call)
    expect(asked).toBe(0)
    const waiting = bulkhead.run(() => expect.unreachable(), call)
    expect(asked).toBeGreaterThan(0)
    controller.abort("enough")
    await expect(waiting).rejects.toBe("enough")
    holder.end()
    await running
    await expect(bulkhead.run(() => expect.unreachable(), call)).rejects.toBe("enough")
  })

  it("ends a wait of no time at once", async () => {
    const bulkhead = PromiseBulkhead.make({ name: "b", limit: 1, queue: 1, maxWaitMillis: 0 })
    const holder = openTask()
    const running = bulkhead.run(() => holder.done)
    await expect(bulkhead.run(() => expect.unreachable(), { priority: "high" })).rejects.toBeInstanceOf(
      PromiseBulkhead.BulkheadWaitExceeded,
    )
    holder.end()
    await running
  })

  it("keyed: keeps keys apart, and forgets those that are not in use", async () => {
    const perTenant = PromiseBulkhead.keyed<string>({ name: "imports", limit: 1 })
    const holder = openTask()
    const running = perTenant.run("gym-a", () => holder.done)
    await expect(perTenant.run("gym-a", () => expect.unreachable())).rejects.toThrow('"imports/gym-a"')
    expect(await perTenant.run("gym-b", () => "through")).toBe("through")
    expect(perTenant.stats()).toEqual({ keys: 1, running: 1, waiting: 0 })
    holder.end()
    await running
    await expect(perTenant.run("gym-c", () => "ran", { signal: AbortSignal.abort("gone") })).rejects.toBe("gone")
    expect(perTenant.stats()).toEqual({ keys: 0, running: 0, waiting: 0 })
  })
})
