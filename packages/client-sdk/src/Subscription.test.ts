import { LiveFrame } from "@paceline/core/wire"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { joined, NAME, settle, World } from "../test/World.ts"
import * as Subscription from "./Subscription.ts"

type Happening = (world: World) => void

/** Named, so that a counterexample can be read. */
const happens = <A>(
  weight: number,
  name: string,
  draws: fc.Arbitrary<A>,
  happen: (world: World, drawn: A) => void,
) => ({
  weight,
  arbitrary: draws.map((drawn): Happening => {
    const happening = (world: World) => happen(world, drawn)
    return Object.assign(happening, { [fc.toStringMethod]: () => `${name} ${JSON.stringify(drawn)}` })
  }),
})

const nothing = fc.constant(null)
const keyAndValue = fc.tuple(fc.constantFrom("ann", "bo", "cy", "di"), fc.option(fc.integer({ min: 0, max: 5 })))

const happening: fc.Arbitrary<Happening> = fc.oneof(
  happens(6, "change", keyAndValue, (world, [key, value]) => world.change(key, value)),
  happens(6, "flush", fc.integer({ min: 1, max: 4 }), (world, most) => world.flush(most)),
  happens(8, "deliver", nothing, (world) => world.deliver()),
  happens(5, "serve", nothing, (world) => world.serve()),
  happens(5, "answerConnect", nothing, (world) => world.answerConnect()),
  happens(4, "repeat", fc.nat(50), (world, pick) => world.repeat(pick)),
  happens(2, "lose", nothing, (world) => world.lose()),
  happens(2, "cut", nothing, (world) => world.cut()),
  happens(1, "restart", nothing, (world) => world.newEpoch(true)),
  happens(1, "channel begun anew", nothing, (world) => world.newEpoch(false)),
  happens(1, "reachable", fc.boolean(), (world, reachable) => {
    world.serverReachable = reachable
  }),
  happens(1, "mute", nothing, (world) => {
    if (world.link !== null) world.link.mute = true
  }),
  happens(4, "pass", fc.integer({ min: 1, max: 9_000 }), (world, millis) => world.pass(millis)),
  happens(1, "clock jumps", fc.integer({ min: -90_000, max: 90_000 }), (world, millis) => {
    world.now += millis
  }),
  happens(1, "woke", nothing, (world) => world.input({ _tag: "Woke" })),
  happens(1, "network changed", nothing, (world) => world.input({ _tag: "NetworkChanged" })),
)

describe("whatever happens to the connection", () => {
  it("the entries are the server's at one moment, and live means all that the server told of", () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 200, size: "max" }), (happenings) => {
        const world = joined()
        for (const happen of happenings) {
          happen(world)
          world.check()
        }
      }),
      { numRuns: 3_000, seed: 20_261_101 },
    )
  })

  it("once the world behaves again, the client is live within a minute and equal to the server", () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 100, size: "max" }), (happenings) => {
        const world = new World()
        for (const happen of happenings) happen(world)
        // What a server skipped within a connection shows at its next change; TCP itself skips nothing.
        world.change("zoe", world.head)
        settle(world)
        expect(world.contact).toBe("live")
        expect(new Map(world.channel.entries)).toEqual(world.current)
      }),
      { numRuns: 500, seed: 20_261_102 },
    )
  })
})

describe("a channel", () => {
  it("is connecting, then catching up, and live only with the snapshot applied", () => {
    const world = new World()
    world.change("ann", 1)
    expect(world.contact).toBe("connecting")
    world.answerConnect()
    expect(world.contact).toBe("catching-up")
    world.serve()
    expect(world.contact).toBe("catching-up")
    world.deliver()
    expect(world.contact).toBe("live")
    expect([...world.channel.entries]).toEqual([["ann", 1]])
  })

  it("is catching up while the server is known to be further", () => {
    const world = joined()
    world.change("bo", 2)
    world.change("bo", 3)
    world.flush(1)
    world.deliver()
    expect(world.contact).toBe("catching-up")
    world.flush(1)
    world.deliver()
    expect(world.contact).toBe("live")
  })

  it("resumes by position after a drop, and shows what it knew meanwhile", () => {
    const world = joined()
    world.cut()
    expect(world.contact).toBe("lost")
    expect([...world.channel.entries]).toEqual([["ann", 1]])
    world.change("bo", 2)
    world.pass(100)
    world.answerConnect()
    const subscribe = world.link!.up.map((bytes) => LiveFrame.decode(bytes))
    expect(subscribe).toEqual([{ _tag: "Subscribe", channel: NAME, after: { epoch: "e0", seq: 1 } }])
    world.serve()
    expect(LiveFrame.decode(world.link!.down[0]!)).toMatchObject({ _tag: "Changes", after: 1, to: 2 })
    world.deliver()
    expect(world.contact).toBe("live")
    expect([...world.channel.entries.keys()]).toEqual(["ann", "bo"])
  })

  it("asks once, from where it stands, when changes are missing", () => {
    const world = joined()
    world.change("bo", 2)
    world.flush(1)
    world.lose()
    for (const value of [3, 4]) {
      world.change("bo", value)
      world.flush(1)
      world.deliver()
      expect(world.contact).toBe("catching-up")
    }
    expect(world.link!.up.map((bytes) => LiveFrame.decode(bytes))).toEqual([
      { _tag: "Subscribe", channel: NAME, after: { epoch: "e0", seq: 1 } },
    ])
  })

  it("forgets what is gone when the server restarted, and keeps the places of who stayed", () => {
    const world = joined({ ann: 1, bo: 2, cy: 3 })
    world.change("bo", null)
    world.change("ann", 7)
    world.newEpoch(true)
    // The new run lists its athletes in another order.
    world.history = [
      new Map<string, unknown>([
        ["di", 4],
        ["cy", 3],
        ["ann", 7],
      ]),
    ]
    settle(world)
    expect([...world.channel.entries]).toEqual([
      ["ann", 7],
      ["cy", 3],
      ["di", 4],
    ])
  })

  it("keeps the identity of values that a new snapshot repeats, so that nothing is drawn again", () => {
    const world = joined({ ann: { bpm: 140, zones: [1, 2] }, bo: { bpm: 120, zones: [0, 1] } })
    const before = world.channel.entries
    world.change("bo", { bpm: 121, zones: [0, 1] })
    world.newEpoch(true)
    settle(world)
    expect(world.channel.position?.epoch).toBe("e1")
    expect(world.channel.entries.get("ann")).toBe(before.get("ann"))
    expect(world.channel.entries.get("bo")).toEqual({ bpm: 121, zones: [0, 1] })
  })

  it("that the server does not know says why, and is asked for again", () => {
    const world = new World()
    world.answerConnect()
    const connection = world.link!.connection
    const problem = {
      _tag: "Problem",
      code: "unknown-channel",
      message: "There is no such class.",
      channel: NAME,
    } as const
    world.input({ _tag: "Received", connection, frame: problem })
    expect(world.channel.problem).toEqual(problem)
    expect(world.contact).toBe("catching-up")
    world.link!.up = []
    for (let second = 0; second < 6; second++) {
      world.input({ _tag: "Received", connection, frame: { _tag: "Heartbeat", echo: true } })
      world.pass(1_000)
    }
    expect(world.link!.up).toHaveLength(1)
    world.serve()
    world.deliver()
    expect(world.contact).toBe("live")
    expect(world.channel.problem).toBeNull()
  })
})

describe("a connection", () => {
  it("is lost after 6 s without a frame, even when the timer was held back", () => {
    const world = joined()
    world.now += 6_000
    expect(world.contact).toBe("live")
    world.now += 1
    expect(world.contact).toBe("lost")
    world.input({ _tag: "Tick" })
    expect(world.link).toBeNull()
    expect(world.state.phase._tag).toBe("Waiting")
  })

  it("lives on heartbeats, and echoes them", () => {
    const world = joined()
    world.link!.up = []
    for (let second = 0; second < 20; second++) {
      world.pass(1_000)
      world.flush(1)
      world.deliver()
    }
    expect(world.contact).toBe("live")
    expect(world.link!.up.map((bytes) => LiveFrame.decode(bytes))).toEqual(
      Array.from({ length: 20 }, () => ({ _tag: "Heartbeat", echo: true })),
    )
  })

  it("comes back with full jitter up to 10 s, and starts over once it held for 10 s", () => {
    const world = joined()
    const waits: Array<number> = []
    world.serverReachable = false
    world.cut()
    for (let attempt = 0; attempt < 12; attempt++) {
      const { phase } = world.state
      if (phase._tag !== "Waiting") throw new Error(phase._tag)
      waits.push(phase.untilMs - world.now)
      world.pass(phase.untilMs - world.now)
      world.answerConnect()
    }
    for (const [attempt, wait] of waits.entries()) {
      expect(wait).toBeLessThanOrEqual(Math.min(10_000, 100 * 2 ** attempt))
    }
    expect(Math.max(...waits)).toBeGreaterThan(2_000)
    expect(world.state.failures).toBe(13)
    settle(world)
    expect(world.state.failures).toBe(0)
  })

  it("is tried at once when the page wakes or the network changes", () => {
    const world = joined()
    world.cut()
    world.input({ _tag: "Woke" })
    expect(world.state.phase._tag).toBe("Connecting")
    world.answerConnect()
    const before = world.link!.connection
    world.input({ _tag: "NetworkChanged" })
    expect(world.contact).toBe("lost")
    expect(world.link!.connection).toBe(before + 1)
  })

  it("ignores what a dead connection still says", () => {
    const world = joined()
    const old = world.link!.connection
    world.cut()
    world.pass(200)
    world.answerConnect()
    const state = world.state
    world.input({ _tag: "Closed", connection: old })
    world.input({ _tag: "Received", connection: old, frame: { _tag: "Heartbeat", echo: false } })
    expect(world.state).toEqual(state)
  })

  it("is begun anew when a frame cannot be read, because a change may be missing", () => {
    const world = joined()
    const problem = { _tag: "Problem", code: "unknown-version", message: "…", channel: null } as const
    world.input({ _tag: "Unreadable", connection: world.link!.connection, problem })
    expect(world.contact).toBe("lost")
    expect(world.state.problem).toEqual(problem)
    settle(world)
    expect(world.contact).toBe("live")
    expect(world.state.problem).toBeNull()
  })

  it("is closed when nothing is watched any more", () => {
    const world = joined()
    world.input({ _tag: "Unwatch", channel: NAME })
    expect(world.link).toBeNull()
    expect(world.state.phase._tag).toBe("Idle")
    expect(Subscription.nextTickMs(world.state)).toBeNull()
  })
})
