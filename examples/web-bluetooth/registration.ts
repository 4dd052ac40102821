/**
 * Registers this browser as a device, and an athlete who wears the strap. It takes the admin key from the server's
 * data folder, so it runs where the server runs; in a product, your own server does this for whoever has signed in.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"

/** What the page is told: where to deliver, as which device, and the strap's name on it. */
export interface Strap {
  readonly url: string
  readonly deviceId: string
  readonly key: string
  readonly sensor: string
}

const SENSOR = "strap-01"

export const registerStrap = async (url: string, data: string): Promise<Strap> => {
  const adminKey = readFileSync(join(data, "admin.key"), "utf8").trim()
  const call = async (method: string, path: string, body: unknown): Promise<unknown> => {
    const answer = await fetch(`${url}/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  const device = await call("POST", "/devices", { name: "Web Bluetooth" })
  const athlete = await call("POST", "/athletes", { alias: "Web Bluetooth" })
  const deviceId = text(device, "deviceId")
  const athleteId = text(athlete, "profile", "athleteId")
  await call("PUT", `/devices/${deviceId}/sensors/${SENSOR}`, { athleteId, classId: "example" })
  return { url, deviceId, key: text(device, "key"), sensor: SENSOR }
}

/** A text in an answer, by the names that lead to it. */
const text = (answer: unknown, ...names: ReadonlyArray<string>): string => {
  const found: unknown = names.reduce<unknown>((value, name) => Reflect.get(Object(value), name), answer)
  if (typeof found !== "string") throw new Error(`The answer has no ${names.join(".")}`)
  return found
}
