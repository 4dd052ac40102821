/** The demo as a user starts it: `paceline serve --demo` in a process of its own, watched with the client SDK. */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import * as Net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { createClient } from "@paceline/client-sdk"
import type { Tile } from "@paceline/core/contract"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const main = fileURLToPath(new URL("../../main.ts", import.meta.url))

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "paceline-demo-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = Net.createServer().on("error", reject)
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() => (address === null || typeof address === "string" ? reject() : resolve(address.port)))
    })
  })

/** Serves the demo until all its tiles have moved, or fails with what the server said; then stops it. */
const demo = async (): Promise<ReadonlyArray<Tile>> => {
  const port = await freePort()
  const server = Bun.spawn(
    [process.execPath, main, "serve", "--demo", "--port", String(port), "--data", folder, "--log-format", "json"],
    { env: { ...process.env, NODE_ENV: "production" }, stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  )
  const client = createClient({ url: `http://127.0.0.1:${port}` })
  try {
    return await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("the tiles did not move within 15 s")), 15_000)
      const firstSensed = new Map<string, number>()
      client.classes("main").watch(({ tiles }) => {
        const moved = tiles.filter(({ athleteId, sensedAtMs }) => {
          if (sensedAtMs === null) return false
          const first = firstSensed.get(athleteId) ?? sensedAtMs
          firstSensed.set(athleteId, first)
          return sensedAtMs > first
        })
        if (moved.length < 12) return
        clearTimeout(late)
        resolve(tiles)
      })
    })
  } finally {
    client.close()
    server.kill("SIGTERM")
    await server.exited
  }
}

const bridgeIsRunning = (): boolean => {
  const found = Bun.spawnSync(["pgrep", "-f", join(folder, "demo-bridge")])
  return found.success
}

describe("paceline serve --demo", () => {
  it("shows twelve athletes who train, some of whom hide their heart rate, and the same ones after a restart", async () => {
    const first = await demo()
    expect(first).toHaveLength(12)
    expect(new Set(first.map(({ alias }) => alias)).size).toBe(12)
    const hidden = first.filter(({ heartRateVisible }) => !heartRateVisible)
    expect(hidden).toHaveLength(2)
    for (const { heartRateBpm, percentOfMax, zone } of hidden) {
      expect([heartRateBpm, percentOfMax, zone]).toEqual([null, null, null])
    }
    for (const tile of first.filter(({ heartRateVisible }) => heartRateVisible)) {
      expect(tile.heartRateBpm, tile.alias).toBeGreaterThan(80)
    }
    if (process.platform !== "win32") {
      expect(statSync(join(folder, "demo.json")).mode & 0o777).toBe(0o600)
      expect(bridgeIsRunning()).toBe(false)
    }
    const remembered = readFileSync(join(folder, "demo.json"), "utf8")

    const second = await demo()
    expect(readFileSync(join(folder, "demo.json"), "utf8")).toBe(remembered)
    const ids = (tiles: ReadonlyArray<Tile>) => tiles.map(({ athleteId }) => athleteId).sort()
    expect(ids(second)).toEqual(ids(first))
  }, 60_000)
})
