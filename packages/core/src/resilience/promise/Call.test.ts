import { describe, expect, it, vi } from "vitest"
import { Call, callOf } from "./Call.ts"
import { policyForUser } from "./Policy.ts"
import { retry } from "./Retry.ts"

/** How many listeners a signal has: those added, less those taken away. */
const listenersOf = (signal: AbortSignal): (() => number) => {
  const added = vi.spyOn(signal, "addEventListener")
  const removed = vi.spyOn(signal, "removeEventListener")
  return () => added.mock.calls.length - removed.mock.calls.length
}

/** Asks for its signal, as `fetch` does. */
const operation = async (call: Call): Promise<boolean> => call.signal.aborted

describe("Call", () => {
  it("leaves nothing on a signal that outlives it", async () => {
    const { signal } = new AbortController()
    const listeners = listenersOf(signal)
    const guards = [policyForUser("maps"), retry(), retry({ totalMillis: Number.POSITIVE_INFINITY })]
    for (const guard of guards) for (let i = 0; i < 20; i++) await guard.execute(operation, signal)
    expect(listeners()).toBe(0)
  })

  it("leaves nothing behind where nobody gave a signal: each asker gets one of its own", async () => {
    expect(callOf(undefined).signal).not.toBe(callOf(undefined).signal)
    const listeners = listenersOf(new Call(undefined).signal)
    expect(await policyForUser("maps").execute(operation)).toBe(false)
    expect(listeners()).toBe(0)
  })

  it("follows whoever it is part of, through every level", () => {
    const controller = new AbortController()
    const inner = new Call(new Call(callOf(controller.signal)))
    const { signal } = inner
    const heard: Array<unknown> = []
    inner.onAbort((reason) => heard.push(reason))
    const forgotten = inner.onAbort(() => heard.push("forgotten"))
    forgotten()
    controller.abort("enough")
    expect(signal.aborted).toBe(true)
    expect(heard).toEqual(["enough"])
  })

  it("stops what is inside, and not what is outside", () => {
    const outer = new Call(undefined)
    const inner = new Call(outer)
    const innermost = new Call(inner)
    inner.abort("late")
    expect([outer.aborted, inner.aborted, innermost.aborted]).toEqual([false, true, true])
    expect(innermost.reason).toBe("late")
  })
})
