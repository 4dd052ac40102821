import { expect, it } from "@effect/vitest"
import { LiveChannels } from "@paceline/core/messaging"
import { LiveFrame } from "@paceline/core/wire"
import { Effect, TestClock } from "effect"
import * as fc from "fast-check"
import { describe } from "vitest"
import { LiveChannel } from "./LiveChannel.ts"
import { LiveHub, layer } from "./LiveHub.ts"

const decode = (bytes: Uint8Array): LiveFrame.LiveFrame => {
  const frame = LiveFrame.decode(bytes)
  if (frame._tag === "FrameError") throw new Error(frame.detail)
  return frame
}

/** What a watcher who does as the protocol says holds: the values, and where it stands. */
const apply = (
  held: { values: Map<string, unknown>; at: LiveFrame.Position | null },
  frame: LiveFrame.LiveFrame,
): void => {
  if (frame._tag === "Snapshot") {
    held.values = new Map(frame.entries)
    held.at = frame.at
  } else if (frame._tag === "Changes") {
    if (held.at?.epoch !== frame.epoch || held.at.seq !== frame.after) throw new Error("a gap")
    for (const [key, value] of frame.entries) {
      if (value === null) held.values.delete(key)
      else held.values.set(key, value)
    }
    held.at = { epoch: frame.epoch, seq: frame.to }
  }
}

describe("LiveChannel", () => {
  it("brings a watcher up to date from any position, with the same values as a snapshot", () => {
    const change = fc.oneof(
      fc.record({ key: fc.constantFrom("a", "b", "c", "d"), value: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ key: fc.constantFrom("a", "b", "c", "d"), value: fc.constant(null) }),
    )
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), fc.array(change, { maxLength: 40 }), (before, after) => {
        const channel = new LiveChannel("x", "e")
        const truth = new Map<string, unknown>()
        const play = (changes: typeof before) => {
          for (const { key, value } of changes) {
            if (value === null) {
              channel.remove(key)
              truth.delete(key)
            } else {
              channel.set(key, value)
              truth.set(key, value)
            }
          }
        }
        const held = { values: new Map<string, unknown>(), at: null as LiveFrame.Position | null }
        play(before)
        channel.takeChanges()
        apply(held, decode(channel.catchUp(null)))
        expect(held.values).toEqual(truth)
        play(after)
        const missed = decode(channel.catchUp(held.at))
        expect(missed._tag).toBe("Changes")
        apply(held, missed)
        expect(held.values).toEqual(truth)
        expect(held.at?.seq).toBe(channel.head)
      }),
      { seed: 20260112 },
    )
  })

  it("counts a value that is equal to the one before as no change", () => {
    const channel = new LiveChannel("x", "e")
    expect(channel.set("a", { n: [1, null] })).toBe(true)
    expect(channel.set("a", { n: [1, null] })).toBe(false)
    expect(channel.set("a", { n: [1, 2] })).toBe(true)
    expect(channel.head).toBe(2)
  })

  it("gives a snapshot to who stands in another run, ahead of it, or before removals it forgot", () => {
    const channel = new LiveChannel("x", "e")
    for (let i = 0; i < 1100; i++) {
      channel.set(`k${i}`, i)
      channel.remove(`k${i}`)
    }
    channel.set("kept", 1)
    const answer = (after: LiveFrame.Position | null) => decode(channel.catchUp(after))._tag
    expect(answer({ epoch: "other", seq: channel.head })).toBe("Snapshot")
    expect(answer({ epoch: "e", seq: channel.head + 1 })).toBe("Snapshot")
    expect(answer({ epoch: "e", seq: 10 })).toBe("Snapshot")
    expect(answer({ epoch: "e", seq: channel.head - 5 })).toBe("Changes")
    const snapshot = decode(channel.catchUp(null))
    expect(snapshot).toMatchObject({ entries: [["kept", 1]], at: { epoch: "e", seq: channel.head } })
  })
})

/** Collects what the hub sends. */
const watching = Effect.gen(function* () {
  const hub = yield* LiveHub
  const frames: Array<LiveFrame.LiveFrame> = []
  hub.deliverTo((_, bytes) => frames.push(decode(bytes)))
  return frames
})

describe("LiveHub", () => {
  it.scoped("sends the first change at once and gathers what follows into one frame per interval", () =>
    Effect.gen(function* () {
      const live = yield* LiveChannels
      const frames = yield* watching
      live.set("x", "a", 1)
      live.set("x", "b", 1)
      yield* TestClock.adjust(0)
      expect(frames).toMatchObject([{ after: 0, to: 2, head: 2 }])
      for (let n = 2; n <= 10; n++) {
        live.set("x", "a", n)
        yield* TestClock.adjust(4)
      }
      expect(frames).toHaveLength(1)
      yield* TestClock.adjust(50)
      expect(frames).toHaveLength(2)
      expect(frames[1]).toMatchObject({ after: 2, to: 11, entries: [["a", 10]] })
    }).pipe(Effect.provide(layer({ frameMillis: 50 }))),
  )

  it.scoped("lets the frames after a join follow its first frame without a gap", () =>
    Effect.gen(function* () {
      const live = yield* LiveChannels
      const hub = yield* LiveHub
      const frames = yield* watching
      live.set("x", "a", 1)
      yield* TestClock.adjust(0)
      live.set("x", "b", 2)
      const held = { values: new Map<string, unknown>(), at: null as LiveFrame.Position | null }
      apply(held, decode(hub.join("x", null)))
      const sofar = frames.length
      live.set("x", "c", 3)
      live.remove("x", "a")
      yield* TestClock.adjust(50)
      for (const frame of frames.slice(sofar)) apply(held, frame)
      expect(held.values).toEqual(
        new Map([
          ["b", 2],
          ["c", 3],
        ]),
      )
    }).pipe(Effect.provide(layer({ frameMillis: 50 }))),
  )

  it.scoped("lets someone wait on a channel that has no value yet", () =>
    Effect.gen(function* () {
      const live = yield* LiveChannels
      const hub = yield* LiveHub
      const frames = yield* watching
      const held = { values: new Map<string, unknown>(), at: null as LiveFrame.Position | null }
      apply(held, decode(hub.join("new", null)))
      expect(held.at?.seq).toBe(0)
      live.set("new", "a", 1)
      yield* TestClock.adjust(50)
      for (const frame of frames) apply(held, frame)
      expect(held.values).toEqual(new Map([["a", 1]]))
    }).pipe(Effect.provide(layer({ frameMillis: 50 }))),
  )
})
