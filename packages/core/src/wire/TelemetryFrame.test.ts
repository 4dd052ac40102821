import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { pack, unpack } from "./Msgpack.ts"
import * as TelemetryFrame from "./TelemetryFrame.ts"

const text = fc.string({ unit: "grapheme", maxLength: 40 })
const count = fc.maxSafeNat()
const payload = fc.uint8Array({ maxLength: 300 })
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0) // msgpack writes -0 as 0

const reading = fc.record({ boot: fc.string({ maxLength: 64 }), wallMs: count, monotonicMs: count })
const speaks = fc.array(text, { maxLength: 3 })

/** Every frame there is. A frame type without an arbitrary here does not compile. */
const arbitraries: { [T in TelemetryFrame.TelemetryFrame["_tag"]]: fc.Arbitrary<TelemetryFrame.TelemetryFrame> } = {
  Hello: fc.record(
    {
      _tag: fc.constant("Hello" as const),
      deviceId: text,
      key: text,
      waiting: fc.array(fc.record({ incarnation: text, first: count })),
      speaks,
      clock: reading,
    },
    { requiredKeys: ["_tag", "deviceId", "key", "waiting"] },
  ),
  Welcome: fc.record(
    {
      _tag: fc.constant("Welcome" as const),
      marks: fc.array(fc.record({ incarnation: text, mark: count })),
      window: count,
      speaks,
      credit: count,
    },
    { requiredKeys: ["_tag", "marks", "window"] },
  ),
  Chunk: fc.record(
    {
      _tag: fc.constant("Chunk" as const),
      incarnation: text,
      n: count,
      crc: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      payload,
      clock: reading,
    },
    { requiredKeys: ["_tag", "incarnation", "n", "crc", "payload"] },
  ),
  Ack: fc.record({ _tag: fc.constant("Ack" as const), incarnation: text, n: count }),
  Quarantined: fc.record({ _tag: fc.constant("Quarantined" as const), incarnation: text, n: count, reason: text }),
  Live: fc.record({ _tag: fc.constant("Live" as const), sensedAtMs: finite, payload }),
  Problem: fc.record(
    {
      _tag: fc.constant("Problem" as const),
      code: fc.constantFrom<TelemetryFrame.ProblemCode[]>(
        "unknown-version",
        "malformed",
        "unauthorized",
        "out-of-order",
        "unavailable",
        "superseded",
      ),
      message: text,
      retryAfterMillis: count,
    },
    { requiredKeys: ["_tag", "code", "message"] },
  ),
  Heartbeat: fc.record({ _tag: fc.constant("Heartbeat" as const), echo: fc.boolean() }),
  Gap: fc
    .tuple(count, count)
    .map(([a, b]) => (a < b ? { first: a + 1, last: b } : { first: Math.max(1, b), last: Math.max(1, a) }))
    .chain((range) =>
      fc.record({
        _tag: fc.constant("Gap" as const),
        incarnation: text,
        first: fc.constant(range.first),
        last: fc.constant(range.last),
        samples: count,
        fromMillis: fc.maxSafeInteger(),
        toMillis: fc.maxSafeInteger(),
        reason: text,
      }),
    ),
  Credit: fc.record({ _tag: fc.constant("Credit" as const), bytes: count }),
}

const frame = fc.oneof(...Object.values(arbitraries))

describe("a telemetry frame", () => {
  test("comes back as it was sent", () => {
    fc.assert(
      fc.property(frame, (sent) => {
        expect(TelemetryFrame.decode(TelemetryFrame.encode(sent))).toEqual(sent)
      }),
      { numRuns: 500 },
    )
  })

  test("[bridge 16] cut short anywhere is a typed error, never a frame", () => {
    fc.assert(
      fc.property(frame, (sent) => {
        const bytes = TelemetryFrame.encode(sent)
        for (let length = 0; length < bytes.length; length++) {
          expect(TelemetryFrame.decode(bytes.subarray(0, length))).toMatchObject({
            _tag: "FrameError",
            reason: "malformed",
          })
        }
      }),
      { numRuns: 100 },
    )
  })

  test("[bridge 36] random bytes and flipped bits give a typed error or another frame, and never throw", () => {
    const expectTotal = (bytes: Uint8Array) => {
      const result = TelemetryFrame.decode(bytes)
      if (result._tag === "FrameError") expect(result.detail.length).toBeGreaterThan(5)
      else expect(TelemetryFrame.decode(TelemetryFrame.encode(result))).toEqual(result)
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expectTotal(bytes)
        // Behind a sound envelope: [version 1, a type, …].
        expectTotal(new Uint8Array([0x96, 1, (bytes[0] ?? 0) % 11, ...bytes.subarray(1)]))
      }),
      { numRuns: 3000 },
    )
    fc.assert(
      fc.property(frame, fc.nat(), fc.integer({ min: 1, max: 255 }), (sent, where, flip) => {
        const bytes = TelemetryFrame.encode(sent)
        const at = where % bytes.length
        bytes[at] = (bytes[at] ?? 0) ^ flip
        expectTotal(bytes)
      }),
      { numRuns: 1000 },
    )
  })

  test("fields of a wrong type are malformed, whatever they are", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.array(fc.anything(), { maxLength: 6 }), (type, fields) => {
        const result = TelemetryFrame.decode(pack([1, type, ...fields]))
        if (result._tag !== "FrameError") {
          expect(TelemetryFrame.decode(TelemetryFrame.encode(result))).toEqual(result)
        }
      }),
      { numRuns: 1000 },
    )
  })

  test("of another version is refused by name, before its fields are looked at", () => {
    expect(TelemetryFrame.decode(pack([2, 3, "a", "b"]))).toEqual({
      _tag: "FrameError",
      reason: "unknown-version",
      detail: "frame version 2, this side speaks 1",
    })
  })

  test("of an unknown type is told apart from a malformed one", () => {
    expect(TelemetryFrame.decode(pack([1, 99]))).toMatchObject({ reason: "unknown-type" })
    expect(TelemetryFrame.decode(pack([1]))).toMatchObject({ reason: "malformed" })
    expect(TelemetryFrame.decode(pack({ version: 1 }))).toMatchObject({ reason: "malformed" })
    expect(TelemetryFrame.decode(pack([1, "3", "a", 1]))).toMatchObject({ reason: "malformed" })
  })

  test.each([
    ["a negative number", [1, 4, "incarnation", -1]],
    ["a number that is not whole", [1, 4, "incarnation", 1.5]],
    ["a number beyond 2^53", [1, 4, "incarnation", 2 ** 60]],
    ["a number as text", [1, 4, "incarnation", "7"]],
    ["text where bytes belong", [1, 3, "incarnation", 1, 0, "payload"]],
    ["a time that is no number", [1, 6, Number.NaN, new Uint8Array()]],
    ["a problem nobody knows", [1, 7, "on-fire", "help"]],
    ["a waiting list that is none", [1, 1, "device", "key", [["incarnation"]]]],
    ["a clock that is none", [1, 3, "incarnation", 1, 0, new Uint8Array(), ["boot", 1]]],
    ["a boot's name without end", [1, 3, "incarnation", 1, 0, new Uint8Array(), ["b".repeat(65), 1, 1]]],
    ["a gap that ends before it starts", [1, 9, "incarnation", 7, 6, 0, 0, 0, "evicted"]],
    ["a gap that starts at 0", [1, 9, "incarnation", 0, 6, 0, 0, 0, "evicted"]],
    ["a credit below nothing", [1, 10, -1]],
  ])("with %s is malformed", (_, fields) => {
    expect(TelemetryFrame.decode(pack(fields))).toMatchObject({ _tag: "FrameError", reason: "malformed" })
  })

  test("of a later peer, with more fields, is read as far as it is known", () => {
    fc.assert(
      fc.property(frame, fc.array(fc.oneof(text, count), { minLength: 1, maxLength: 3 }), (sent, more) => {
        const fields = unpack(TelemetryFrame.encode(sent))
        if (!Array.isArray(fields)) throw new Error("a frame is an array")
        const padded = [...fields, ...Array.from({ length: 9 - fields.length }, () => null), ...more]
        expect(TelemetryFrame.decode(pack(padded))).toEqual(sent)
      }),
    )
  })

  test.each<[string, TelemetryFrame.TelemetryFrame, number]>([
    ["hello", { _tag: "Hello", deviceId: "d", key: "k", waiting: [] }, 5],
    ["welcome", { _tag: "Welcome", marks: [], window: 8 }, 4],
    ["chunk", { _tag: "Chunk", incarnation: "i", n: 1, crc: 0, payload: new Uint8Array() }, 6],
    ["problem", { _tag: "Problem", code: "unavailable", message: "later" }, 4],
  ])("a %s with nothing new is written as it always was", (_, sent, length) => {
    expect(unpack(TelemetryFrame.encode(sent))).toHaveLength(length)
  })

  test.each([
    ["an array of four thousand million", [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ["a map of four thousand million", [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ["text of four gigabytes", [0x93, 1, 4, 0xdb, 0xff, 0xff, 0xff, 0xff, 0x61]],
    ["bytes of four gigabytes", [0x96, 1, 3, 0xa1, 0x61, 1, 0, 0xc6, 0xff, 0xff, 0xff, 0xff, 0x61]],
    ["arrays nested to the end", Array.from({ length: 100_000 }, () => 0x91)],
  ])("that announces %s is refused", (_, bytes) => {
    expect(TelemetryFrame.decode(new Uint8Array(bytes))).toMatchObject({ _tag: "FrameError", reason: "malformed" })
  })

  test("is written the same way for ever", () => {
    const chunk = TelemetryFrame.encode({
      _tag: "Chunk",
      incarnation: "c0ffee",
      n: 300,
      crc: 0xcbf43926,
      payload: new Uint8Array([1, 0, 0]),
    })
    expect(Buffer.from(chunk).toString("hex")).toBe("960103a6633066666565cd012ccecbf43926c403010000")
    const gap = TelemetryFrame.encode({
      _tag: "Gap",
      incarnation: "c0ffee",
      first: 5,
      last: 300,
      samples: 70_000,
      fromMillis: 1_700_000_000_000,
      toMillis: 1_700_000_300_000,
      reason: "evicted",
    })
    expect(Buffer.from(gap).toString("hex")).toBe(
      "990109a663306666656505cd012cce00011170cb4278bcfe56800000cb4278bcfe9fbe0000a765766963746564",
    )
  })
})
