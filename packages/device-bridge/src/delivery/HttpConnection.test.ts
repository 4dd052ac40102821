/** What the HTTP transport makes of servers that answer oddly; the real server behind a real proxy is tried with the server. */
import { FrameSequence, TelemetryFrame } from "@paceline/core/wire"
import type { Server } from "bun"
import { afterEach, expect, test } from "vitest"
import { dialHttp } from "./HttpConnection.ts"

const until = async (condition: () => boolean): Promise<void> => {
  for (let waited = 0; !condition(); waited += 5) {
    if (waited > 8_000) throw new Error("it did not come to that")
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

let host: Server<undefined> | undefined
afterEach(async () => {
  await host?.stop(true)
})

const answering = (answer: (frames: ReadonlyArray<Uint8Array>) => Response | Promise<Response>): string => {
  host = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => answer(FrameSequence.split(new Uint8Array(await request.arrayBuffer())) ?? []),
  })
  return `ws://127.0.0.1:${host.port}/v1/telemetry`
}

const hello: TelemetryFrame.Hello = {
  _tag: "Hello",
  deviceId: "d",
  key: "k",
  waiting: [{ incarnation: "i", first: 1 }],
}
const chunk = (n: number, bytes = 10): TelemetryFrame.Chunk => ({
  _tag: "Chunk",
  incarnation: "i",
  n,
  crc: 0,
  payload: new Uint8Array(bytes),
})

const talk = async (url: string) => {
  const heard: Array<string> = []
  const lost: Array<{ readonly reason: string; readonly retryAfterMillis: number | undefined }> = []
  let opened = false
  const line = await dialHttp(url, {
    opened: () => {
      opened = true
    },
    received: (bytes) => heard.push(bytes === null ? "text" : TelemetryFrame.decode(bytes)._tag),
    lost: (reason, retryAfterMillis) => lost.push({ reason, retryAfterMillis }),
  })
  await until(() => opened)
  const say = (frame: TelemetryFrame.TelemetryFrame): void => line.send(TelemetryFrame.encode(frame))
  say(hello)
  return { heard, line, lost, say }
}

const welcome = TelemetryFrame.encode({ _tag: "Welcome", marks: [], window: 9 })
const frames = (...all: ReadonlyArray<Uint8Array>): Response =>
  new Response(FrameSequence.join(all), { headers: { "content-type": FrameSequence.CONTENT_TYPE } })

test("[bridge 17] 429 and 503 are handed on with when to come again", async () => {
  const url = answering(() => Response.json({}, { status: 429, headers: { "retry-after": "7" } }))
  const { lost } = await talk(url)
  await until(() => lost.length > 0)
  expect(lost).toEqual([{ reason: "it was answered with HTTP 429", retryAfterMillis: 7_000 }])
})

const cutShort = (): Response =>
  new Response(FrameSequence.join([welcome]).slice(0, 6), { headers: { "content-type": FrameSequence.CONTENT_TYPE } })

test.each<[string, () => Response, string]>([
  ["a login page", () => new Response("<html>", { headers: { "content-type": "text/html" } }), "HTTP 200, but by no"],
  ["half an answer", cutShort, "cut short"],
  ["nothing", () => frames(), "goes away"],
])("%s is no answer", async (_, answer, reason) => {
  const { heard, lost } = await talk(answering(answer))
  await until(() => lost.length > 0)
  expect(lost[0]?.reason).toContain(reason)
  expect(heard).toEqual([])
})

test("[bridge 19] one request is under way at a time, none much longer than 64 KiB, and each begins with the hello", async () => {
  const requests: Array<ReadonlyArray<string>> = []
  let most = 0
  let underWay = 0
  const url = answering(async (all) => {
    most = Math.max(most, ++underWay)
    requests.push(all.map((bytes) => TelemetryFrame.decode(bytes)._tag))
    // Long enough for another to come, were it sent.
    await new Promise((resolve) => setTimeout(resolve, 20))
    underWay--
    return frames(welcome)
  })
  const { heard, say } = await talk(url)
  await until(() => heard.length > 0)
  for (let n = 1; n <= 6; n++) say(chunk(n, 30_000))
  await until(() => requests.flat().filter((tag) => tag === "Chunk").length === 6)
  expect(most).toBe(1)
  expect(requests).toEqual([
    ["Hello"],
    ["Hello", "Chunk", "Chunk"],
    ["Hello", "Chunk", "Chunk"],
    ["Hello", "Chunk", "Chunk"],
  ])
  // Only the first welcome is one to the delivery.
  expect(heard).toEqual(["Welcome"])
})

test("a heartbeat is answered here while nothing is asked, and nothing is said after hanging up", async () => {
  const { heard, line, say } = await talk(answering(() => frames(welcome)))
  await until(() => heard.length === 1)
  say({ _tag: "Heartbeat", echo: false })
  await until(() => heard.length === 2)
  expect(heard).toEqual(["Welcome", "Heartbeat"])
  say({ _tag: "Heartbeat", echo: false })
  line.hangUp()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(heard.length).toBe(2)
})
