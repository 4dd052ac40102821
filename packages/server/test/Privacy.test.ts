/** What a server keeps of an athlete: all of it is handed out, and all of it goes. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { UnitOfWork } from "@paceline/core/consistency"
import { Topics } from "@paceline/core/contract"
import { Consumer } from "@paceline/core/messaging"
import { Bundle, type SensorKind } from "@paceline/core/wire"
import { Effect, Layer } from "effect"
import * as fc from "fast-check"
import { describe } from "vitest"
import * as SqliteStore from "../src/adapters/sqlite/SqliteStore.ts"
import { block, chunk, greet, seconds } from "./Bridge.ts"
import { eventually, TestServer } from "./TestServer.ts"

const ALIAS = "Wilhelmine-Xanthippe"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "paceline-privacy-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true })),
)

/** The same, with its store beside it, for a consumer of the test's own. */
const withStoreOn = (path: string) => {
  const store = SqliteStore.layer({ folder: path })
  return Layer.provideMerge(TestServer.layerOn(store), store)
}

/** A server on a data folder that outlives it. */
const on = (path: string) => TestServer.layerOn(SqliteStore.layer({ folder: path }))

interface Line {
  readonly type: string
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into the JSON and fails where it is not as expected
  readonly [field: string]: any
}

const linesOf = (body: string): ReadonlyArray<Line> =>
  body
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))

const exportOf = (athleteId: string, key?: string) =>
  Effect.gen(function* () {
    const server = yield* TestServer
    return yield* Effect.promise(async () => {
      const headers = { authorization: `Bearer ${key ?? server.adminKey}` }
      const response = await fetch(`${server.url}/v1/athletes/${athleteId}/export`, { headers })
      return { status: response.status, type: response.headers.get("content-type"), text: await response.text() }
    })
  })

/** Two athletes on one bridge; both trained, one with a watch beside the strap. */
const trained = Effect.gen(function* () {
  const server = yield* TestServer
  const anna = yield* server.addAthlete({ alias: ALIAS, maxHeartRateBpm: 200, heartRateVisible: false })
  const bo = yield* server.addAthlete({ alias: "Bo", maxHeartRateBpm: 200 })
  const studio = yield* server.addDevice({ "strap-01": anna.athleteId, "strap-02": bo.athleteId })
  const phone = yield* server.addDevice({ watch: anna.athleteId })
  const both = chunk(1, [
    block("heartRate", seconds(0, 300, 162), "strap-01"),
    block(
      "power",
      [
        [1_000, Number.NaN],
        [2_000, -0],
        [3_000, 210.5],
      ],
      "strap-01",
    ),
    block("heartRate", seconds(0, 300, 142), "strap-02"),
    block("activity", [[300_000, 0]], "strap-01"),
    block("activity", [[300_000, 0]], "strap-02"),
    block("heartRate", seconds(0, 10, 99), "strap-03"),
  ])
  const alone = chunk(1, [
    block("heartRate", seconds(0, 310, 162), "watch"),
    block("activity", [[310_000, 0]], "watch"),
  ])
  for (const [device, sent] of [
    [studio, both],
    [phone, alone],
  ] as const) {
    const { bridge } = yield* greet(device)
    bridge.say(sent)
    expect(yield* bridge.next).toMatchObject({ n: 1 })
    bridge.close()
  }
  const putOnce = (path: string, key: string, idempotencyKey: string, body: object) =>
    Effect.promise(() =>
      fetch(server.url + path, {
        method: "PUT",
        headers: {
          authorization: `Bearer ${key}`,
          "content-type": "application/json",
          "idempotency-key": `"${idempotencyKey}"`,
        },
        body: JSON.stringify(body),
      }),
    )
  const change = { alias: ALIAS, heartRateVisible: false, maxHeartRateBpm: 200, version: 1 }
  yield* putOnce("/v1/me", anna.key, "her-own", change)
  // An answer of the admin's names her, too.
  const paired = { athleteId: anna.athleteId, classId: "main" }
  yield* putOnce(`/v1/devices/${phone.deviceId}/sensors/spare`, server.adminKey, "of-the-admin", paired)
  yield* eventually(server.request("GET", "/v1/classes/main/leaderboard"), ({ body }) => body.length === 2)
  yield* eventually(server.request("GET", `/v1/athletes/${anna.athleteId}/merges`), ({ body }) => body.length === 1)
  return { anna, bo, studio, phone, both }
})

/** Every byte of the data folder. */
const bytesOf = (path: string) =>
  readdirSync(path)
    .filter((name) => name.startsWith("paceline.db"))
    .map((name) => readFileSync(join(path, name)).toString("latin1"))
    .join("\n")

describe("An export", () => {
  it.scopedLive("has all of an athlete that was put in, and nothing of another", () =>
    Effect.gen(function* () {
      const { anna, bo, studio } = yield* trained
      const { status, text, type } = yield* exportOf(anna.athleteId, anna.key)
      expect([status, type]).toEqual([200, "application/x-ndjson"])
      const lines = linesOf(text)
      expect(lines[0]).toMatchObject({ type: "export", version: 1, athleteId: anna.athleteId })
      expect(lines.at(-1)).toEqual({ type: "end", records: lines.length - 1 })
      const of = (type: string) => lines.filter((line) => line.type === type)
      expect(of("profile")).toMatchObject([{ alias: ALIAS, heartRateVisible: false, maxHeartRateBpm: 200 }])
      expect(of("key")).toHaveLength(1)
      expect(of("answer")).toMatchObject([{ key: "her-own" }])
      expect(
        of("pairing")
          .map(({ sensor }) => sensor)
          .toSorted(),
      ).toEqual(["spare", "strap-01", "watch"])
      expect(
        of("session")
          .map(({ heartRateAtMs }) => heartRateAtMs.length)
          .toSorted(),
      ).toEqual([300, 310])
      expect(of("merge")).toHaveLength(1)
      expect(of("points").filter(({ mergedInto }) => mergedInto === null)).toMatchObject([
        { mergedFrom: [expect.any(String), expect.any(String)] },
      ])
      expect(of("points")).toHaveLength(3)
      expect(of("standing")).toMatchObject([{ alias: ALIAS, workouts: 1 }])

      const samples = of("samples")
      const strap = samples.filter(({ deviceId, sensor }) => deviceId === studio.deviceId && sensor === "strap-01")
      expect(strap.map(({ kind, unit }) => [kind, unit])).toEqual([
        ["heartRate", "bpm"],
        ["power", "W"],
        ["activity", "mark"],
      ])
      const [heart, power] = strap
      expect(heart!["atMillis"]).toEqual(seconds(0, 300, 162).map(([at]) => at))
      expect(heart!["values"]).toEqual(seconds(0, 300, 162).map(([, value]) => value))
      expect(power!["values"]).toEqual(["NaN", "-0", 210.5])
      expect(samples.filter(({ sensor }) => sensor === "watch")).toHaveLength(2)
      expect(text).not.toMatch(/strap-02|strap-03/)
      expect(text).not.toContain(bo.athleteId)
    }).pipe(Effect.provide(TestServer.layer)),
  )

  it.scopedLive("gives back every sample of any streams as the same number, in the order of its chunks", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const anna = yield* server.addAthlete({ alias: "Anna" })
      const device = yield* server.addDevice({ "strap-01": anna.athleteId })
      const samples = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 ** 41 }), fc.double()), {
        minLength: 1,
        maxLength: 30,
      })
      const any = fc
        .tuple(
          samples,
          fc.constantFrom<SensorKind.SensorKind | "custom">("power", "speed", "latitude", "heartRate", "custom"),
        )
        .map(([pairs, kind]): Bundle.Block => {
          const own = { sensor: "strap-01", atMillis: pairs.map(([at]) => at), values: pairs.map(([, value]) => value) }
          return kind === "custom" ? { ...own, kind, name: "muscleOxygen", unit: "%" } : { ...own, kind }
        })
      const chunks = fc.sample(fc.array(any, { maxLength: 4 }), { numRuns: 130, seed: 20261120 })
      const { bridge } = yield* greet(device)
      for (const [i, blocks] of chunks.entries()) {
        bridge.say(chunk(i + 1, [...blocks, block("power", [[1, 1]], "somebody-else")]))
        expect(yield* bridge.next).toMatchObject({ n: i + 1 })
      }
      const lines = linesOf((yield* exportOf(anna.athleteId, anna.key)).text).filter(({ type }) => type === "samples")
      const numberOf = (value: number | string) => Number(value)
      const back = lines.map((line) => ({
        n: line["n"],
        atMillis: line["atMillis"],
        values: line["values"].map(numberOf),
      }))
      const sent = chunks.flatMap((blocks, i) => blocks.map(({ atMillis, values }) => ({ n: i + 1, atMillis, values })))
      expect(back).toHaveLength(sent.length)
      for (const [i, { values, ...rest }] of sent.entries()) {
        expect(back[i]).toMatchObject(rest)
        expect(values.every((value, at) => Object.is(value, back[i]!.values[at]))).toBe(true)
      }
    }).pipe(Effect.provide(TestServer.layer)),
  )

  it.scopedLive("has the heart rate that its athlete hides from others; what is public has none, merged or not", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const { anna, bo } = yield* trained
      expect((yield* exportOf(anna.athleteId, anna.key)).text).toContain('"heartRateVisible":false')
      const open = [`/v1/athletes/${anna.athleteId}/points`, "/v1/classes/main/leaderboard"]
      for (const path of open) {
        const { body, status } = yield* server.request("GET", path, undefined, null)
        expect(status).toBe(200)
        expect(body.length).toBeGreaterThan(0)
        expect(JSON.stringify(body)).not.toMatch(/bpm/i)
      }
      for (const what of ["workouts", "merges", "export"]) {
        const path = `/v1/athletes/${anna.athleteId}/${what}`
        expect((yield* server.request("GET", path, undefined, bo.key)).status).toBe(403)
        expect((yield* server.request("GET", path, undefined, null)).status).toBe(401)
      }
    }).pipe(Effect.provide(TestServer.layer)),
  )

  it.scopedLive("is the athlete's own, and the admin's", () =>
    Effect.gen(function* () {
      const { anna, bo } = yield* trained
      expect((yield* exportOf(anna.athleteId, bo.key)).status).toBe(403)
      expect((yield* exportOf(anna.athleteId)).status).toBe(200)
      expect((yield* exportOf("nobody")).status).toBe(404)
    }).pipe(Effect.provide(TestServer.layer)),
  )
})

describe("An erasure", () => {
  it.scopedLive("leaves nothing of the athlete in the file, and everything of the others", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const { anna, bo } = yield* Effect.gen(function* () {
        const server = yield* TestServer
        const { anna, bo, both, phone, studio } = yield* trained
        const before = linesOf((yield* exportOf(bo.athleteId)).text)
        expect(bytesOf(path)).toContain(anna.athleteId)
        const { bridge: connected } = yield* greet(studio)

        const asked = yield* server.request("DELETE", `/v1/athletes/${anna.athleteId}`, undefined, anna.key)
        expect(asked).toMatchObject({ status: 202, body: { athleteId: anna.athleteId, status: "running" } })
        // Her key is gone with that, and whoever asks again gets the same erasure.
        expect((yield* server.request("GET", "/v1/me", undefined, anna.key)).status).toBe(401)
        const erasure = server.request("GET", `/v1/athletes/${anna.athleteId}/erasure`)
        // What she has is a receipt. It needs no key, says nothing of whose it is, and is only in the first answer.
        const receipt: string = asked.body.receipt
        const followed = server.request("GET", `/v1/erasures/${receipt}`, undefined, null)
        const seen = yield* eventually(followed, ({ body }) => body.status === "complete")
        expect(Object.keys(seen.body).toSorted()).toEqual(["completedAtMs", "requestedAtMs", "status", "step"])
        const guessed = yield* server.request("GET", `/v1/erasures/${"A".repeat(22)}`, undefined, null)
        expect(guessed).toMatchObject({ status: 404, body: { _tag: "NotFound" } })
        expect(bytesOf(path)).not.toContain(receipt)
        const done = yield* eventually(erasure, ({ body }) => body.status === "complete")
        for (const trace of [anna.athleteId, ALIAS, anna.key]) expect(bytesOf(path)).not.toContain(trace)
        expect(yield* server.request("DELETE", `/v1/athletes/${anna.athleteId}`)).toEqual({ ...done, status: 202 })

        // What the bridge sends again is known; what it sends anew of her strap is nobody's.
        connected.say(both)
        expect(yield* connected.next).toMatchObject({ n: 1 })
        connected.say(chunk(2, [block("heartRate", seconds(400, 410, 171), "strap-01")]))
        expect(yield* connected.next).toMatchObject({ n: 2 })
        connected.close()
        const devices = (yield* server.request("GET", "/v1/devices")).body
        expect(devices.find((device: Line) => device["deviceId"] === studio.deviceId)).toMatchObject({
          chunks: 2,
          redeliveriesSuppressed: 1,
          quarantined: 0,
          sensors: [{ sensor: "strap-02" }],
        })
        const [row] = yield* server.sql<{ readonly payload: Uint8Array; readonly erased: number }>`
          SELECT payload, erased FROM chunk WHERE device_id = ${studio.deviceId} AND n = 1`
        const left = Bundle.decode(row!.payload)
        expect("_tag" in left ? left : left.map(({ kind, sensor }) => `${sensor} ${kind}`)).toEqual([
          "strap-02 heartRate",
          "strap-02 activity",
          "strap-03 heartRate",
        ])
        expect(row!.erased).toBe(3)
        const [watch] = yield* server.sql<{ readonly payload: Uint8Array }>`
          SELECT payload FROM chunk WHERE device_id = ${phone.deviceId}`
        expect(Bundle.decode(watch!.payload)).toEqual([])

        const after = linesOf((yield* exportOf(bo.athleteId)).text)
        expect(after.slice(1)).toEqual(before.slice(1))
        expect((yield* server.request("GET", "/v1/classes/main/leaderboard")).body).toMatchObject([{ alias: "Bo" }])
        expect((yield* server.request("GET", "/v1/athletes")).body).toMatchObject([{ alias: "Bo" }])
        expect((yield* exportOf(anna.athleteId)).status).toBe(404)
        // What hangs on a session, and says no name, has gone with it.
        for (const table of ["session_heart_rate", "activity_merge_session"]) {
          const left = yield* server.sql`
            SELECT 1 FROM ${server.sql.literal(table)} WHERE session_id NOT IN (SELECT session_id FROM training_session)`
          expect([table, left]).toEqual([table, []])
        }
        for (const table of ["series_bucket", "series_chunk"]) {
          const left = yield* server.sql`
            SELECT 1 FROM ${server.sql.literal(table)} WHERE stream_id NOT IN (SELECT id FROM series_stream)`
          expect([table, left]).toEqual([table, []])
        }
        const wore = yield* server.sql`SELECT 1 FROM series_stream WHERE athlete_id NOT IN (${bo.athleteId})`
        expect(wore).toEqual([])
        return { anna, bo }
      }).pipe(Effect.provide(on(path)), Effect.scoped)

      const bytes = bytesOf(path)
      expect(bytes).toContain(bo.athleteId)
      for (const trace of [anna.athleteId, ALIAS, anna.key]) expect(bytes).not.toContain(trace)
    }),
  )

  it.scopedLive("waits until everybody has heard of it, and goes on where it was after a restart", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const slow = ["a-slow-group", "people"] as const
      const athleteId = yield* Effect.gen(function* () {
        const server = yield* TestServer
        const { anna } = yield* trained
        yield* UnitOfWork.run(server.log.subscribe(...slow)).pipe(Effect.provideService(UnitOfWork, server.work))
        yield* server.request("DELETE", `/v1/athletes/${anna.athleteId}`)
        const erasure = server.request("GET", `/v1/athletes/${anna.athleteId}/erasure`)
        yield* eventually(erasure, ({ body }) => body.step.startsWith("waiting"))
        return anna.athleteId
      }).pipe(Effect.provide(on(path)), Effect.scoped)
      expect(bytesOf(path)).toContain(athleteId)
      yield* Effect.gen(function* () {
        const server = yield* TestServer
        const erasure = server.request("GET", `/v1/athletes/${athleteId}/erasure`)
        expect((yield* erasure).body).toMatchObject({ status: "running" })
        yield* UnitOfWork.run(server.log.unsubscribe(...slow)).pipe(Effect.provideService(UnitOfWork, server.work))
        yield* eventually(erasure, ({ body }) => body.status === "complete")
      }).pipe(Effect.provide(on(path)), Effect.scoped)
      const bytes = bytesOf(path)
      for (const trace of [athleteId, ALIAS]) expect(bytes).not.toContain(trace)
    }),
  )

  it.scopedLive("leaves no copy with a group that could not take the announcement itself", () =>
    Effect.gen(function* () {
      const path = yield* folder
      yield* Effect.gen(function* () {
        const server = yield* TestServer
        const { athleteId } = yield* server.addAthlete({ alias: ALIAS })
        yield* UnitOfWork.run(server.log.subscribe("mail", "people")).pipe(
          Effect.provideService(UnitOfWork, server.work),
        )
        yield* server.request("DELETE", `/v1/athletes/${athleteId}`)
        const erasure = server.request("GET", `/v1/athletes/${athleteId}/erasure`)
        yield* eventually(erasure, ({ body }) => body.step.startsWith("waiting"))
        // What fails is parked: the group has passed it, and has it still.
        yield* Consumer.run({
          group: "mail",
          topic: Topics.people,
          attempts: 2,
          backoff: { baseMillis: 1, maxMillis: 2, factor: 2 },
          handle: () => Effect.fail("no mail server"),
        }).pipe(Effect.forkScoped)
        yield* eventually(erasure, ({ body }) => body.status === "complete")
        const left =
          yield* server.sql`SELECT kind FROM aggregate WHERE instr(state, ${athleteId}) > 0 OR id = ${athleteId}`
        expect(left).toEqual([])
        expect(bytesOf(path)).not.toContain(athleteId)
      }).pipe(Effect.provide(withStoreOn(path)), Effect.scoped)
    }),
  )

  it.scopedLive("is the athlete's own to ask for, and the admin's; of nobody there is none", () =>
    Effect.gen(function* () {
      const server = yield* TestServer
      const anna = yield* server.addAthlete({ alias: "Anna" })
      const bo = yield* server.addAthlete({ alias: "Bo" })
      expect((yield* server.request("DELETE", `/v1/athletes/${anna.athleteId}`, undefined, bo.key)).status).toBe(403)
      expect((yield* server.request("DELETE", "/v1/athletes/nobody")).status).toBe(404)
      expect((yield* server.request("GET", `/v1/athletes/${anna.athleteId}/erasure`)).status).toBe(404)
      expect((yield* server.request("GET", "/v1/me", undefined, anna.key)).status).toBe(200)
    }).pipe(Effect.provide(TestServer.layer)),
  )
})
