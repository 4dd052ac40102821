/**
 * The CPU that a sensor of 1 kHz costs in real time, in percent of a core, above the same program that throws its
 * samples away: ten samples every ten milliseconds, flushed every five seconds.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { openBridge } from "@paceline/device-bridge"
import { hostDriver } from "./HostDriver.ts"

const SECONDS = 15

/** Percent of a core while samples come to `take`. */
const load = async (take: (atMillis: number, value: number) => void): Promise<number> => {
  let n = 0
  const timer = setInterval(() => {
    const now = Date.now()
    for (let i = 0; i < 10; i++, n++) take(now + i, Math.round(1000 * Math.sin(n / 20)))
  }, 10)
  await sleep(1_000)
  const cpu = process.cpuUsage()
  await sleep(SECONDS * 1_000)
  const { system, user } = process.cpuUsage(cpu)
  clearInterval(timer)
  return (system + user) / (SECONDS * 1e4)
}

const folder = mkdtempSync(join(tmpdir(), "paceline-bench-"))
const bridge = openBridge({
  path: join(folder, "buffer.sqlite"),
  driver: await hostDriver(),
  url: "ws://127.0.0.1",
  deviceId: "bench",
  key: "",
  // A line on which nobody answers: what is measured is recording.
  dial: () => ({ send: () => {}, bufferedBytes: 0, hangUp: () => {} }),
})
const stream = bridge.stream({ kind: "ecg", unit: "mV", hz: 1_000 })
let sum = 0
const idle = await load((_, value) => {
  sum += value
})
const recording = await load((atMillis, value) => {
  stream.record(atMillis, value)
})
const { droppedSamples, recordedSamples } = bridge.status()
await bridge.close()
rmSync(folder, { recursive: true })
if (recordedSamples < SECONDS * 900 || droppedSamples > 0 || sum === 0.5) throw new Error("the samples did not come")
console.log(JSON.stringify({ idle, recording }))
