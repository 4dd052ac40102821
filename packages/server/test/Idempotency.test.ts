/** Requests that come again with the same `Idempotency-Key`, through real HTTP, also after a restart of the server. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { describe } from "vitest"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"
import { type Answer, TestServer } from "./TestServer.ts"

interface Sent {
  readonly method?: string
  readonly path: string
  readonly body?: unknown
  readonly key?: string
  /** As the header has it. */
  readonly idempotency?: string
}

const send = ({ body, idempotency, key, method = "POST", path }: Sent) =>
  Effect.flatMap(TestServer, (server) =>
    Effect.promise(async (): Promise<Answer> => {
      const response = await fetch(server.url + path, {
        method,
        headers: {
          authorization: `Bearer ${key ?? server.adminKey}`,
          "content-type": "application/json",
          ...(idempotency === undefined ? {} : { "idempotency-key": idempotency }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return { status: response.status, body: await response.json() }
    }),
  )

const addAnna = { path: "/v1/athletes", body: { alias: "Anna" }, idempotency: '"add-anna"' }
const athletes = Effect.map(send({ method: "GET", path: "/v1/athletes" }), ({ body }) => body)
const devices = Effect.map(send({ method: "GET", path: "/v1/devices" }), ({ body }) => body)
const appended = Effect.flatMap(TestServer, (server) => server.events)

describe("The same idempotency key", () => {
  it.live("[log 3] gives the same answer, status and body, and does it once", () =>
    Effect.gen(function* () {
      const first = yield* send(addAnna)
      expect(first).toMatchObject({ status: 201, body: { profile: { alias: "Anna", version: 1 } } })
      expect(yield* send(addAnna)).toEqual(first)
      // Without quotation marks it is the same key, and so is a body that says the same.
      expect(yield* send({ ...addAnna, idempotency: "add-anna", body: { alias: " Anna " } })).toEqual(first)
      expect(yield* athletes).toHaveLength(1)
      expect(yield* appended).toMatchObject({ people: 1 })

      const addBridge = { path: "/v1/devices", body: { name: "Studio" }, idempotency: '"add-bridge"' }
      const bridge = yield* send(addBridge)
      expect(yield* send(addBridge)).toEqual(bridge)
      expect(yield* devices).toHaveLength(1)

      const pair = {
        method: "PUT",
        path: `/v1/devices/${bridge.body.deviceId}/sensors/strap-01`,
        body: { athleteId: first.body.profile.athleteId, classId: "main" },
        idempotency: '"pair"',
      }
      expect(yield* send(pair)).toMatchObject({ status: 200, body: { sensor: "strap-01" } })
      // Another pairing meanwhile is not undone by a repetition that comes late.
      yield* send({ ...pair, body: { ...pair.body, classId: "second" }, idempotency: '"pair-again"' })
      expect(yield* send(pair)).toMatchObject({ status: 200, body: { classId: "main" } })
      expect((yield* devices)[0].sensors).toMatchObject([{ classId: "second" }])
    }).pipe(Effect.provide(TestServer.layer)),
  )

  it.live("[log 3] gives the same answer to those who come while the first is still running", () =>
    Effect.gen(function* () {
      const answers = yield* Effect.all(
        Array.from({ length: 10 }, () => send(addAnna)),
        { concurrency: "unbounded" },
      )
      for (const answer of answers) expect(answer).toEqual(answers[0])
      expect(answers[0]).toMatchObject({ status: 201 })
      expect(yield* athletes).toHaveLength(1)
      expect(yield* appended).toMatchObject({ people: 1 })
    }).pipe(Effect.provide(TestServer.layer)),
  )

  it.scopedLive("[log 3] gives the same answer after a restart of the server", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline-idempotency-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
      )
      const run = <A, E>(test: Effect.Effect<A, E, TestServer>) =>
        Effect.provide(test, TestServer.layerOn(SqliteStore.layer({ folder })))

      const before = yield* run(
        Effect.gen(function* () {
          const { adminKey } = yield* TestServer
          const added = yield* send(addAnna)
          const change = {
            method: "PUT",
            path: "/v1/me",
            key: added.body.key,
            body: { ...added.body.profile, alias: "Anka" },
            idempotency: '"rename"',
          }
          return { adminKey, added, change, changed: yield* send(change), appended: yield* appended }
        }),
      )
      expect(before.changed).toMatchObject({ status: 200, body: { alias: "Anka", version: 2 } })
      yield* run(
        Effect.gen(function* () {
          expect(yield* send({ ...addAnna, key: before.adminKey })).toEqual(before.added)
          expect(yield* send(before.change)).toEqual(before.changed)
          expect(yield* athletes).toHaveLength(1)
          expect(yield* appended).toEqual(before.appended)
        }),
      )
    }),
  )

  it.live("[log 3] is refused with another request, and nothing is done", () =>
    Effect.gen(function* () {
      const { body } = yield* send(addAnna)
      const refused = { status: 422, body: { _tag: "IdempotencyKeyReused" } }
      expect(yield* send({ ...addAnna, body: { alias: "Bo" } })).toMatchObject(refused)
      expect(yield* send({ ...addAnna, path: "/v1/devices", body: { name: "Studio" } })).toMatchObject(refused)
      expect(yield* athletes).toMatchObject([{ alias: "Anna" }])
      expect(yield* devices).toEqual([])
      expect(body.profile.alias).toBe("Anna")
    }).pipe(Effect.provide(TestServer.layer)),
  )

  it.live("is another one for another account", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const [anna, bo] = [yield* server.addAthlete({ alias: "Anna" }), yield* server.addAthlete({ alias: "Bo" })]
      for (const { key, profile } of [anna, bo]) {
        const body = { ...profile, alias: `${profile.alias}2` }
        const changed = yield* send({ method: "PUT", path: "/v1/me", key, body, idempotency: '"1"' })
        expect(changed).toMatchObject({ status: 200, body: { alias: `${profile.alias}2`, version: 2 } })
      }
    }).pipe(Effect.provide(TestServer.layer)),
  )

  it.live("is free again when the request was refused, because nothing was done", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const bridge = yield* server.addDevice()
      const path = `/v1/devices/${bridge.deviceId}/sensors/strap-01`
      const pair = { method: "PUT", path, idempotency: '"pair"' }
      const nobody = { athleteId: "nobody", classId: "main" }
      expect(yield* send({ ...pair, body: nobody })).toMatchObject({ status: 404 })
      const { athleteId } = yield* server.addAthlete({ alias: "Anna" })
      expect(yield* send({ ...pair, body: { ...nobody, athleteId } })).toMatchObject({ status: 200 })
    }).pipe(Effect.provide(TestServer.layer)),
  )

  it.live("is looked at after the sender's rights: a stranger learns nothing from a key", () =>
    Effect.gen(function* () {
      const { body } = yield* send(addAnna)
      expect(yield* send({ ...addAnna, key: body.key })).toMatchObject({ status: 403 })
      expect(yield* send({ ...addAnna, key: "pl_nobody" })).toMatchObject({ status: 401 })
    }).pipe(Effect.provide(TestServer.layer)),
  )
})

describe("Without a key that can be used", () => {
  it.live("a request is done each time, and one with a header that is none is refused", () =>
    Effect.gen(function* () {
      const { idempotency: _, ...unkeyed } = addAnna
      yield* send(unkeyed)
      yield* send(unkeyed)
      expect(yield* athletes).toHaveLength(2)
      for (const idempotency of ['""', '"open', "two words", `"${"x".repeat(256)}"`]) {
        expect(yield* send({ ...addAnna, idempotency })).toMatchObject({
          status: 400,
          body: { _tag: "InvalidRequest" },
        })
      }
      expect(yield* athletes).toHaveLength(2)
    }).pipe(Effect.provide(TestServer.layer)),
  )
})

describe("An answer with a secret in it", () => {
  it.live("is kept so that the store's file tells nobody a key, and only the sender gets it again", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { body } = yield* send(addAnna)
      const kept = yield* server.sql<{ answer: string }>`SELECT key, fingerprint, answer FROM idempotent_answer`
      expect(kept).toHaveLength(1)
      expect(JSON.stringify(kept)).not.toContain(body.key)
      expect(JSON.stringify(kept)).not.toContain("Anna")

      const other = yield* server.issueAdminKey()
      expect(yield* send({ ...addAnna, key: other })).toMatchObject({ status: 422 })
      expect(yield* send(addAnna)).toMatchObject({ status: 201, body: { key: body.key } })
    }).pipe(Effect.provide(TestServer.layer)),
  )
})

describe("A page of another origin", () => {
  it.live("may send the header from a browser", () =>
    Effect.gen(function* () {
      const { url } = yield* TestServer
      const allowed = yield* Effect.promise(async () => {
        const headers = { origin: "https://app.example" }
        const response = await fetch(`${url}/v1/me`, { method: "OPTIONS", headers })
        return response.headers.get("access-control-allow-headers")
      })
      expect(allowed?.split(", ")).toContain("idempotency-key")
    }).pipe(Effect.provide(TestServer.layer)),
  )
})

describe("The description of the API", () => {
  it.live("names the header where it is understood, and the errors", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { body } = yield* server.request("GET", "/openapi.json", undefined, null)
      const keyed = Object.entries<Record<string, { parameters?: ReadonlyArray<{ name: string }>; responses: object }>>(
        body.paths,
      ).flatMap(([path, methods]) =>
        Object.entries(methods).flatMap(([method, { parameters = [], responses }]) => {
          const named = parameters.some(({ name }) => name === "Idempotency-Key")
          expect("422" in responses).toBe(named)
          return named ? [`${method} ${path}`] : []
        }),
      )
      expect(keyed.sort()).toEqual([
        "delete /v1/athletes/{athleteId}/merges/{mergeId}",
        "post /v1/athletes",
        "post /v1/athletes/{athleteId}/merges",
        "post /v1/classes/{classId}/athletes/{athleteId}/complete",
        "post /v1/devices",
        "put /v1/devices/{deviceId}/sensors/{sensor}",
        "put /v1/me",
      ])
      const of = (status: string) => JSON.stringify(body.paths["/v1/me"].put.responses[status])
      expect(of("409")).toContain("ProfileConflict")
      expect(of("422")).toContain("IdempotencyKeyReused")
      expect(Object.keys(body.components.schemas["paceline/ProfileConflict"].properties)).toEqual(
        expect.arrayContaining(["fields", "mine", "theirs", "expectedVersion", "actualVersion"]),
      )
    }).pipe(Effect.provide(TestServer.layer)),
  )
})
