/** The server that tries bridges notes the rules that one breaks: a kit that overlooks them verifies nothing. */
import { crc32, TelemetryFrame } from "@paceline/core/wire"
import { describe, expect, test } from "vitest"
import { type Line, SimulatedServer } from "./SimulatedServer.ts"

const talk = (...frames: ReadonlyArray<TelemetryFrame.TelemetryFrame>) => {
  const server = new SimulatedServer()
  const said: Array<TelemetryFrame.TelemetryFrame["_tag"] | "FrameError"> = []
  const line: Line = {
    send: (bytes) => said.push(TelemetryFrame.decode(bytes)._tag),
    close: () => {},
    terminate: () => {},
  }
  server.joined(line)
  for (const frame of frames) server.received(line, TelemetryFrame.encode(frame))
  return { faults: server.faults, said, server }
}

const hello: TelemetryFrame.Hello = {
  _tag: "Hello",
  deviceId: "d",
  key: "secret",
  waiting: [{ incarnation: "i", first: 1 }],
}

const chunk = (n: number, ...payload: ReadonlyArray<number>): TelemetryFrame.Chunk => {
  const bytes = Uint8Array.from(payload)
  return { _tag: "Chunk", incarnation: "i", n, crc: crc32(bytes), payload: bytes }
}

describe("a bridge that breaks a rule", () => {
  test.each<[string, ReadonlyArray<TelemetryFrame.TelemetryFrame>, string]>([
    [
      "one identity for two chunks",
      [hello, chunk(1, 2, 0, 0), chunk(1, 2, 0, 1)],
      "chunk 1 of i came twice with other bytes",
    ],
    ["a chunk before the welcome", [chunk(1, 2, 0, 0)], "chunk 1 before the welcome"],
    ["what is for a server to send", [hello, { _tag: "Credit", bytes: 1 }], "it sent Credit"],
    [
      "live readings that are none",
      [hello, { _tag: "Live", sensedAtMs: 1, payload: Uint8Array.of(99) }],
      "live readings are none",
    ],
  ])("%s", (_, frames, fault) => {
    const { faults } = talk(...frames)
    expect(faults).toEqual([expect.stringContaining(fault)])
  })
})

test("a bridge that sends again what was lost breaks none; it is acknowledged, and stored once", () => {
  const { faults, said, server } = talk(hello, chunk(1, 2, 0, 0), chunk(1, 2, 0, 0), chunk(2, 2, 0, 0))
  expect(faults).toEqual([])
  expect(said).toEqual(["Welcome", "Ack", "Ack", "Ack"])
  expect(server.stored.map(({ n }) => n)).toEqual([1, 2])
  expect(server.redeliveries).toBe(1)
})
