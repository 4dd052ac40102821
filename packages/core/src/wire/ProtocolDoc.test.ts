/** docs/protocol.md is what others build their end from: here its frames are held to the code. */
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { describe, expect, test } from "vitest"
import * as FrameSequence from "./FrameSequence.ts"
import { pack } from "./Msgpack.ts"
import * as TelemetryFrame from "./TelemetryFrame.ts"

const text = readFileSync(resolve(import.meta.dirname, "../../../../docs/protocol.md"), "utf8")

/** The bytes of the fenced example with this name; what follows a # is for people. */
const example = (name: string): Uint8Array => {
  const block = text.split(`\`\`\`${name}\n`)[1]?.split("```")[0] ?? ""
  return new Uint8Array(Buffer.from(block.replaceAll(/#.*$/gm, "").replaceAll(/\s/g, ""), "hex"))
}

const boot = "b007"
const hello = {
  _tag: "Hello",
  deviceId: "bridge_7",
  key: "pl_k",
  waiting: [{ incarnation: "c0ffee", first: 299 }],
  speaks: ["gap", "credit"],
  clock: { boot, wallMs: 1_700_000_000_000, monotonicMs: 61_000 },
} as const
const payload = new Uint8Array([2, 0, 0])

/** A frame type without an example does not compile. */
const shown: { readonly [T in TelemetryFrame.TelemetryFrame["_tag"]]: TelemetryFrame.TelemetryFrame } = {
  Hello: hello,
  Welcome: {
    _tag: "Welcome",
    marks: [{ incarnation: "c0ffee", mark: 299 }],
    window: 64,
    speaks: ["gap", "credit"],
    credit: 262_144,
  },
  Chunk: {
    _tag: "Chunk",
    incarnation: "c0ffee",
    n: 300,
    crc: 0xcbf43926,
    payload,
    clock: { boot, wallMs: 1_699_999_999_000, monotonicMs: 60_000 },
  },
  Ack: { _tag: "Ack", incarnation: "c0ffee", n: 300 },
  Quarantined: { _tag: "Quarantined", incarnation: "c0ffee", n: 300, reason: "wrong-crc" },
  Live: { _tag: "Live", sensedAtMs: 1_700_000_000_000, payload },
  Problem: { _tag: "Problem", code: "unavailable", message: "busy", retryAfterMillis: 2_000 },
  Heartbeat: { _tag: "Heartbeat", echo: false },
  Gap: {
    _tag: "Gap",
    incarnation: "c0ffee",
    first: 5,
    last: 298,
    samples: 70_000,
    fromMillis: 1_699_990_000_000,
    toMillis: 1_699_999_000_000,
    reason: "evicted",
  },
  Credit: { _tag: "Credit", bytes: 524_288 },
}

describe("docs/protocol.md", () => {
  test.each(Object.entries(shown))("shows a %s as it is written and read", (name, frame) => {
    const bytes = example(name.toLowerCase())
    expect(Buffer.from(TelemetryFrame.encode(frame)).toString("hex")).toBe(Buffer.from(bytes).toString("hex"))
    expect(TelemetryFrame.decode(bytes)).toEqual(frame)
  })

  test("shows the body of a request", () => {
    const frames = FrameSequence.split(example("request"))?.map((bytes) => TelemetryFrame.decode(bytes))
    expect(frames).toEqual([{ ...hello, waiting: [], speaks: ["gap"] }, shown.Heartbeat])
    expect(text).toContain(`\`${FrameSequence.CONTENT_TYPE}\``)
  })

  test("numbers and names the frames as the code does", () => {
    const rows = text
      .slice(text.indexOf("\n## Frames"), text.indexOf("\n### Versions"))
      .split("\n")
      .filter((line) => /^\| \d/.test(line))
      .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")))
    /** A decoder that knows a type finds its fields missing; one that does not says so. */
    const known = Array.from({ length: 100 }, (_, type) => type).filter((type) => {
      const result = TelemetryFrame.decode(pack([1, type]))
      return "reason" in result && result.reason === "malformed"
    })
    expect(rows.map((row) => Number(row[1]))).toEqual(known)
    expect(rows.map((row) => row[2])).toEqual(Object.keys(shown))
  })

  test("names every feature and every problem", () => {
    for (const feature of Object.values(TelemetryFrame.features)) expect(text).toContain(`\`${feature}\``)
    const section = text.slice(text.indexOf("\n## Problems"), text.indexOf("\n## Over HTTP"))
    for (const code of TelemetryFrame.problemCodes) expect(section).toContain(`| \`${code}\` |`)
  })
})
