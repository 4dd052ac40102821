/** `paceline device`: bridges of the running server, their keys, and who wears which sensor. */
import { AthleteId, ClassId, DeviceId, SensorName, SensorSource } from "@paceline/core/contract"
import { Console, Effect, Schema } from "effect"
import type { ResolvedSettings } from "../config/Settings.ts"
import { connect, orRefused } from "./LocalServer.ts"
import { table } from "./Table.ts"

interface Output {
  readonly json: boolean
}

export const add = (settings: ResolvedSettings, { json, name }: Output & { readonly name: string }) =>
  Effect.gen(function* () {
    const { api, url } = yield* connect(settings)
    const device = yield* orRefused(api.devices.create({ payload: { name: name.trim() } }))
    if (json) return yield* Console.log(JSON.stringify(device))
    yield* Console.log(
      [
        `The bridge "${device.name}" is registered. Its key is shown this once:`,
        "",
        `  device  ${device.deviceId}`,
        `  key     ${device.key}`,
        "",
        `Start it with: PACELINE_DEVICE_KEY=${device.key} paceline bridge --url ${url.replace(/^http/, "ws")} --device ${device.deviceId}`,
      ].join("\n"),
    )
  })

export const list = (settings: ResolvedSettings, { json }: Output) =>
  Effect.gen(function* () {
    const { api } = yield* connect(settings)
    const devices = yield* orRefused(api.devices.list())
    if (json) return yield* Console.log(JSON.stringify(devices))
    if (devices.length === 0) return yield* Console.log(`There are no bridges yet. Add one: paceline device add NAME`)
    const head = ["DEVICE", "NAME", "CONNECTED", "CHUNKS", "SAMPLES", "QUARANTINED", "MISSING", "SENSORS"]
    const rows = devices.map((device) => [
      device.deviceId,
      device.name,
      device.connected ? "yes" : "no",
      String(device.chunks),
      String(device.samples),
      String(device.quarantined),
      String(device.missingChunks),
      String(device.sensors.length),
    ])
    yield* Console.log(table([head, ...rows]))
  })

export interface PairOptions extends Output {
  readonly device: string
  readonly sensor: string
  readonly athlete: string
  readonly class: string
  readonly source: string | undefined
}

export const pair = (settings: ResolvedSettings, options: PairOptions) =>
  Effect.gen(function* () {
    const deviceId = yield* orRefused(Schema.decode(DeviceId)(options.device))
    const sensor = yield* orRefused(Schema.decode(SensorName)(options.sensor))
    const athleteId = yield* orRefused(Schema.decode(AthleteId)(options.athlete))
    const classId = yield* orRefused(Schema.decode(ClassId)(options.class))
    const source =
      options.source === undefined ? undefined : yield* orRefused(Schema.decodeUnknown(SensorSource)(options.source))
    const { api } = yield* connect(settings)
    const payload = { athleteId, classId, ...(source === undefined ? {} : { source }) }
    const pairing = yield* orRefused(api.devices.pair({ path: { deviceId, sensor }, payload }))
    yield* Console.log(
      options.json ? JSON.stringify(pairing) : `${athleteId} wears ${sensor} of ${deviceId}, in class ${classId}.`,
    )
  })
