/**
 * What a device maker would write with the published @paceline/device-bridge. See `consumer-core.ts`.
 * There is no server: the samples must lie in the buffer, survive a closing, and wait there.
 */
import assert from "node:assert/strict"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { BufferOwned, openBridge, type SqliteDriver } from "@paceline/device-bridge"
import { readFitActivity, streamOf } from "@paceline/device-bridge/files"
import { runBridge } from "@paceline/device-bridge/process"
import { Playback, simulateAthlete } from "@paceline/device-bridge/simulator"

/** The driver that this runtime has: both are published, each works where its SQLite is. */
const driver: SqliteDriver =
  process.versions["bun"] === undefined
    ? (await import("@paceline/device-bridge/drivers/better-sqlite3")).betterSqlite3()
    : (await import("@paceline/device-bridge/drivers/bun-sqlite")).bunSqlite()

const folder = mkdtempSync(join(tmpdir(), "paceline-consumer-buffer-"))
try {
  const options = { path: join(folder, "buffer.sqlite"), driver, url: "ws://127.0.0.1:9", deviceId: "d", key: "k" }
  const bridge = openBridge(options)
  const recording = simulateAthlete({ seed: 1, seconds: 60 })
  const samples = Playback.samplesBetween(recording, -1, 60_000)
  for (const { kind, offsetMs, value } of samples) bridge.record("strap-01", kind, offsetMs, value)
  await bridge.flush()
  assert.ok((streamOf(recording, "heartRate")?.values.length ?? 0) === 60)
  assert.equal(bridge.status().recordedSamples, samples.length)
  assert.throws(() => openBridge(options), BufferOwned)
  await bridge.close()

  const again = openBridge(options)
  assert.ok(again.status().waitingChunks > 0)
  await again.close()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

const damaged = readFitActivity(new Uint8Array(20))
assert.ok("_tag" in damaged && damaged.message.length > 0)

const said: Array<string> = []
const code = await runBridge(["--help"], {
  driver,
  env: {},
  signal: new AbortController().signal,
  write: (line) => said.push(line),
  writeError: (line) => said.push(line),
})
assert.equal(code, 0)
assert.ok(said.join("\n").includes("--keep-delivered"))
