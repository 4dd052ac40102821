/** Networks that fail: cut in the middle of a frame, half-open, slow, or not there. */
import { type Check, must } from "../Check.ts"

export const networkChecks: ReadonlyArray<Check> = [
  {
    name: "network/cuts",
    promise: "Cut off in the middle of frames, twenty times: nothing is lost, nothing stored twice.",
    run: async (bench) => {
      const { server, door } = await bench.serve()
      const network = await bench.network(door)
      const bridge = bench.open(network.url)
      for (let cut = 1; cut <= 20; cut++) {
        network.cutAfter(60 + Math.floor(bench.random() * 900))
        await bench.append(bridge, 10)
        await bench.until(`cut ${cut}`, () => network.cuts >= cut || bridge.status().waitingChunks === 0)
      }
      network.heal()
      await bench.delivered(bridge, server)
      return `${network.cuts} cuts, ${server.hellos.length} connections, ${server.redeliveries} chunks came again`
    },
  },
  {
    name: "network/half-open",
    promise: "A connection on which nothing arrives any more is noticed by silence, and replaced.",
    run: async (bench) => {
      const { server, door } = await bench.serve()
      const network = await bench.network(door)
      const bridge = bench.open(network.url)
      await bench.append(bridge, 5)
      await bench.delivered(bridge, server)
      network.swallow()
      const since = performance.now()
      await bench.append(bridge, 5)
      await bench.until("the dead connection is given up", () => !bridge.status().connected)
      const noticed = performance.now() - since
      network.heal()
      await bench.delivered(bridge, server)
      return `noticed after ${Math.round(noticed)} ms with a limit of 500 to 800 ms`
    },
  },
  {
    name: "network/slow",
    promise: "On a slow line live readings do not queue behind the backlog.",
    run: async (bench) => {
      const { server, door } = await bench.serve({ window: 64 })
      const network = await bench.network(door)
      const before = bench.open("ws://127.0.0.1:9")
      for (let chunk = 0; chunk < 200; chunk++) {
        // Values that no codec makes small.
        for (let i = 0; i < 1_000; i++) before.record("noise", "power", i, bench.random())
        await before.flush()
      }
      const backlog = before.status().waitingBytes
      await before.close()
      network.slowDown(100_000)
      const bridge = bench.open(network.url, { limits: { deadMillis: 5_000, ackMillis: 10_000 } })
      await bench.until("it is connected", () => bridge.status().connected)
      const ticking = setInterval(() => bridge.record("strap-01", "heartRate", Date.now(), 120), 100)
      bench.later(() => clearInterval(ticking))
      await bench.until("live readings arrive beside the backlog", () => server.live.length >= 8)
      clearInterval(ticking)
      const late = server.live.map(({ atMs, sensedAtMs }) => atMs - sensedAtMs).toSorted((a, b) => a - b)
      const median = late[Math.floor(late.length / 2)] ?? Number.NaN
      must(bridge.status().waitingChunks > 0, "the backlog was gone before anything could queue behind it")
      must(median < 3_500, `the median live reading came ${median} ms late`)
      return `median ${median} ms behind ${Math.round(backlog / 1024)} KiB on a line of 100 kB/s`
    },
  },
  {
    name: "network/absent",
    promise: "Without a server recording goes on, over restarts, and all is delivered when there is one.",
    run: async (bench) => {
      const { server, door } = await bench.serve()
      for (let start = 0; start < 5; start++) {
        const away = bench.open("ws://127.0.0.1:9")
        await bench.append(away, 8)
        await away.close()
      }
      const bridge = bench.open(door.url)
      await bench.delivered(bridge, server)
      const incarnations = new Set(server.stored.map(({ incarnation }) => incarnation)).size
      must(incarnations === 5, `5 openings came under ${incarnations} identities`)
      return "5 openings without a server, 40 chunks, each opening under an identity of its own"
    },
  },
]
