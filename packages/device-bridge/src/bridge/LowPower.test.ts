/** What low power changes, and what it does not. */
import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, test, vi } from "vitest"
import { append, bufferPath, count, open, serve, server, until } from "../../test/Delivering.ts"
import { bunSqlite } from "../drivers/BunSqlite.ts"

/** How the connection to the buffer's file commits, each time that it does. */
const watched = () => {
  const commits: Array<unknown> = []
  const driver = bunSqlite()
  return {
    commits,
    driver: {
      ...driver,
      open: (file: string) => {
        const database = driver.open(file)
        const transaction: typeof database.transaction = (body) => {
          const result = database.transaction(body)
          if (file === bufferPath()) commits.push(database.prepare("pragma synchronous").get()?.["synchronous"])
          return result
        }
        return { ...database, transaction }
      },
    },
  }
}

describe("in low power", () => {
  test("[bridge 40] what is recorded is on the disk as soon as ever and as safely, while the upload waits", async () => {
    serve()
    const { commits, driver } = watched()
    const bridge = open({ driver, power: "low", flushMillis: 20, limits: { gatherMillis: 600_000 } })
    await append(bridge, 1)
    await bridge.drained()
    await until(() => bridge.status().state === "resting")
    commits.length = 0
    bridge.record("strap-01", "power", 1, 1_000)
    // Nobody flushes: the timer does.
    await until(() => count("chunk") === 1)
    expect(bridge.status()).toMatchObject({ state: "resting", connected: false, waitingChunks: 1, pendingSamples: 0 })
    // 2 is FULL: each commit waits for the disk.
    expect(new Set(commits)).toEqual(new Set([2]))
    expect(server.values).toEqual([0])
    await bridge.drained()
    expect(server.values).toEqual([0, 1_000])
  })

  test("gathering without an end costs nothing while it rests: no timer fires at once because it should never", async () => {
    serve()
    const bridge = open({ power: "low", limits: { gatherMillis: Number.POSITIVE_INFINITY } })
    await append(bridge, 1)
    await bridge.drained()
    await append(bridge, 1)
    expect(bridge.status().state).toBe("resting")
    const timers = vi.spyOn(globalThis, "setTimeout")
    await sleep(60)
    expect(timers.mock.calls.length).toBeLessThan(5)
    timers.mockRestore()
    await bridge.drained()
    expect(server.values).toEqual([0, 1])
  })

  test("[bridge 40] set while it runs it flushes as often as before, and the end of an activity at once", async () => {
    serve()
    const bridge = open({ flushMillis: 20 })
    bridge.setPower("low")
    await append(bridge, 1)
    await bridge.drained()
    bridge.record("strap-01", "power", 1, 1_000)
    await until(() => bridge.status().pendingSamples === 0 && bridge.status().recordedSamples === 2)
    bridge.record("strap-01", "activity", 2, 0)
    await Promise.resolve()
    expect(bridge.status().pendingSamples).toBe(0)
  })
})
