/**
 * Registers a bridge, athletes, and who wears which strap, over the HTTP API with the admin key: what a gym does
 * once by hand, a rehearsal and the demo do by program.
 *
 * @example
 * const server = yield* Enrolment.connect({ url, adminKey })
 * const device = yield* server.addDevice("Front desk")
 * const athlete = yield* server.addAthlete({ alias: "Ada", heartRateVisible: true, maxHeartRateBpm: 188 })
 * yield* server.pair(device.deviceId, "strap-01", athlete.athleteId, "main")
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { type AthleteId, ClassId, type DeviceId, PacelineApi, SensorName } from "@paceline/core/contract"
import { Effect, Schema } from "effect"

export interface NewAthlete {
  readonly alias: string
  readonly heartRateVisible: boolean
  readonly maxHeartRateBpm: number
}

/** The name of strap number `index` (from 0): what the bridge calls its made-up straps. */
export const strapName = (index: number): string => `strap-${String(index + 1).padStart(2, "0")}`

/** The API as the admin sees it. Its errors say what the server answered. */
export const connect = (options: { readonly url: string; readonly adminKey: string }) =>
  Effect.gen(function* () {
    const api = yield* HttpApiClient.make(PacelineApi, {
      baseUrl: options.url,
      transformClient: HttpClient.mapRequest(HttpClientRequest.bearerToken(options.adminKey)),
    })
    return {
      devices: api.devices.list(),
      /** How far each consumer group is. */
      groups: api.operations.groups(),
      leaderboard: (classId: ClassId) => api.gamification.leaderboard({ path: { classId } }),
      points: (athleteId: AthleteId) => api.gamification.points({ path: { athleteId } }),
      addDevice: (name: string) => api.devices.create({ payload: { name } }),
      addAthlete: (athlete: NewAthlete) =>
        Effect.map(api.people.create({ payload: athlete }), ({ profile }) => profile),
      pair: (deviceId: DeviceId, sensor: string, athleteId: AthleteId, classId: ClassId) =>
        Effect.flatMap(Schema.decode(SensorName)(sensor), (name) =>
          api.devices.pair({ path: { deviceId, sensor: name }, payload: { athleteId, classId } }),
        ),
    }
  }).pipe(Effect.provide(FetchHttpClient.layer))

export const classNamed = Schema.decodeSync(ClassId)
