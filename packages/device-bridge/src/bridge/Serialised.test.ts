/** The bridge's door under calls that come at the same time, and under calls from within its own events. */
import { describe, expect, test } from "vitest"
import { append, count, events, open, serve, server, tamperWith, until } from "../../test/Delivering.ts"

describe("calls at the same time", () => {
  test("[bridge 28] of everything the bridge can do, from many callers: each sample once, in each caller's order", async () => {
    serve()
    const bridge = open({ flushMillis: 1 })
    const callers = Array.from({ length: 20 }, async (_, caller) => {
      for (let i = 0; i < 25; i++) {
        bridge.record(`strap-${caller}`, "power", i, caller * 1_000 + i)
        bridge.moveCursor(`log-${caller}`, `${i}`)
        const calls = [bridge.flush(), bridge.flush(), bridge.drained()]
        if (i % 10 === caller % 10) calls.push(bridge.suspend().then(() => bridge.resume()))
        // While one sleeps nothing is drained, so nobody waits for that here.
        await Promise.all(calls.slice(0, 2))
        void calls[2]?.catch(() => undefined)
      }
    })
    await Promise.all(callers)
    bridge.resume()
    await bridge.drained()
    const values = server.values
    expect(values.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, caller) => Array.from({ length: 25 }, (_, i) => caller * 1_000 + i)).flat(),
    )
    for (let caller = 0; caller < 20; caller++) {
      const own = values.filter((value) => Math.floor(value / 1_000) === caller)
      expect(own).toEqual(own.toSorted((a, b) => a - b))
      expect(bridge.cursor(`log-${caller}`)).toBe("24")
    }
    expect(server.stored.map(({ n }) => n)).toEqual(server.stored.map((_, i) => i + 1))
    await Promise.all([bridge.close(), bridge.close()])
    expect([count("chunk"), count("owner")]).toEqual([0, 0])
  })

  test("[bridge 28] of who records and flushes in answer to an event, while chunks are being sent: each goes out once", async () => {
    serve({ window: 64 })
    const away = open({ url: "ws://127.0.0.1:9" })
    await append(away, 12)
    await away.close()
    tamperWith("update stored_chunk set payload = x'01ffee' where position % 4294967296 in (3, 6)")
    let answers = 0
    const bridge = open({
      onEvent: (event) => {
        events.push(event)
        if (event._tag !== "ChunkQuarantined") return
        bridge.record("strap-02", "power", 0, 100 + answers++)
        void bridge.flush()
      },
    })
    await until(() => answers === 2)
    await bridge.drained()
    expect(server.values).toEqual([0, 1, 3, 4, 6, 7, 8, 9, 10, 11, 100, 101])
    expect([server.redeliveries, server.hellos.length]).toEqual([0, 1])
    expect(server.gaps.map(({ first, last }) => [first, last])).toEqual([
      [3, 3],
      [6, 6],
    ])
  })
})
