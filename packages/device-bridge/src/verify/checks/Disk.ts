/** Disks that are full or damaged. */
import { readFileSync, statSync, writeFileSync } from "node:fs"
import { type Check, must } from "../Check.ts"
import { smallDisk } from "../SmallDisk.ts"

export const diskChecks: ReadonlyArray<Check> = [
  {
    name: "disk/full",
    promise: "A full disk is a typed error, said once; samples wait in memory, and are written when there is room.",
    run: async (bench) => {
      const { server, door } = await bench.serve()
      let pages = 100_000
      const bridge = bench.open(door.url, { driver: smallDisk(bench.driver, () => pages) })
      await bench.append(bridge, 3)
      pages = 1
      for (let i = 0; i < 4_000; i++) {
        const value = bench.recorded.length + bench.random() / 2
        bridge.record("strap-01", "power", i, value)
        bench.recorded.push(value)
      }
      let refusal: unknown
      await bridge.flush().catch((thrown: unknown) => {
        refusal = thrown
      })
      must(refusal instanceof Error && refusal.name === "BufferFull", `flush said: ${String(refusal)}`)
      await bridge.flush().catch(() => undefined)
      const said = bench.events.filter((event) => event._tag === "WritingFailed").length
      must(said === 1, `it was said ${said} times`)
      pages = 100_000
      await bench.delivered(bridge, server)
      return `4000 samples waited in memory while the disk was full, and came when there was room`
    },
  },
  {
    name: "disk/drained-when-full",
    promise: "A disk that the buffer itself filled can be emptied by delivering.",
    run: async (bench) => {
      const { server, door } = await bench.serve({ window: 64 })
      let pages = 100_000
      const away = bench.open("ws://127.0.0.1:9", { driver: smallDisk(bench.driver, () => pages) })
      await bench.append(away, 60)
      await away.close()
      pages = 1
      const bridge = bench.open(door.url, { driver: smallDisk(bench.driver, () => pages) })
      await bench.until("all is delivered and deleted", () => bridge.status().waitingChunks === 0)
      bench.exactly(server)
      return "60 chunks delivered and deleted with no page to spare"
    },
  },
  {
    name: "disk/damaged",
    promise: "A damaged file is set aside whole, which is said, and recording starts afresh in a new one.",
    run: async (bench) => {
      const { server, door } = await bench.serve()
      const before = bench.open("ws://127.0.0.1:9")
      await bench.append(before, 150)
      await before.close()
      const bytes = readFileSync(bench.bufferPath)
      bytes.fill(0x55, 0, Math.min(bytes.length, 100))
      writeFileSync(bench.bufferPath, bytes)
      bench.recorded.length = 0
      const bridge = bench.open(door.url)
      const aside = bench.events.find((event) => event._tag === "BufferSetAside")
      must(aside !== undefined, "nothing was said of the damage")
      if (aside?._tag !== "BufferSetAside") return ""
      must(statSync(aside.asidePath).size === bytes.length, "the file that was set aside is not whole")
      await bench.append(bridge, 5)
      await bench.delivered(bridge, server)
      return `set aside because ${aside.reason}; 5 new chunks delivered`
    },
  },
]
