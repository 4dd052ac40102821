/** The bridge over real sockets that fail in all the ways that networks do. */
import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, test } from "vitest"
import { all, append, count, network, open, quick, serve, server, until } from "../../test/Delivering.ts"

describe("a bad network", () => {
  test("no server: recording goes on, and all is delivered when there is one", async () => {
    serve()
    const { port } = server
    await server.stop()
    const bridge = open({ url: `ws://127.0.0.1:${port}` })
    await append(bridge, 30)
    await until(() => bridge.status().lastProblem !== null)
    expect(bridge.status()).toMatchObject({ connected: false, waitingChunks: 30, lastProblem: { code: "unreachable" } })
    server.start()
    await bridge.drained()
    expect(server.values).toEqual(all())
  })

  test("[bridge 16] disconnects in the middle of frames: what came in part is discarded, nothing is lost or doubled", async () => {
    serve()
    const bad = await network()
    const bridge = open({ url: bad.url })
    // Cut at lengths that fall into greetings, headers and payloads.
    for (let round = 0; round < 12; round++) {
      bad.cutAfter(150 + round * 37)
      await append(bridge, 10)
      await sleep(15)
    }
    bad.heal()
    await bridge.drained()
    expect(bad.cuts).toBeGreaterThan(5)
    expect(server.values).toEqual(all())
  })

  test("[bridge 16] a half-open connection is found by its silence", async () => {
    serve()
    const bad = await network()
    const bridge = open({ url: bad.url, limits: { ...quick, deadMillis: 250 } })
    await append(bridge, 5)
    await bridge.drained()
    bad.swallow()
    const swallowedAt = performance.now()
    await append(bridge, 5)
    await until(() => !bridge.status().connected)
    expect(performance.now() - swallowedAt).toBeGreaterThan(100)
    expect(bridge.status().lastProblem).toMatchObject({ code: "dead" })
    bad.heal()
    await bridge.drained()
    expect(server.values).toEqual(all())
  })

  test("[bridge 3] acknowledgements are lost after the commit: what comes again is not stored again", async () => {
    serve({ losesAcks: true })
    const bridge = open({ limits: { ...quick, ackMillis: 250 } })
    await append(bridge, 20)
    await until(() => server.hellos.length > 2)
    server.behaviour.losesAcks = false
    await bridge.drained()
    expect(server.values).toEqual(all())
    expect(server.mostUnacknowledged).toBeLessThanOrEqual(server.behaviour.window)
  })

  test("[bridge 4] the bridge dies between the server's acknowledgement and its own deletion: no duplicate", async () => {
    serve({ losesAcks: true })
    const dying = open()
    await append(dying, 5)
    await until(() => server.stored.length === 5)
    await dying.close()
    expect(count("chunk")).toBe(5)
    server.behaviour.losesAcks = false
    const bridge = open()
    await bridge.drained()
    expect(server.values).toEqual(all())
    await bridge.close()
    expect(count("chunk")).toBe(0)
  })

  test("the server is killed and comes back, again and again", async () => {
    serve()
    const bridge = open()
    for (let round = 0; round < 5; round++) {
      await append(bridge, 10)
      await server.stop()
      await append(bridge, 10)
      server.start()
    }
    await bridge.drained()
    expect(server.values).toEqual(all())
  })

  test("[bridge 13] acknowledgements that come twice do no harm", async () => {
    serve({ repeatsAcks: true })
    const bridge = open()
    await append(bridge, 20)
    await bridge.drained()
    expect(server.values).toEqual(all())
    expect(server.hellos.length).toBe(1)
  })

  test("[bridge 13] an acknowledgement beyond what was sent deletes nothing", async () => {
    serve({ boasts: true })
    const bridge = open()
    await append(bridge, 3)
    await until(() => bridge.status().lastProblem?.code === "protocol")
    expect(bridge.status().lastProblem?.message).toContain("Nothing was deleted")
    server.behaviour.boasts = false
    await bridge.drained()
    expect(server.values).toEqual(all())
  })

  test("[bridge 10] [bridge 12] a server that is out of step is told anew from the beginning", async () => {
    serve()
    const bridge = open()
    await append(bridge, 3)
    await until(() => server.stored.length === 3)
    await bridge.drained()
    // The server loses its memory of this incarnation, as after a restored backup.
    server.marks.clear()
    await append(bridge, 3)
    await bridge.drained()
    expect(server.hellos.length).toBe(2)
    expect(server.hellos[1]?.waiting[0]?.first).toBe(4)
    expect(server.values).toEqual(all())
  })
})
