import type { LiveFrame } from "@paceline/core/wire"
import { describe, expect, it } from "vitest"
import * as Channel from "./Channel.ts"

const snapshot = (epoch: string, seq: number, entries: Record<string, unknown>): LiveFrame.Snapshot => ({
  _tag: "Snapshot",
  channel: "c",
  at: { epoch, seq },
  entries: Object.entries(entries),
})

const changes = (
  epoch: string,
  [after, to, head]: readonly [number, number, number],
  entries: Record<string, unknown> = {},
): LiveFrame.Changes => ({ _tag: "Changes", channel: "c", epoch, after, to, head, entries: Object.entries(entries) })

/** The channel after these frames, and whether the last one made it ask again. */
const after = (...frames: ReadonlyArray<LiveFrame.Snapshot | LiveFrame.Changes | LiveFrame.Problem>) => {
  let received: Channel.Received = { channel: Channel.empty, ask: false }
  for (const frame of frames) received = Channel.receive(received.channel, frame)
  const { channel, ask } = received
  const seq = channel.position === null ? null : `${channel.position.epoch}/${channel.position.seq}`
  return { entries: Object.fromEntries(channel.entries), at: seq, caughtUp: Channel.caughtUp(channel), ask }
}

describe("a channel applies", () => {
  it("changes that follow where it stands: new, changed and gone keys", () => {
    expect(after(snapshot("a", 4, { x: 1, y: 1 }), changes("a", [4, 7, 7], { x: 2, y: null, z: 3 }))).toEqual({
      entries: { x: 2, z: 3 },
      at: "a/7",
      caughtUp: true,
      ask: false,
    })
  })

  it("changes that overlap with what it has: their values are those at their end", () => {
    expect(after(snapshot("a", 5, { x: 5 }), changes("a", [3, 7, 7], { x: 5, y: 7 }))).toMatchObject({
      entries: { x: 5, y: 7 },
      at: "a/7",
      caughtUp: true,
    })
  })

  it("a snapshot of a new epoch, whatever its number", () => {
    expect(after(snapshot("a", 900, { x: 1 }), snapshot("b", 2, { y: 2 }))).toEqual({
      entries: { y: 2 },
      at: "b/2",
      caughtUp: true,
      ask: false,
    })
  })

  it("nothing of an empty answer that only says that there is nothing new", () => {
    const before = after(snapshot("a", 4, { x: 1 }))
    expect(after(snapshot("a", 4, { x: 1 }), changes("a", [4, 4, 4]))).toEqual(before)
  })
})

describe("a channel ignores", () => {
  const now = [snapshot("a", 3, { x: 3 }), changes("a", [3, 5, 5], { x: 5 })] as const

  it("changes that come a second time", () => {
    expect(after(...now, changes("a", [3, 5, 5], { x: 5 }))).toEqual(after(...now))
  })

  it("an older snapshot of the same epoch", () => {
    expect(after(...now, snapshot("a", 3, { x: 3 }))).toEqual(after(...now))
  })

  it("what comes late from an epoch that is over", () => {
    const next = [...now, snapshot("b", 1, { x: 6 })]
    expect(after(...next, snapshot("a", 9, { x: 9 }))).toEqual(after(...next))
    expect(after(...next, changes("a", [5, 6, 6], { x: 6 }))).toEqual(after(...next))
  })

  it("changes of an epoch that is over, also before the new one's snapshot came", () => {
    const between = [...now, changes("b", [0, 1, 1], { x: 6 })]
    expect(after(...between)).toEqual({ entries: { x: 5 }, at: null, caughtUp: false, ask: true })
    expect(after(...between, changes("a", [5, 6, 6], { x: 6 }))).toMatchObject({
      at: null,
      caughtUp: false,
      ask: false,
    })
  })
})

describe("a channel is not caught up", () => {
  it("after a gap, and asks once however many frames follow", () => {
    const gap = [snapshot("a", 3, { x: 3 }), changes("a", [4, 5, 5], { x: 5 })]
    expect(after(...gap)).toEqual({ entries: { x: 3 }, at: "a/3", caughtUp: false, ask: true })
    expect(after(...gap, changes("a", [5, 6, 6], { x: 6 }))).toMatchObject({ at: "a/3", caughtUp: false, ask: false })
  })

  it("when a snapshot is older than what the server spoke of before", () => {
    const gap = [snapshot("a", 3, { x: 3 }), changes("a", [7, 9, 9], { x: 9 })]
    expect(after(...gap, snapshot("a", 5, { x: 5 }))).toMatchObject({ at: "a/5", caughtUp: false })
    expect(after(...gap, snapshot("a", 9, { x: 9 }))).toMatchObject({ at: "a/9", caughtUp: true })
  })

  it("while the server says that its head is further", () => {
    expect(after(snapshot("a", 3, { x: 3 }), changes("a", [3, 4, 6], { x: 4 }))).toMatchObject({ caughtUp: false })
  })

  it("when the server refuses it, until it serves it", () => {
    const refusal = { _tag: "Problem", code: "unknown-channel", message: "no", channel: "c" } as const
    expect(after(refusal)).toMatchObject({ caughtUp: false, ask: false })
    expect(after(refusal, snapshot("a", 0, {}))).toMatchObject({ caughtUp: true })
  })
})

describe("the order of the entries", () => {
  const order = (...frames: ReadonlyArray<LiveFrame.Snapshot | LiveFrame.Changes>) =>
    Object.keys(after(...frames).entries)

  it("is the order of joining, and survives a snapshot that lists them differently", () => {
    expect(order(snapshot("a", 1, { x: 1, y: 1 }), changes("a", [1, 3, 3], { z: 1, x: 2 }))).toEqual(["x", "y", "z"])
    expect(order(snapshot("a", 1, { x: 1, y: 1, z: 1 }), snapshot("b", 1, { w: 1, z: 1, x: 1 }))).toEqual([
      "x",
      "z",
      "w",
    ])
  })
})
