/**
 * Records ten heartbeats of a strap on this machine and delivers them to a server exactly once.
 *
 *   bun examples/record-a-strap/main.ts [--url http://127.0.0.1:8080] [--data ./paceline-data]
 *
 * Start a server first: `npm start`. The example registers a bridge, an athlete and their strap with the admin key
 * that lies in the server's data folder, so run it on the same machine. Then open /wall?class=example.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { openBridge } from "@paceline/device-bridge"
import { bunSqlite } from "@paceline/device-bridge/drivers/bun-sqlite"

const { values: options } = parseArgs({
  options: {
    url: { type: "string", default: process.env["PACELINE_URL"] ?? "http://127.0.0.1:8080" },
    data: { type: "string", default: process.env["PACELINE_DATA"] ?? "./paceline-data" },
  },
})
const adminKey = readFileSync(join(options.data, "admin.key"), "utf8").trim()

const call = async (method: string, path: string, body: unknown): Promise<object> => {
  const answer = await fetch(`${options.url}/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
  return Object(await answer.json())
}

/** A text in an answer, by the names that lead to it. */
const text = (answer: object, ...names: ReadonlyArray<string>): string => {
  const found: unknown = names.reduce<unknown>((value, name) => Reflect.get(Object(value), name), answer)
  if (typeof found !== "string") throw new Error(`The answer has no ${names.join(".")}`)
  return found
}

const device = await call("POST", "/devices", { name: "Example" })
const athlete = await call("POST", "/athletes", { alias: "Example" })
const deviceId = text(device, "deviceId")
const athleteId = text(athlete, "profile", "athleteId")
await call("PUT", `/devices/${deviceId}/sensors/strap-01`, { athleteId, classId: "example" })

const folder = mkdtempSync(join(tmpdir(), "paceline-example-"))
const bridge = openBridge({
  path: join(folder, "buffer.sqlite"),
  driver: bunSqlite(),
  url: options.url.replace(/^http/, "ws"),
  deviceId,
  key: text(device, "key"),
  onEvent: (event) => console.warn(event),
})

const startedAt = Date.now() - 10_000
for (let second = 0; second < 10; second++) {
  bridge.record("strap-01", "heartRate", startedAt + second * 1000, 120 + second)
}
bridge.record("strap-01", "activity", startedAt + 10_000, 0) // the activity ended
await bridge.flush() // on the disk: from here on nothing is lost, whatever happens to this process
await bridge.drained() // at the server, once

const { deliveredChunks, waitingChunks } = bridge.status()
console.log(`Delivered ${deliveredChunks} chunk with 10 heartbeats; ${waitingChunks} wait.`)
await bridge.close()
rmSync(folder, { recursive: true })
