import { describe, expect, it } from "vitest"
import { BreakerOpen } from "../Errors.ts"
import { Call } from "./Call.ts"
import { circuitBreaker } from "./CircuitBreaker.ts"
import { policyForUser } from "./Policy.ts"

const down = async (): Promise<never> => {
  throw new Error("down")
}

const opened = async () => {
  const breaker = circuitBreaker("strava", { consecutiveFailures: 3 })
  for (let i = 0; i < 3; i++) await breaker.execute(down).catch(() => {})
  return breaker
}

describe("circuitBreaker for promises", () => {
  it("[resilience 9] open rejects without invoking the operation", async () => {
    const breaker = await opened()
    let invoked = 0
    await expect(breaker.execute(() => invoked++)).rejects.toBeInstanceOf(BreakerOpen)
    expect(invoked).toBe(0)
  })

  it("[resilience 10] the rejection carries when to try again", async () => {
    const breaker = await opened()
    const error = await breaker.execute(down).catch((e: unknown) => e)
    expect(error).toMatchObject({ _tag: "BreakerOpen", reason: "open" })
    if (!(error instanceof BreakerOpen)) throw new Error("not a refusal")
    expect(error.retryAtMillis).toBeGreaterThan(Date.now())
    expect(error.retryAtMillis).toBeLessThanOrEqual(Date.now() + 5_000)
  })

  it("[resilience 29] prebuilt errors do not grow", async () => {
    const breaker = await opened()
    const first: unknown = await breaker.execute(down).catch((e: unknown) => e)
    const size = (error: unknown) => [
      Object.getOwnPropertyNames(error).length,
      error instanceof Error && error.stack?.length,
    ]
    const before = size(first)
    for (let i = 0; i < 10_000; i++) {
      const error: unknown = await breaker.execute(down).catch((e: unknown) => e)
      if (error !== first) throw new Error("another error was built")
    }
    expect(size(first)).toEqual(before)
  })

  it("[resilience 28] a listener that makes more happen still leaves the order to all", async () => {
    const breaker = circuitBreaker("strava", { consecutiveFailures: 1 })
    const heard: Array<string> = []
    breaker.subscribe((event) => {
      if (event._tag === "Opened") breaker.isolate()
    })
    breaker.subscribe((event) => heard.push(event._tag))
    await breaker.execute(down).catch(() => {})
    expect(heard).toEqual(["Opened", "Isolated"])
  })

  it("[resilience 14] an error that says nothing about the dependency does not count", async () => {
    const breaker = circuitBreaker("strava", { consecutiveFailures: 1 })
    await breaker.execute(() => Promise.reject({ status: 403 })).catch(() => {})
    await breaker.execute(() => Promise.reject(new DOMException("stop", "AbortError"))).catch(() => {})
    expect(breaker.view()).toMatchObject({ phase: "closed", calls: 0 })
  })

  it("[resilience 15] a cancelled call is neither a failure nor a success, whatever it was cancelled with", async () => {
    const breaker = circuitBreaker("maps", { consecutiveFailures: 1 })
    const policy = policyForUser("maps", { breaker })
    for (const guard of [breaker, policy]) {
      const controller = new AbortController()
      const settled = guard
        .execute(
          (call) => new Promise((_, reject) => call.signal.addEventListener("abort", () => reject(new Error("gone")))),
          controller.signal,
        )
        .catch(() => {})
      controller.abort("the page was closed")
      await settled
    }
    expect(breaker.view()).toMatchObject({ phase: "closed", calls: 0 })
  })

  it("[resilience 25] an isolation ends once, however often it is ended", async () => {
    const breaker = circuitBreaker("strava")
    const first = breaker.isolate()
    breaker.isolate()
    first()
    first()
    await expect(breaker.execute(() => 1)).rejects.toMatchObject({ reason: "isolated" })
  })

  it("hands the operation a call whose signal follows the caller's", async () => {
    const outer = new AbortController()
    const breaker = circuitBreaker("strava")
    const reason = await breaker.execute(
      (call) =>
        new Promise((resolve) => {
          call.signal.addEventListener("abort", () => resolve(call.signal.reason))
          outer.abort("enough")
        }),
      outer.signal,
    )
    expect(reason).toBe("enough")
  })

  it("a call knows that it was aborted, whenever its signal is asked for", () => {
    const parent = new Call(undefined)
    const child = new Call(parent)
    parent.abort("late")
    expect(child.aborted).toBe(true)
    expect(child.signal.reason).toBe("late")
    expect(new Call(child, true).retried).toBe(true)
  })

  it("passes on and counts what the operation gives, in whatever form", async () => {
    class Later<A> extends Promise<A> {}
    const error = new Error("down")
    const good: ReadonlyArray<() => PromiseLike<number> | number> = [
      () => 1,
      async () => 1,
      () => Later.resolve(1),
      // biome-ignore lint/suspicious/noThenProperty: other libraries' promises
      () => ({ then: (resolve) => Promise.resolve(1).then(resolve) }),
    ]
    const bad: ReadonlyArray<() => PromiseLike<number>> = [
      () => {
        throw error
      },
      async () => {
        throw error
      },
      () => Later.reject(error),
      // biome-ignore lint/suspicious/noThenProperty: other libraries' promises
      () => ({ then: (resolve, reject) => Promise.reject(error).then(resolve, reject) }),
    ]
    const breaker = circuitBreaker("strava")
    for (const operation of good) expect(await breaker.execute(operation)).toBe(1)
    for (const operation of bad) await expect(breaker.execute(operation)).rejects.toBe(error)
    expect(breaker.view()).toMatchObject({ calls: 8, failures: 4 })
  })

  it("leaves a failure that nobody handles to the host's report", async () => {
    const listeners = process.listeners("unhandledRejection")
    process.removeAllListeners("unhandledRejection")
    try {
      const reported = new Promise((resolve) => process.once("unhandledRejection", resolve))
      const error = new Error("nobody cares")
      void circuitBreaker("strava").execute(() => Promise.reject(error))
      expect(await reported).toBe(error)
    } finally {
      for (const listener of listeners) process.on("unhandledRejection", listener)
    }
  })
})
