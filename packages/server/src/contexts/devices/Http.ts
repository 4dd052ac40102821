/** The devices group of the API. Telemetry itself comes in by a door of its own, `/v1/telemetry`. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import { PacelineApi } from "@paceline/core/contract"
import { Effect, Layer } from "effect"
import { Clocks } from "./Clocks.ts"
import { Devices } from "./Service.ts"

export const layer = HttpApiBuilder.group(PacelineApi, "devices", (handlers) =>
  Effect.map(Effect.all([Devices, Clocks]), ([devices, clocks]) =>
    handlers
      .handle("create", ({ payload }) => devices.create(payload.name))
      .handle("list", () => devices.list())
      .handle("pair", ({ path, payload }) => devices.pair(path.deviceId, { sensor: path.sensor, ...payload }))
      .handle("quarantine", ({ path }) => devices.quarantine(path.deviceId))
      .handle("gaps", ({ path }) => devices.gaps(path.deviceId))
      .handle("clocks", ({ path }) => clocks.list(path.deviceId)),
  ),
).pipe(Layer.provide(Clocks.Default))
