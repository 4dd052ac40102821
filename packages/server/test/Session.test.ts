/** Who has changed something sees it in what they read next, also where a consumer group has to get there first. */
import { expect, it } from "@effect/vitest"
import { createClient } from "@paceline/client-sdk"
import { AthleteId, ClassId, ProfileChanged, SessionId, Topics, WorkoutCompleted } from "@paceline/core/contract"
import { SessionToken } from "@paceline/core/kernel"
import { EventLog } from "@paceline/core/messaging"
import { Duration, Effect, Fiber } from "effect"
import { describe } from "vitest"
import { TestServer } from "./TestServer.ts"

const read = (path: string, session?: string) =>
  Effect.flatMap(TestServer, ({ url }) =>
    Effect.promise(async () => {
      const response = await fetch(url + path, {
        headers: session === undefined ? {} : { "paceline-session": session },
      })
      return { status: response.status, body: await response.json() }
    }),
  )

/** An athlete with points in the class "main". */
const athleteWithPoints = Effect.gen(function* () {
  const server = yield* TestServer
  const { key, profile, ...added } = yield* server.addAthlete({ alias: "Anna" })
  const athleteId = AthleteId.make(added.athleteId)
  const event = new WorkoutCompleted({
    sessionId: SessionId.make("session-1"),
    athleteId,
    classId: ClassId.make("main"),
    startedAtMs: 0,
    endedAtMs: 60_000,
    zoneMillis: [0, 0, 0, 0, 0, 60_000],
    heartRateSamples: 60,
    meanHeartRateBpm: 180,
    highestHeartRateBpm: 190,
  })
  yield* EventLog.publish(Topics.training, [{ key: athleteId, event }]).pipe(
    Effect.provideService(EventLog.EventLog, server.log),
  )
  return { athleteId, key, profile, server }
})

const LEADERBOARD = "/v1/classes/main/leaderboard"

/** A token of a session that has written all of a topic's records before `end`. */
const writtenUpTo = (topic: string, end: number) =>
  SessionToken.encode(SessionToken.make(0n, [{ topic, partition: 0, offset: end - 1 }]))

describe("A session", () => {
  it.scopedLive("[log 7] sees on the leaderboard what it changed a moment ago", () =>
    Effect.gen(function* () {
      const { athleteId, key, server } = yield* athleteWithPoints
      yield* read(LEADERBOARD, writtenUpTo("training", 1))
      const client = yield* Effect.acquireRelease(
        Effect.sync(() => createClient({ url: server.url, key })),
        (client) => Effect.sync(client.close),
      )
      const profile = yield* Effect.promise(() => client.me.get())
      // The group that counts has so much before it that it cannot be through when the client reads.
      const event = new ProfileChanged({ ...profile, athleteId: AthleteId.make("crowd") })
      yield* EventLog.publish(
        Topics.people,
        Array.from({ length: 5_000 }, () => ({ key: event.athleteId, event })),
      ).pipe(Effect.provideService(EventLog.EventLog, server.log))
      yield* Effect.promise(() => client.me.change(profile, { alias: "Anka" }))
      expect(yield* Effect.promise(() => client.classes("main").leaderboard())).toMatchObject([
        { athleteId, alias: "Anka" },
      ])
    }).pipe(Effect.provide(TestServer.layer)),
  )

  it.scopedLive("[log 7] makes its next read wait until the change has come there", () =>
    Effect.gen(function* () {
      const { athleteId, key, profile, server } = yield* athleteWithPoints
      expect(yield* read(LEADERBOARD, writtenUpTo("training", 1))).toMatchObject({
        status: 200,
        body: [{ athleteId, alias: "Anna", points: 5 }],
      })
      expect(yield* read(`/v1/athletes/${athleteId}/points`, writtenUpTo("training", 1))).toMatchObject({
        body: [{ points: 5 }],
      })
      // Record 0 of "people" is there, 1 comes only while the reader waits.
      const waiting = yield* Effect.fork(read(LEADERBOARD, writtenUpTo("people", 2)))
      yield* Effect.sleep(300)
      expect(yield* Fiber.poll(waiting)).toMatchObject({ _tag: "None" })
      yield* server.request("PUT", "/v1/me", { ...profile, alias: "Anka" }, key)
      expect(yield* Fiber.join(waiting)).toMatchObject({ status: 200, body: [{ alias: "Anka" }] })
    }).pipe(Effect.provide(TestServer.layer)),
  )

  it.scopedLive("is told so when that takes too long, and a header that is no token is refused", () =>
    Effect.gen(function* () {
      const [took, answer] = yield* Effect.timed(read(LEADERBOARD, writtenUpTo("people", 100)))
      expect(answer).toMatchObject({ status: 503, body: { _tag: "Unavailable" } })
      expect(Duration.toMillis(took)).toBeGreaterThan(1900)
      for (const session of ["no token", "bm8", "x".repeat(20_000)]) {
        const refused = yield* read(LEADERBOARD, session)
        expect(refused.status).toBeGreaterThanOrEqual(400)
        expect(refused.status).toBeLessThan(500)
      }
      expect(yield* read(LEADERBOARD)).toMatchObject({ status: 200 })
    }).pipe(Effect.provide(TestServer.layer)),
  )

  it.scopedLive("grows with each change, and is left out where nothing was changed", () =>
    Effect.gen(function* () {
      const { key, profile, server } = yield* athleteWithPoints
      const put = (body: object, session?: string) =>
        Effect.promise(async () => {
          const headers = {
            authorization: `Bearer ${key}`,
            "content-type": "application/json",
            ...(session !== undefined && { "paceline-session": session }),
          }
          const response = await fetch(`${server.url}/v1/me`, { method: "PUT", headers, body: JSON.stringify(body) })
          return { status: response.status, session: response.headers.get("paceline-session") }
        })
      const before = SessionToken.encode(SessionToken.make(7n, [{ topic: "other", partition: 3, offset: 9 }]))
      const { session } = yield* put({ ...profile, alias: "Anka" }, before)
      const { log, store } = SessionToken.decode(session ?? "") ?? SessionToken.empty
      expect(store).toBe(7n)
      expect(log).toEqual(
        expect.arrayContaining([
          { topic: "other", partition: 3, offset: 9 },
          { topic: "people", partition: 0, offset: 1 },
          { topic: "training", partition: 0, offset: 0 },
        ]),
      )
      expect(yield* put({ ...profile, alias: "Ann" })).toEqual({ status: 409, session: null })
      expect(yield* put({ ...profile, alias: "Ann" }, "no token")).toEqual({ status: 400, session: null })
    }).pipe(Effect.provide(TestServer.layer)),
  )
})
