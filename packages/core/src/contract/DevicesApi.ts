/** The devices group of the API: bridges, who wears their sensors, and what became of what they delivered. */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import { Schema } from "effect"
import { Authentication } from "./Access.ts"
import { Forbidden, NotFound, Unavailable } from "./Errors.ts"
import { EpochMillis } from "./Events.ts"
import { describeIdempotencyKey, Idempotent } from "./Idempotent.ts"
import { AthleteId, ClassId, DeviceId, OneLine, SensorName } from "./Ids.ts"
import { ClockLabel, SensorSource } from "./SeriesApi.ts"

const device = HttpApiSchema.param("deviceId", DeviceId)
const sensor = HttpApiSchema.param("sensor", SensorName)

const DeviceName = OneLine.pipe(
  Schema.minLength(1, { message: () => "A name needs at least one character." }),
  Schema.maxLength(100, { message: () => "A name has at most 100 characters." }),
)

export const DeviceCreated = Schema.Struct({
  deviceId: DeviceId,
  name: Schema.String,
  /** Shown once; only its hash is kept. */
  key: Schema.String,
}).annotations({ identifier: "DeviceCreated" })

export const Pairing = Schema.Struct({
  sensor: SensorName,
  athleteId: AthleteId,
  classId: ClassId,
  /** What kind of source the sensor is; read from its name where nobody said so. */
  source: Schema.optional(SensorSource),
}).annotations({
  identifier: "Pairing",
  description: "Who wears a sensor, and in which class.",
})
export type Pairing = typeof Pairing.Type

export const DeviceStatus = Schema.Struct({
  deviceId: DeviceId,
  name: Schema.String,
  /** Whether the bridge has a connection open now. */
  connected: Schema.Boolean,
  chunks: Schema.Int,
  samples: Schema.Int,
  quarantined: Schema.Int,
  redeliveriesSuppressed: Schema.Int,
  /** Chunks that the bridge no longer had when this server asked for them: data that will not come. */
  missingChunks: Schema.Int,
  lastChunkAtMs: Schema.NullOr(EpochMillis),
  sensors: Schema.Array(Pairing),
}).annotations({ identifier: "DeviceStatus" })
export type DeviceStatus = typeof DeviceStatus.Type

/** A chunk that was set aside because its samples could not be read. */
export const QuarantinedChunk = Schema.Struct({
  incarnation: Schema.String,
  n: Schema.Int,
  reason: Schema.String,
  receivedAtMs: EpochMillis,
  bytes: Schema.Int,
}).annotations({ identifier: "QuarantinedChunk" })

/** Chunks that will not come, and why. */
export const DeviceGap = Schema.Struct({
  incarnation: Schema.String,
  /** The first and the last missing chunk's number. */
  first: Schema.Int,
  last: Schema.Int,
  /** How many samples were in them at most; null when the bridge did not know. */
  samples: Schema.NullOr(Schema.Int),
  /** The bridge's wall clock around what is missing. */
  fromMs: Schema.NullOr(EpochMillis),
  toMs: Schema.NullOr(EpochMillis),
  reason: Schema.String.annotations({
    description:
      "`evicted`: the bridge deleted them to make room. `refused`: it had no room for new samples. `damaged`: its disk " +
      "lost them. `unknown`: it no longer had them when this server asked. `unreadable`: this server could not read them, " +
      "and had no room for them, or kept them for long enough. `conflicting`: the same, of bytes under the number of " +
      "another chunk.",
  }),
  /** When this server heard of it. */
  receivedAtMs: EpochMillis,
}).annotations({ identifier: "DeviceGap" })

/** How far the clock that labels an incarnation's samples is believed, by its newest stored chunk. */
export const DeviceClock = Schema.Struct({
  incarnation: Schema.String,
  /** The number of that chunk. */
  n: Schema.Int,
  clock: ClockLabel,
  /** The bridge's clocks as it appended the chunk; null where it did not tell. */
  boot: Schema.NullOr(Schema.String.annotations({ description: "Names the run of the monotonic clock." })),
  wallMs: Schema.NullOr(EpochMillis),
  monotonicMs: Schema.NullOr(Schema.Number),
  /** When this server stored it, by its own clock. */
  receivedAtMs: EpochMillis,
}).annotations({ identifier: "DeviceClock" })

export class DevicesApi extends HttpApiGroup.make("devices")
  .add(
    HttpApiEndpoint.post("create", "/devices")
      .setPayload(Schema.Struct({ name: DeviceName }))
      .addSuccess(DeviceCreated, { status: 201 })
      .middleware(Idempotent)
      .annotate(OpenApi.Transform, describeIdempotencyKey)
      .annotate(OpenApi.Summary, "Register a bridge and get its key"),
  )
  .add(
    HttpApiEndpoint.get("list", "/devices")
      .addSuccess(Schema.Array(DeviceStatus))
      .annotate(OpenApi.Summary, "All bridges, with what they delivered"),
  )
  .add(
    HttpApiEndpoint.put("pair")`/devices/${device}/sensors/${sensor}`
      .setPayload(Pairing.omit("sensor"))
      .addSuccess(Pairing)
      .addError(NotFound)
      .middleware(Idempotent)
      .annotate(OpenApi.Transform, describeIdempotencyKey)
      .annotate(OpenApi.Summary, "Say who wears a sensor, and in which class"),
  )
  .add(
    HttpApiEndpoint.get("quarantine")`/devices/${device}/quarantine`
      .addSuccess(Schema.Array(QuarantinedChunk))
      .addError(NotFound)
      .annotate(OpenApi.Summary, "Chunks whose samples could not be read, newest first, at most 100"),
  )
  .add(
    HttpApiEndpoint.get("gaps")`/devices/${device}/gaps`
      .addSuccess(Schema.Array(DeviceGap))
      .addError(NotFound)
      .annotate(OpenApi.Summary, "What is missing of a bridge's data and will not come, newest first, at most 1000"),
  )
  .add(
    HttpApiEndpoint.get("clocks")`/devices/${device}/clocks`
      .addSuccess(Schema.Array(DeviceClock))
      .addError(NotFound)
      .annotate(
        OpenApi.Summary,
        "How far a bridge's clock is believed, incarnation by incarnation, newest first, at most 100",
      ),
  )
  .middleware(Authentication)
  .addError(Forbidden)
  .addError(Unavailable)
  .annotate(OpenApi.Title, "Devices")
  .annotate(OpenApi.Description, "Bridges, their keys, and who wears which sensor.") {}
