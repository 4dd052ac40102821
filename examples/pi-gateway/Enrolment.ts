/**
 * Who this gateway is to the server. On a real one the device's id and key come from `paceline device add` and lie in
 * the environment; where they do not, and the server's data folder is on this machine, it registers itself.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"

export interface Identity {
  readonly deviceId: string
  readonly key: string
}

/** From the environment, or by registering, with the given sensors worn by made-up athletes. */
export const identity = async (url: string, dataFolder: string, sensors: ReadonlyArray<string>): Promise<Identity> => {
  const { PACELINE_DEVICE_ID: deviceId, PACELINE_DEVICE_KEY: key } = process.env
  if (deviceId && key) return { deviceId, key }
  const adminKey = readFileSync(join(dataFolder, "admin.key"), "utf8").trim()
  const call = async (method: string, path: string, body: unknown): Promise<unknown> => {
    const answer = await fetch(`${url}/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  const device = await call("POST", "/devices", { name: "Pi gateway" })
  const id = text(device, "deviceId")
  for (const sensor of sensors) {
    const athlete = await call("POST", "/athletes", { alias: sensor })
    const athleteId = text(athlete, "profile", "athleteId")
    await call("PUT", `/devices/${id}/sensors/${sensor}`, { athleteId, classId: "gateway" })
  }
  return { deviceId: id, key: text(device, "key") }
}

/** A text in an answer, by the names that lead to it. */
const text = (answer: unknown, ...names: ReadonlyArray<string>): string => {
  const found = names.reduce<unknown>((value, name) => Reflect.get(Object(value), name), answer)
  if (typeof found !== "string") throw new Error(`The answer has no ${names.join(".")}`)
  return found
}
