/** Our server as a gym runs it, `paceline serve`, with many bridges and athletes registered. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { AtEnd } from "../../Harness.ts"
import { startServer } from "./OnOneCore.ts"

export interface Paceline {
  readonly pid: number
  readonly url: string
  /** Registers so many bridges, each with sensors that are worn by an athlete of its own. */
  readonly register: (count: number, sensors: ReadonlyArray<string>) => Promise<ReadonlyArray<RegisteredDevice>>
  /** Resolves when every consumer group has handled all that is in the log. */
  readonly caughtUp: () => Promise<void>
}

export interface RegisteredDevice {
  readonly deviceId: string
  readonly key: string
}

/** A load test comes from one address and asks more often than people do. */
const UNLIMITED = ["admin", "address", "unauthenticated"].flatMap((who) => [`--limit-${who}`, "0"])

export const start = async (folder: string, atEnd: AtEnd): Promise<Paceline> => {
  const flags = ["serve", "--data", folder, "--port", "0", "--log-format", "json", ...UNLIMITED]
  const server = startServer("../../../../packages/server/src/main.ts", flags, atEnd)
  const started = await server.line((line) => line.includes("http://127.0.0.1:"))
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(started)?.[0] ?? ""
  const adminKey = await keyIn(join(folder, "admin.key"))

  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(`${url}/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }

  const registerOne = async (n: number, sensors: ReadonlyArray<string>): Promise<RegisteredDevice> => {
    const device = Object(await ask("POST", "/devices", { name: `Bridge ${n}` }))
    const athlete = { alias: `Athlete ${n}`, heartRateVisible: true, maxHeartRateBpm: 185 }
    const { profile } = Object(await ask("POST", "/athletes", athlete))
    for (const sensor of sensors) {
      const pairing = { athleteId: profile.athleteId, classId: "main" }
      await ask("PUT", `/devices/${device.deviceId}/sensors/${sensor}`, pairing)
    }
    return { deviceId: device.deviceId, key: device.key }
  }

  return {
    pid: server.pid,
    url,
    register: async (count, sensors) => {
      const devices: Array<RegisteredDevice> = []
      for (let n = 0; n < count; n += 20) {
        const some = Array.from({ length: Math.min(20, count - n) }, (_, i) => registerOne(n + i, sensors))
        devices.push(...(await Promise.all(some)))
      }
      return devices
    },
    caughtUp: async () => {
      // Twice: what one group did while the first answer was made may have given the next group work.
      for (let empty = 0; empty < 2; ) {
        const groups = await ask("GET", "/operations/groups")
        const waiting = (Array.isArray(groups) ? groups : []).reduce((sum, group) => sum + group.waiting, 0)
        empty = waiting === 0 ? empty + 1 : 0
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    },
  }
}

/** The server writes it shortly after it begins to answer. */
const keyIn = async (file: string): Promise<string> => {
  for (let tries = 0; ; tries++) {
    try {
      return readFileSync(file, "utf8").trim()
    } catch (cause) {
      if (tries === 100) throw cause
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
