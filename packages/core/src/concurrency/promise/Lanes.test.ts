import { describe, expect, it } from "vitest"
import * as PromiseLanes from "./Lanes.ts"

describe("Lanes for promises", () => {
  it("[resilience 57] keeps the order of one key and lets other keys pass", async () => {
    const lanes = PromiseLanes.make<string>()
    const log: Array<string> = []
    let open = (): void => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const slow = lanes.run("a", async () => {
      await gate
      log.push("a1")
    })
    const behind = lanes.run("a", () => log.push("a2"))
    await lanes.run("b", () => log.push("b1"))
    open()
    await Promise.all([slow, behind])
    expect(log).toEqual(["b1", "a1", "a2"])
    expect(lanes.stats()).toEqual({ keys: 0, running: 0, waiting: 0 })
  })

  it("goes on after a failure, and skips who was aborted while waiting", async () => {
    const lanes = PromiseLanes.make<string>()
    const abort = new AbortController()
    const failing = lanes.run("a", () => Promise.reject(new Error("no")))
    const aborted = lanes.run("a", () => expect.unreachable(), { signal: abort.signal })
    const behind = lanes.run("a", () => "ran")
    abort.abort(new Error("gone"))
    await expect(failing).rejects.toThrow("no")
    await expect(aborted).rejects.toThrow("gone")
    expect(await behind).toBe("ran")
    await expect(lanes.run("a", () => "never", { signal: abort.signal })).rejects.toThrow("gone")
    expect(lanes.stats().keys).toBe(0)
  })
})
