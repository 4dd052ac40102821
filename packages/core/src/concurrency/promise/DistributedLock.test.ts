import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import * as PromiseDistributedLock from "./DistributedLock.ts"

type Store = PromiseDistributedLock.PromiseLockStore

/** A lock that tells what happens, in a few letters each. */
const told = (store: Store, settings: Omit<PromiseDistributedLock.PromiseLockSettings, "store"> = {}) => {
  const from = performance.now()
  const events: Array<string> = []
  const lock = PromiseDistributedLock.make({
    ...settings,
    store,
    onEvent: (event) => events.push(`${(performance.now() - from) / 1_000} ${event._tag}`),
  })
  return { lock, events }
}

const sleep = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

/** What a promise came to, once it has. */
const outcomeOf = (promise: Promise<unknown>) => {
  const seen: { value?: unknown; error?: unknown; settled: boolean } = { settled: false }
  promise.then(
    (value) => Object.assign(seen, { value, settled: true }),
    (error) => Object.assign(seen, { error, settled: true }),
  )
  return seen
}

const { LeaseLost, LockTimeout, LockTooLate, LockUnavailable, memoryLockStore } = PromiseDistributedLock

describe("Distributed lock for promises", () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it("renews at each third of 30 s, for as long as it is held, and then releases", async () => {
    const { events, lock } = told(memoryLockStore())
    const holding = lock.withLock("seats", () => sleep(45_000))
    await vi.advanceTimersByTimeAsync(100_000)
    await holding
    expect(events).toEqual(["0 Acquired", "10 Renewed", "20 Renewed", "30 Renewed", "40 Renewed", "45 Released"])
  })

  it("gives up waiting after 5 s, in this lock and in another on the same store", async () => {
    const store = memoryLockStore()
    const { events, lock } = told(store)
    const other = told(store)
    await lock.acquire("seats")
    const here = outcomeOf(lock.acquire("seats"))
    const there = outcomeOf(other.lock.acquire("seats"))
    await vi.advanceTimersByTimeAsync(4_998)
    expect([here.settled, there.settled]).toEqual([false, false])
    await vi.advanceTimersByTimeAsync(3)
    const timeout = new LockTimeout({ resource: "seats", waitMillis: 5_000 })
    expect([here.error, there.error]).toEqual([timeout, timeout])
    expect(events.at(-1)).toContain("NotAcquired")
  })

  it("asks once where the caller would not wait", async () => {
    const store = memoryLockStore()
    const lease = await told(store).lock.acquire("seats")
    const second = outcomeOf(told(store).lock.acquire("seats", { waitMillis: 0 }))
    await vi.advanceTimersByTimeAsync(1)
    expect(second.error).toBeInstanceOf(LockTimeout)
    await lease.release()
    expect((await told(store).lock.acquire("seats", { waitMillis: 0 })).token).toBeGreaterThan(lease.token)
  })

  it("[resilience 72] tokens increase for each of many, one holder at a time, among locks on one store", async () => {
    const store = memoryLockStore()
    const locks = [told(store).lock, told(store).lock]
    const tokens: Array<number> = []
    let holders = 0
    const all = Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        locks[i % 2]?.withLock("seats", async ({ token }) => {
          expect(++holders).toBe(1)
          tokens.push(token)
          await sleep(10)
          holders--
        }),
      ),
    )
    await vi.advanceTimersByTimeAsync(400)
    await all
    expect(tokens).toHaveLength(20)
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b))
  })

  it("[resilience 73] the store refuses the token of a holder that was paused for longer than its lease", async () => {
    const store = memoryLockStore()
    const paused = await store.tryAcquire("seats", "paused", 30)
    await vi.advanceTimersByTimeAsync(40)
    const lease = await told(store).lock.acquire("seats")
    expect(paused).toMatchObject({ _tag: "Granted" })
    expect(await store.passes("seats", lease.token - 1)).toBe(false)
    expect(await store.passes("seats", lease.token)).toBe(true)
    await lease.release()
    expect(await store.passes("seats", lease.token)).toBe(false)
  })

  it("[resilience 74] the release of a lost lease does not free the lock of its successor", async () => {
    const store = memoryLockStore()
    const lame = told({ ...store, renew: () => new Promise(() => {}) })
    const lease = await lame.lock.acquire("seats", { ttlMillis: 800 })
    await vi.advanceTimersByTimeAsync(800)
    const successor = await told(store).lock.acquire("seats")
    await lease.release()
    expect(await store.passes("seats", successor.token)).toBe(true)
    expect(await store.tryAcquire("seats", "third", 10)).toMatchObject({ _tag: "Held" })
  })

  it("[resilience 75] fails when the answer took longer than the lease, and leaves the lock free", async () => {
    const store = memoryLockStore()
    const slow = told({
      ...store,
      tryAcquire: async (resource, owner) => {
        const attempt = await store.tryAcquire(resource, owner, 600_000)
        await sleep(150)
        return attempt
      },
    })
    const late = outcomeOf(slow.lock.acquire("seats", { ttlMillis: 100 }))
    await vi.advanceTimersByTimeAsync(150)
    expect(late.error).toBeInstanceOf(LockTooLate)
    await told(store).lock.acquire("seats", { waitMillis: 0 })
  })

  it("[resilience 75] leaves the lock free when the caller gave up before the store granted it", async () => {
    const store = memoryLockStore()
    const { lock } = told({
      ...store,
      tryAcquire: async (...args) => {
        const attempt = await store.tryAcquire(...args)
        await sleep(2_000)
        return attempt
      },
    })
    const caller = new AbortController()
    const timedOut = outcomeOf(lock.acquire("a", { waitMillis: 50 }))
    const aborted = outcomeOf(lock.acquire("b", { signal: caller.signal }))
    await vi.advanceTimersByTimeAsync(100)
    caller.abort("left")
    await vi.advanceTimersByTimeAsync(1_000)
    expect(timedOut.error).toBeInstanceOf(LockTimeout)
    expect(aborted.error).toBe("left")
    await vi.advanceTimersByTimeAsync(1_000)
    for (const resource of ["a", "b"]) expect((await store.tryAcquire(resource, "next", 10))._tag).toBe("Granted")
  })

  it("takes an aborted waiter out of the line, wherever it waits", async () => {
    const store = memoryLockStore()
    const { lock } = told(store)
    const lease = await lock.acquire("seats")
    const caller = new AbortController()
    const { signal } = caller
    const inLine = outcomeOf(lock.acquire("seats", { signal }))
    const atFront = outcomeOf(told(store).lock.acquire("seats", { signal }))
    const patient = lock.acquire("seats")
    await vi.advanceTimersByTimeAsync(10)
    caller.abort("left")
    await vi.advanceTimersByTimeAsync(0)
    expect([inLine.error, atFront.error]).toEqual(["left", "left"])
    await expect(lock.acquire("elsewhere", { signal })).rejects.toBe("left")
    await lease.release()
    await (await patient).release()
  })

  it("[resilience 76] tries a renewal that failed again each second, until the lease is over and lost", async () => {
    const store = memoryLockStore()
    const cut = told({ ...store, renew: () => Promise.reject(new Error("cut off")) })
    const lease = await cut.lock.acquire("seats")
    let signal: AbortSignal | undefined
    const guarded = outcomeOf(
      lease.guard((given) => {
        signal = given
        return new Promise(() => {})
      }),
    )
    await vi.advanceTimersByTimeAsync(29_990)
    lease.ensureHeld()
    expect(cut.events.filter((event) => event.endsWith("RenewalFailed"))).toHaveLength(20)
    await vi.advanceTimersByTimeAsync(20)
    const lost = new LeaseLost({ resource: "seats", token: lease.token, reason: "expired" })
    expect(() => lease.ensureHeld()).toThrow(lost)
    expect(guarded.error).toEqual(lost)
    expect([signal?.aborted, signal?.reason]).toEqual([true, lost])
    await expect(lease.guard(() => "ran")).rejects.toEqual(lost)
    expect(cut.events.filter((event) => event.endsWith("Lost"))).toHaveLength(1)
  })

  it("[resilience 76] a renewal that hangs does not make the lease last longer", async () => {
    const { events, lock } = told({ ...memoryLockStore(), renew: () => new Promise(() => {}) })
    const lease = await lock.acquire("seats")
    const guarded = outcomeOf(lease.guard(() => sleep(60_000)))
    await vi.advanceTimersByTimeAsync(30_001)
    expect(guarded.error).toMatchObject({ _tag: "LeaseLost", reason: "expired" })
    expect(events.map((event) => event.split(" ")[1])).toEqual(["Acquired", "Lost"])
    await lock.acquire("seats", { waitMillis: 0 })
  })

  it("[resilience 76] a lease that the store would not renew is lost at once, not at its end", async () => {
    const { lock } = told({ ...memoryLockStore(), renew: () => false })
    const guarded = outcomeOf(lock.withLock("seats", () => sleep(60_000)))
    await vi.advanceTimersByTimeAsync(10_001)
    expect(guarded.error).toMatchObject({ _tag: "LeaseLost", reason: "refused" })
  })

  it("[resilience 77] a release wakes who waits, in the same lock and in another, in the order of arrival", async () => {
    const store = memoryLockStore()
    const [one, two] = [told(store, { pollMillis: 1e6 }).lock, told(store, { pollMillis: 1e6 }).lock]
    const lease = await one.acquire("seats")
    const order: Array<string> = []
    const want = (lock: typeof one, who: string) => lock.withLock("seats", () => order.push(who), { waitMillis: 1e6 })
    const waiting = Promise.all([want(one, "1a"), want(one, "1b"), want(two, "2a")])
    await vi.advanceTimersByTimeAsync(100)
    expect(order).toEqual([])
    await lease.release()
    await waiting
    expect(order.filter((who) => who.startsWith("1"))).toEqual(["1a", "1b"])
    expect(order).toHaveLength(3)
  })

  it("[resilience 77] polls a store that tells of no release", async () => {
    const { onRelease: _, ...deaf } = memoryLockStore()
    const lease = await told(deaf).lock.acquire("seats")
    const waiting = outcomeOf(told(deaf).lock.acquire("seats"))
    await vi.advanceTimersByTimeAsync(100)
    await lease.release()
    await vi.advanceTimersByTimeAsync(1_250)
    expect(waiting.settled).toBe(true)
  })

  it("tells a store's trouble as what it is, and holds nothing", async () => {
    const store = memoryLockStore()
    const cause = new Error("no route")
    const { events, lock } = told({
      ...store,
      tryAcquire: () => {
        throw cause
      },
    })
    const error = await lock.withLock("seats", () => expect.unreachable()).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(LockUnavailable)
    expect(error).toMatchObject({ resource: "seats", cause })
    expect(events).toEqual(["0 NotAcquired"])
  })

  it("releases what it holds when it is closed, and gives nothing any more", async () => {
    const store = memoryLockStore()
    const { events, lock } = told(store)
    const lease = await lock.acquire("seats")
    const waiting = outcomeOf(lock.acquire("seats"))
    await lock.close()
    expect(lease.signal.reason).toMatchObject({ reason: "released" })
    expect(await store.tryAcquire("seats", "next", 10)).toMatchObject({ _tag: "Granted" })
    await vi.advanceTimersByTimeAsync(0)
    expect(waiting.error).toBeInstanceOf(LockUnavailable)
    expect(events.slice(0, 2)).toEqual(["0 Acquired", "0 Released"])
  })
})
