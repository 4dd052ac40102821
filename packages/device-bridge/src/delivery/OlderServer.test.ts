/** A server of before there were gaps and credit: it says so by saying nothing, and is served as it always was. */
import { TelemetryFrame } from "@paceline/core/wire"
import { expect, test } from "vitest"
import { open, serve, server } from "../../test/Delivering.ts"
import { type Dial, standardDial } from "./Connection.ts"

/** Welcomes as they were: the marks and the window. */
const asBefore = (bytes: Uint8Array | null): Uint8Array | null => {
  const frame = bytes === null ? null : TelemetryFrame.decode(bytes)
  if (frame?._tag !== "Welcome") return bytes
  return TelemetryFrame.encode({ _tag: "Welcome", marks: frame.marks, window: frame.window })
}

const dialOlder: Dial = (url, events) =>
  standardDial(url, { ...events, received: (bytes) => events.received(asBefore(bytes)) })

test("[bridge 22] it gets no frame that it does not know, and hears by the hello from where on there is something", async () => {
  serve()
  const away = open({ url: "ws://127.0.0.1:9", maxBufferBytes: 1024 * 1024 })
  const chunks = 20
  for (let chunk = 0; chunk < chunks; chunk++) {
    for (let i = 0; i < 8_000; i++) away.record("s", "power", i, Math.sin(chunk * 8_000 + i) * 1e300)
    await away.flush()
  }
  await away.close()
  const bridge = open({ dial: dialOlder })
  await bridge.drained()
  expect(server.gaps).toEqual([])
  expect(server.faults).toEqual([])
  const firsts = server.hellos.map(({ waiting }) => waiting[0]?.first)
  expect(firsts[0]).toBe(1)
  expect(firsts.at(-1)).toBeGreaterThan(1)
  expect(server.stored.map(({ n }) => n).at(0)).toBe(firsts.at(-1))
  expect(server.stored.at(-1)?.n).toBe(chunks)
  expect(bridge.status()).toMatchObject({ waitingChunks: 0, lastProblem: null })
})
