import fc from "fast-check"
import { describe, expect, test } from "vitest"
import * as LiveFrame from "./LiveFrame.ts"
import { pack } from "./Msgpack.ts"

const text = fc.string({ unit: "grapheme", maxLength: 40 })
const count = fc.maxSafeNat()
const position = fc.record({ epoch: text, seq: count })
/**
 * What channels carry: plain JSON. msgpack writes no -0 into an integer, and JSON has none. The decoder leaves out a key
 * `__proto__`, so that nobody can reach a prototype with it.
 */
const value = fc
  .jsonValue({ maxDepth: 3, stringUnit: "grapheme" })
  .map((json) => JSON.parse(JSON.stringify(json)))
  .filter((json) => !JSON.stringify(json).includes('"__proto__"'))
const entries = fc.array(fc.tuple(text, value), { maxLength: 6 })

/** Every frame there is. A frame type without an arbitrary here does not compile. */
const arbitraries: { [T in LiveFrame.LiveFrame["_tag"]]: fc.Arbitrary<LiveFrame.LiveFrame> } = {
  Subscribe: fc.record({
    _tag: fc.constant("Subscribe" as const),
    channel: text,
    after: fc.option(position, { nil: null }),
  }),
  Unsubscribe: fc.record({ _tag: fc.constant("Unsubscribe" as const), channel: text }),
  Snapshot: fc.record({ _tag: fc.constant("Snapshot" as const), channel: text, at: position, entries }),
  Changes: fc.record({
    _tag: fc.constant("Changes" as const),
    channel: text,
    epoch: text,
    after: count,
    to: count,
    head: count,
    entries,
  }),
  Problem: fc.record({
    _tag: fc.constant("Problem" as const),
    code: fc.constantFrom<LiveFrame.ProblemCode[]>(
      "unknown-version",
      "malformed",
      "unknown-channel",
      "too-many-channels",
      "unavailable",
    ),
    message: text,
    channel: fc.option(text, { nil: null }),
  }),
  Heartbeat: fc.record({ _tag: fc.constant("Heartbeat" as const), echo: fc.boolean() }),
}

const frame = fc.oneof(...Object.values(arbitraries))

describe("a live frame", () => {
  test("comes back as it was sent", () => {
    fc.assert(
      fc.property(frame, (sent) => {
        expect(LiveFrame.decode(LiveFrame.encode(sent))).toEqual(sent)
      }),
      { numRuns: 500 },
    )
  })

  test("cannot carry a prototype", () => {
    const hostile: unknown = JSON.parse('{"__proto__": {"polluted": true}}')
    const sent = LiveFrame.encode({
      _tag: "Changes",
      channel: "c",
      epoch: "e",
      after: 0,
      to: 1,
      head: 1,
      entries: [["k", hostile]],
    })
    const received = LiveFrame.decode(sent)
    const entry = received._tag === "Changes" ? received.entries[0]?.[1] : undefined
    expect(Reflect.get(Object(entry), "polluted")).toBeUndefined()
    expect(Reflect.get({}, "polluted")).toBeUndefined()
  })

  test("cut short anywhere is a typed error, never a frame", () => {
    fc.assert(
      fc.property(frame, (sent) => {
        const bytes = LiveFrame.encode(sent)
        for (let length = 0; length < bytes.length; length++) {
          expect(LiveFrame.decode(bytes.subarray(0, length))).toMatchObject({ _tag: "FrameError", reason: "malformed" })
        }
      }),
      { numRuns: 100 },
    )
  })

  test("random bytes and flipped bits give a typed error or another frame, and never throw", () => {
    const expectTotal = (bytes: Uint8Array) => {
      const result = LiveFrame.decode(bytes)
      if (result._tag === "FrameError") expect(result.detail.length).toBeGreaterThan(5)
      else LiveFrame.encode(result)
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expectTotal(bytes)
        expectTotal(new Uint8Array([0x98, 1, (bytes[0] ?? 0) % 9, ...bytes.subarray(1)]))
      }),
      { numRuns: 3000 },
    )
    fc.assert(
      fc.property(frame, fc.nat(), fc.integer({ min: 1, max: 255 }), (sent, where, flip) => {
        const bytes = LiveFrame.encode(sent)
        const at = where % bytes.length
        bytes[at] = (bytes[at] ?? 0) ^ flip
        expectTotal(bytes)
      }),
      { numRuns: 1000 },
    )
  })

  test("an entry without a value says that the key is gone", () => {
    const bytes = pack([1, 3, "tiles", ["epoch", 1], [["ada"]]])
    expect(LiveFrame.decode(bytes)).toMatchObject({ _tag: "Snapshot", entries: [["ada", null]] })
  })

  test("of another version is refused by name", () => {
    expect(LiveFrame.decode(pack([7, 1, "tiles", null]))).toMatchObject({
      _tag: "FrameError",
      reason: "unknown-version",
      detail: "frame version 7, this side speaks 1",
    })
  })

  test("of an unknown type is told apart from a malformed one", () => {
    expect(LiveFrame.decode(pack([1, 5]))).toMatchObject({ reason: "unknown-type" })
    expect(LiveFrame.decode(pack([1]))).toMatchObject({ reason: "malformed" })
  })

  test.each([
    ["no channel", [1, 1, null, null]],
    ["a position without a sequence", [1, 1, "tiles", ["epoch"]]],
    ["a position below zero", [1, 1, "tiles", ["epoch", -1]]],
    ["entries without keys", [1, 3, "tiles", ["epoch", 1], [[1, "ada"]]]],
    ["entries that are no list", [1, 4, "tiles", "epoch", 0, 1, 1, { ada: 1 }]],
    ["a problem nobody knows", [1, 7, "on-fire", "help", null]],
    ["a heartbeat without a yes or no", [1, 8, 1]],
  ])("with %s is malformed", (_, fields) => {
    expect(LiveFrame.decode(pack(fields))).toMatchObject({ _tag: "FrameError", reason: "malformed" })
  })

  test("is written the same way for ever", () => {
    const changes = LiveFrame.encode({
      _tag: "Changes",
      channel: "tiles:main",
      epoch: "e1",
      after: 41,
      to: 42,
      head: 300,
      entries: [
        ["ada", { bpm: 150 }],
        ["ben", null],
      ],
    })
    expect(Buffer.from(changes).toString("hex")).toBe(
      "980104aa74696c65733a6d61696ea26531292acd012c9292a3616461de0001a362706dcc9692a362656ec0",
    )
  })
})
