import { ClassId, leaderboardChannel, type Standing, type Tile, tilesChannel } from "@paceline/core/contract"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { LiveServer } from "../test/LiveServer.ts"
import { type ChannelView, type ClassView, type Client, createClient } from "./index.ts"
import { isStanding, isTile } from "./LiveValues.ts"

const TILES = "classes/main/tiles"
const LEADERBOARD = "classes/main/leaderboard"

const tile = (athleteId: string, heartRateBpm: number) => ({
  athleteId,
  alias: athleteId.toUpperCase(),
  heartRateBpm,
  percentOfMax: 75,
  zone: 3,
  heartRateVisible: true,
  effortPoints: 12,
  contact: "live",
  sensedAtMs: 1_700_000_000_000,
})

const standing = (athleteId: string, points: number) => ({ athleteId, alias: athleteId, points, workouts: 1 })

/** Records views and lets a test wait for one. No test waits for time: each waits for what it expects. */
const recorder = <V>() => {
  const views: Array<V> = []
  const waiting = new Set<() => void>()
  return {
    views,
    listen: (view: V) => {
      views.push(view)
      for (const check of [...waiting]) check()
    },
    until: (holds: (view: V) => boolean): Promise<V> =>
      new Promise((resolve) => {
        const check = () => {
          const last = views.at(-1)
          if (last === undefined || !holds(last)) return
          waiting.delete(check)
          resolve(last)
        }
        waiting.add(check)
        check()
      }),
  }
}

const isAnything = (value: unknown): value is unknown => value !== undefined

let server: LiveServer
let client: Client

beforeEach(() => {
  server = new LiveServer()
  server.start()
  // The first retry comes at once, later ones within the standard ceilings.
  client = createClient({ url: server.url, random: () => 0.2 })
})

afterEach(async () => {
  client.close()
  await server.stop()
})

describe("watching a class over a real socket", () => {
  it("shows connecting, then everything as live, then each change", async () => {
    server.set(TILES, "ann", tile("ann", 140))
    server.set(LEADERBOARD, "ann", standing("ann", 30))
    const { views, listen, until } = recorder<ClassView>()
    client.classes("main").watch(listen)
    const first = await until(({ state }) => state === "live")
    expect(views[0]).toEqual({ state: "connecting", tiles: [], leaderboard: [], lastHeardAtMs: null, problem: null })
    expect(first.tiles).toEqual([tile("ann", 140)])
    expect(first.leaderboard).toEqual([standing("ann", 30)])
    expect(first.lastHeardAtMs).toBeGreaterThan(Date.now() - 10_000)
    const [, ...others] = views
    expect(others.map(({ state }) => state)).not.toContain("connecting")
    server.set(TILES, "bo", tile("bo", 100))
    server.set(TILES, "ann", tile("ann", 141))
    const next = await until(({ tiles }) => tiles[0]?.heartRateBpm === 141)
    expect(next.tiles.map(({ athleteId }) => athleteId)).toEqual(["ann", "bo"])
    expect(next.state).toBe("live")
  })

  it("sorts the leaderboard best first, equal points by id", async () => {
    for (const [id, points] of [
      ["cy", 20],
      ["ann", 10],
      ["bo", 20],
      ["di", 40],
    ] as const) {
      server.set(LEADERBOARD, id, standing(id, points))
    }
    const { listen, until } = recorder<ClassView>()
    client.classes("main").watch(listen)
    const { leaderboard } = await until(({ state }) => state === "live")
    expect(leaderboard.map(({ athleteId }) => athleteId)).toEqual(["di", "bo", "cy", "ann"])
  })

  it("keeps unchanged tiles the same object", async () => {
    server.set(TILES, "ann", tile("ann", 140))
    server.set(TILES, "bo", tile("bo", 120))
    const { listen, until } = recorder<ClassView>()
    client.classes("main").watch(listen)
    const before = await until(({ state }) => state === "live")
    server.set(TILES, "bo", tile("bo", 121))
    const after = await until(({ tiles }) => tiles[1]?.heartRateBpm === 121)
    expect(after.tiles[0]).toBe(before.tiles[0])
    expect(after.leaderboard).toEqual(before.leaderboard)
  })

  it("leaves out values of a shape that it does not know, and says so", async () => {
    server.set(TILES, "ann", tile("ann", 140))
    server.set(TILES, "bo", { ...tile("bo", 120), contact: "teleported" })
    const { listen, until } = recorder<ClassView>()
    client.classes("main").watch(listen)
    const { tiles, problem } = await until(({ state }) => state === "live")
    expect(tiles.map(({ athleteId }) => athleteId)).toEqual(["ann"])
    expect(problem).toMatchObject({ code: "unknown-value" })
  })

  it("resumes by position after a cut, and is never live before it has what it missed", async () => {
    server.set(TILES, "ann", tile("ann", 140))
    const { views, listen, until } = recorder<ClassView>()
    client.classes("main").watch(listen)
    await until(({ state }) => state === "live")
    server.cutOff()
    await until(({ state }) => state === "lost")
    server.set(TILES, "ann", tile("ann", 150))
    views.length = 0
    await until(({ state }) => state === "live")
    const lives = views.filter(({ state }) => state === "live")
    expect(lives.every(({ tiles }) => tiles[0]?.heartRateBpm === 150)).toBe(true)
    expect(views.every(({ tiles }) => tiles.length === 1)).toBe(true)
    const resumed = server.heard.filter((frame) => frame._tag === "Subscribe" && frame.channel === TILES).at(-1)
    expect(resumed).toMatchObject({ after: { epoch: "run-1", seq: 1 } })
  })

  it("takes up a server that restarted with a new epoch and other athletes", async () => {
    server.set(TILES, "ann", tile("ann", 140))
    server.set(TILES, "bo", tile("bo", 120))
    const { listen, until } = recorder<ClassView>()
    client.classes("main").watch(listen)
    await until(({ state }) => state === "live")
    await server.stop()
    const lost = await until(({ state }) => state === "lost")
    expect(lost.tiles).toHaveLength(2)
    server.set(TILES, "ann", null)
    server.set(TILES, "cy", tile("cy", 99))
    server.start()
    const back = await until(({ state }) => state === "live")
    expect(back.tiles.map(({ athleteId }) => athleteId)).toEqual(["bo", "cy"])
  })

  it("asks again after a gap and shows nothing as live before it is filled", async () => {
    server.set(TILES, "ann", tile("ann", 140))
    const { views, listen, until } = recorder<ClassView>()
    client.classes("main").watch(listen)
    await until(({ state }) => state === "live")
    server.skip(TILES, "bo", tile("bo", 120))
    server.set(TILES, "ann", tile("ann", 145))
    await until(({ tiles }) => tiles.length === 2)
    const states = views.map(({ state, tiles }) => `${state} ${tiles.map((t) => t.heartRateBpm).join()}`)
    expect(states.slice(-2)).toEqual(["catching-up 140", "live 145,120"])
  })

  it("begins anew when the server sends what it cannot read, and says why meanwhile", async () => {
    server.set(TILES, "ann", tile("ann", 140))
    const { listen, until } = recorder<ClassView>()
    client.classes("main").watch(listen)
    await until(({ state }) => state === "live")
    server.sendRaw("hello")
    const lost = await until(({ state }) => state === "lost")
    expect(lost.problem).toMatchObject({ code: "malformed" })
    expect((await until(({ state }) => state === "live")).problem).toBeNull()
    server.sendRaw(new Uint8Array([0x92, 2, 3]))
    expect((await until(({ state }) => state === "lost")).problem).toMatchObject({ code: "unknown-version" })
    await until(({ state }) => state === "live")
  })

  it("echoes heartbeats", async () => {
    const { listen, until } = recorder<ClassView>()
    client.classes("main").watch(listen)
    await until(({ state }) => state === "live")
    server.heartbeat()
    server.set(TILES, "ann", tile("ann", 140))
    await until(({ tiles }) => tiles.length === 1)
    server.set(TILES, "ann", tile("ann", 141))
    await until(({ tiles }) => tiles[0]?.heartRateBpm === 141)
    await expect.poll(() => server.heard.at(-1)).toEqual({ _tag: "Heartbeat", echo: true })
  })
})

describe("watching channels", () => {
  it("uses one socket for all, and closes it with the last", async () => {
    const first = recorder<ChannelView<unknown>>()
    const second = recorder<ChannelView<unknown>>()
    const third = recorder<ChannelView<unknown>>()
    const stops = [
      client.watch("a", first.listen, isAnything),
      client.watch("b", second.listen, isAnything),
      client.watch("b", third.listen, isAnything),
    ]
    await Promise.all([first, second, third].map(({ until }) => until(({ state }) => state === "live")))
    expect(server.connections).toBe(1)
    expect(server.heard.filter(({ _tag }) => _tag === "Subscribe")).toHaveLength(2)
    stops[1]?.()
    server.set("b", "k", 1)
    await third.until(({ entries }) => entries.get("k") === 1)
    expect(second.views.at(-1)?.entries.size).toBe(0)
    stops[0]?.()
    stops[2]?.()
    await expect.poll(() => server.connections).toBe(0)
  })

  it("tells nothing after it was stopped, even from within a listener", async () => {
    let told = 0
    await new Promise<void>((resolve) => {
      const stop = client.watch(
        "a",
        () => {
          told += 1
          stop()
          resolve()
        },
        isAnything,
      )
    })
    const other = recorder<ChannelView<unknown>>()
    client.watch("a", other.listen, isAnything)
    await other.until(({ state }) => state === "live")
    expect(told).toBe(1)
  })

  it("says lost, not connecting, when no server is there", async () => {
    await server.stop()
    const { views, listen, until } = recorder<ChannelView<unknown>>()
    client.watch("a", listen, isAnything)
    await until(({ state }) => state === "lost")
    expect(views.map(({ state }) => state)).toEqual(["connecting", "lost"])
    server.start()
    await until(({ state }) => state === "live")
  })
})

describe("creating a client", () => {
  it("refuses what is no address of a server, and says what is", () => {
    expect(() => createClient({ url: "localhost:8080" })).toThrow(/http:\/\/127\.0\.0\.1:8080/)
    expect(() => createClient({ url: "" })).toThrow(TypeError)
  })

  it("finds a server below a path, with TLS", async () => {
    const urls: Array<string> = []
    class Recording extends WebSocket {
      constructor(url: string) {
        urls.push(url)
        super("ws://127.0.0.1:1")
      }
    }
    const below = createClient({ url: "https://gym.example/paceline?x=1", WebSocket: Recording })
    const stop = below.watch("a", () => {}, isAnything)
    stop()
    expect(urls).toEqual(["wss://gym.example/paceline/v1/live"])
  })

  it("names the channels as the contract does, and knows its values", () => {
    expect(tilesChannel(ClassId.make("main"))).toBe(TILES)
    expect(leaderboardChannel(ClassId.make("main"))).toBe(LEADERBOARD)
    const one: unknown = tile("ann", 140)
    const two: unknown = standing("ann", 3)
    const typed: [Tile | null, Standing | null] = [isTile(one) ? one : null, isStanding(two) ? two : null]
    expect(typed).toEqual([one, two])
  })
})
