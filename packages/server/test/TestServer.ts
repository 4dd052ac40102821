/**
 * A whole server for a test: the real gateway on a real SQLite store in a temporary folder, on a free port.
 *
 * @example
 * it.scopedLive("…", () => Effect.gen(function* () {
 *   const server = yield* TestServer
 *   const answer = yield* server.request("POST", "/v1/devices", { name: "Studio" })
 * }).pipe(Effect.provide(TestServer.layer)))
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { UnitOfWork } from "@paceline/core/consistency"
import type { DeviceId } from "@paceline/core/contract"
import { Contact } from "@paceline/core/kernel"
import { EventLog } from "@paceline/core/messaging"
import { Degradation } from "@paceline/core/resilience"
import { Effect, Layer, Logger } from "effect"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"
import { Keys } from "../src/contexts/identity/Service.ts"
import * as Compartments from "../src/gateway/Compartments.ts"
import * as DoorLimits from "../src/gateway/DoorLimits.ts"
import * as Gateway from "../src/gateway/Gateway.ts"
import * as Load from "../src/gateway/Load.ts"
import { Server } from "../src/gateway/Server.ts"

export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into the JSON and fails where it is not as expected
  readonly body: any
}

export const options: Gateway.GatewayOptions = {
  host: "127.0.0.1",
  port: 0,
  allowedOrigins: ["https://app.example"],
  trustedProxies: [],
  metrics: "admin",
  stalledAfterMillis: 30_000,
  pages: {},
  frameMillis: 20,
  contact: Contact.standard,
  tileLingerMillis: 900_000,
  silentSessionMillis: 7_200_000,
  window: 8,
  ...DoorLimits.standard,
  ...Compartments.standard,
  ...Load.standard,
}

/** Waits, on the real clock, until `probe` gives a value that `accept` takes; fails after 5 s with the last one. */
export const eventually = <A, E, R>(probe: Effect.Effect<A, E, R>, accept: (value: A) => boolean) =>
  Effect.gen(function* () {
    for (let tries = 0; tries < 250; tries++) {
      const value = yield* probe
      if (accept(value)) return value
      yield* Effect.sleep(20)
    }
    return yield* Effect.dieMessage(`It never came: the last was ${JSON.stringify(yield* probe)}`)
  })

export class TestServer extends Effect.Service<TestServer>()("paceline/test/TestServer", {
  effect: Effect.gen(function* () {
    const { url } = yield* Server
    const keys = yield* Keys
    const log = yield* EventLog.EventLog
    const sql = yield* SqlClient
    const work = yield* UnitOfWork
    const compartments = yield* Compartments.Compartments
    const degradation = yield* Degradation.Degradation
    const issueAdminKey = () => keys.issue({ _tag: "Admin" })
    const adminKey = yield* issueAdminKey()

    const send = (method: string, path: string, body?: BodyInit, key: string | null = adminKey) =>
      Effect.promise(async (): Promise<Answer> => {
        const headers = {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          "content-type": "application/json",
        }
        const response = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body }) })
        const text = await response.text()
        return { status: response.status, body: text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : text }
      })
    const request = (method: string, path: string, body?: unknown, key?: string | null) =>
      send(method, path, body === undefined ? undefined : JSON.stringify(body), key)

    /** How many events each topic holds. */
    const events = Effect.map(
      Effect.forEach(["people", "telemetry", "training"], (topic) =>
        Effect.map(log.read(topic, 0, 0, 10_000), (records): readonly [string, number] => [topic, records.length]),
      ),
      (counts) => Object.fromEntries(counts),
    )

    const addAthlete = Effect.fnUntraced(function* (choices: object) {
      const { body } = yield* request("POST", "/v1/athletes", choices)
      return { athleteId: String(body.profile.athleteId), key: String(body.key), profile: body.profile }
    })

    const addDevice = Effect.fnUntraced(function* (pairings: Readonly<Record<string, string>> = {}, classId = "main") {
      const { body } = yield* request("POST", "/v1/devices", { name: "Studio" })
      for (const [sensor, athleteId] of Object.entries(pairings)) {
        const paired = yield* request("PUT", `/v1/devices/${body.deviceId}/sensors/${sensor}`, { athleteId, classId })
        if (paired.status !== 200) throw new Error(JSON.stringify(paired))
      }
      const deviceId: DeviceId = body.deviceId
      return { deviceId, key: String(body.key) }
    })

    return {
      url,
      adminKey,
      issueAdminKey,
      send,
      request,
      events,
      addAthlete,
      addDevice,
      sql,
      work,
      log,
      compartments,
      degradation,
    }
  }),
}) {
  /** A server in the data folder given, with some options of its own. */
  static readonly layerOn = <E>(
    store: Layer.Layer<SqliteStore.Provided, E>,
    changes: Partial<Gateway.GatewayOptions> = {},
  ) =>
    TestServer.Default.pipe(
      Layer.provide(Gateway.layer({ ...options, ...changes })),
      Layer.provide(store),
      Layer.provide(Logger.remove(Logger.defaultLogger)),
    )

  /** A server in a folder of its own, which goes away with it. */
  static readonly layer = TestServer.layerOn(SqliteStore.layerTest())
}
