/** Servers that misbehave: whatever they say, each sample is stored once and in order. */
import { setTimeout as sleep } from "node:timers/promises"
import { type Check, must } from "../Check.ts"

export const deliveryChecks: ReadonlyArray<Check> = [
  {
    name: "delivery/once",
    promise: "What was flushed arrives once, in order, in chunks numbered 1, 2, 3 …",
    run: async (bench) => {
      const { server, door } = await bench.serve()
      const bridge = bench.open(door.url)
      await bench.append(bridge, 40)
      await bench.delivered(bridge, server)
      const numbers = server.stored.map(({ n }) => n)
      must(
        numbers.every((n, i) => n === i + 1),
        `the chunks are numbered ${numbers.slice(0, 10).join(", ")} …`,
      )
      return `${server.stored.length} chunks, ${server.values.length} samples`
    },
  },
  {
    name: "delivery/lost-acknowledgements",
    promise: "When acknowledgements are lost after the server's commit, what comes again is recognised.",
    run: async (bench) => {
      const { server, door } = await bench.serve({ losesAcks: true })
      const bridge = bench.open(door.url)
      await bench.append(bridge, 30)
      await bench.until("chunks are stored without an acknowledgement", () => server.stored.length >= 5)
      server.dropAll()
      await bench.until("the bridge came back", () => server.hellos.length >= 2)
      server.behaviour.losesAcks = false
      server.dropAll()
      await bench.delivered(bridge, server)
      return `${server.hellos.length} connections, ${server.redeliveries} chunks came again, each stored once`
    },
  },
  {
    name: "delivery/repeated-acknowledgements",
    promise: "An acknowledgement that comes twice, or late, is harmless.",
    run: async (bench) => {
      const { server, door } = await bench.serve({ repeatsAcks: true })
      const bridge = bench.open(door.url)
      await bench.append(bridge, 30)
      await bench.delivered(bridge, server)
      return `${server.stored.length} chunks, each acknowledged twice`
    },
  },
  {
    name: "delivery/boasting-server",
    promise: "An acknowledgement of what was never sent deletes nothing.",
    run: async (bench) => {
      const { server, door } = await bench.serve({ boasts: true, window: 1 })
      const bridge = bench.open(door.url)
      await bench.append(bridge, 20)
      await bench.until("the server has boasted on several connections", () => server.hellos.length >= 3)
      server.behaviour.boasts = false
      server.dropAll()
      await bench.delivered(bridge, server)
      return `acknowledged beyond what was sent on ${server.hellos.length - 1} connections; all of it still came`
    },
  },
  {
    name: "delivery/window",
    promise: "No more chunks are on their way than the server's window allows.",
    run: async (bench) => {
      const { server, door } = await bench.serve({ window: 4, losesAcks: true })
      const bridge = bench.open(door.url)
      await bench.append(bridge, 60)
      await bench.until("the window is full", () => server.mostUnacknowledged >= 4)
      await sleep(100)
      server.behaviour.losesAcks = false
      server.dropAll()
      await bench.delivered(bridge, server)
      must(server.mostUnacknowledged <= 4, `${server.mostUnacknowledged} chunks were on their way, 4 were allowed`)
      return `at most ${server.mostUnacknowledged} of 4 on their way`
    },
  },
  {
    name: "delivery/no-credit",
    promise: "A server that takes nothing holds up nobody: recording goes on, into the file and not into memory.",
    run: async (bench) => {
      const { server, door } = await bench.serve({ window: 0 })
      const bridge = bench.open(door.url)
      await bench.append(bridge, 200)
      const { pendingSamples, waitingChunks } = bridge.status()
      must(
        pendingSamples === 0 && waitingChunks === 200,
        `${pendingSamples} samples in memory, ${waitingChunks} chunks waiting`,
      )
      must(server.stored.length === 0, `${server.stored.length} chunks came although none were allowed`)
      server.behaviour.window = 16
      server.dropAll()
      await bench.delivered(bridge, server)
      return `${waitingChunks} chunks waited on disk, none in memory; all came when they were allowed`
    },
  },
  {
    name: "delivery/unreadable-chunk",
    promise: "A chunk that the server cannot read is kept aside on the device, and the rest flows.",
    run: async (bench) => {
      const { server, door } = await bench.serve({ cannotRead: new Set([3, 7]) })
      const bridge = bench.open(door.url)
      await bench.append(bridge, 12)
      await bench.until("the rest is delivered", () => bridge.status().waitingChunks === 0)
      const { quarantinedChunks } = bridge.status()
      must(quarantinedChunks === 2, `${quarantinedChunks} chunks are in quarantine, 2 should be`)
      must(server.stored.length === 10, `${server.stored.length} chunks are stored, 10 should be`)
      return "2 chunks in quarantine, 10 stored"
    },
  },
  {
    name: "delivery/key-refused",
    promise: "Refused in the middle of a drain (401), it pauses, keeps everything, takes a fresh key and goes on.",
    run: async (bench) => {
      const { server, door } = await bench.serve({ key: "first" })
      let key = "first"
      const bridge = bench.open(door.url, { key: () => key })
      server.onChunk = (count) => {
        if (count !== 10) return
        server.behaviour.key = "second"
        server.dropAll()
      }
      await bench.append(bridge, 30)
      await bench.until("the bridge says that it is refused", () => bridge.status().state === "refused")
      const waited = bridge.status().waitingChunks
      key = "second"
      await bench.delivered(bridge, server)
      return `${waited} chunks waited while the key was refused; all came with the next one`
    },
  },
  {
    name: "delivery/unavailable",
    promise: "A server that cannot store is asked again with growing pauses, and nothing is written anew for that.",
    run: async (bench) => {
      const { server, door } = await bench.serve({ unavailable: true })
      const bridge = bench.open(door.url)
      await bench.append(bridge, 20)
      await bench.until("it was asked several times", () => server.hellos.length >= 4)
      const asked = server.hellos.length
      server.behaviour.unavailable = false
      await bench.delivered(bridge, server)
      return `asked ${asked} times in vain, then delivered`
    },
  },
  {
    name: "delivery/other-version",
    promise: "A server of another protocol version is asked seldom, and everything is kept for the day it understands.",
    run: async (bench) => {
      const { server, door } = await bench.serve({ otherVersion: true })
      const bridge = bench.open(door.url)
      await bench.append(bridge, 10)
      await bench.until("the bridge says that it is refused", () => bridge.status().state === "refused")
      must(bridge.status().waitingChunks === 10, `${bridge.status().waitingChunks} of 10 chunks are left`)
      server.behaviour.otherVersion = false
      await bench.delivered(bridge, server)
      return "10 chunks kept until the server was upgraded"
    },
  },
  {
    name: "delivery/http",
    promise: "Where no WebSocket gets through, HTTP requests deliver the same chunks under the same identities.",
    run: async (bench) => {
      const { server, door } = await bench.serve()
      const bridge = bench.open(door.url)
      await bench.append(bridge, 10)
      await bench.until("some came by WebSocket", () => server.stored.length > 0)
      door.blocksWebSockets = true
      server.dropAll()
      await bench.append(bridge, 20)
      await bench.delivered(bridge, server)
      must(door.requests > 0, "no HTTP request was made")
      const incarnations = new Set(server.stored.map(({ incarnation }) => incarnation)).size
      must(incarnations === 1, `the chunks came under ${incarnations} identities`)
      return `${door.requests} requests after WebSockets were blocked`
    },
  },
  {
    name: "delivery/too-many-requests",
    promise: "429 with Retry-After is believed: nobody asks before that, and then all is delivered.",
    run: async (bench) => {
      const { server, door } = await bench.serve()
      door.blocksWebSockets = true
      door.refuses = { status: 429, retryAfterSeconds: 1 }
      const bridge = bench.open(door.url)
      await bench.append(bridge, 10)
      await bench.until("it was refused once", () => door.refusedAt.length > 0)
      await sleep(600)
      const within = door.refusedAt.filter((at) => at - (door.refusedAt[0] ?? 0) < 600).length
      must(within === 1, `it asked ${within} times within 0.6 s, and was told to wait 1 s`)
      door.refuses = null
      await bench.delivered(bridge, server)
      return `waited as told, then delivered in ${door.requests} requests`
    },
  },
]
